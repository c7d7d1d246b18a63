// Feeds bytes to what reads a client's texts and the journal's values: sequence numbers, hash keys,
// shard names, iterators, pages, metadata of streams, what the KPL packs. What is read is written
// back the same.
#include <cstdlib>

#include "connector/kinesis/aggregated_record.h"
#include "gateway/kinesis/hash_key.h"
#include "gateway/kinesis/sequence_number.h"
#include "gateway/kinesis/shard_iterator.h"
#include "gateway/kinesis/shard_page.h"
#include "gateway/kinesis/stream_meta.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::gateway::kinesis;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto number = ParseSequenceNumber(text)) {
    if (FormatSequenceNumber(*number) != text) std::abort();
  }
  if (auto key = ParseHashKey(text)) {
    if (FormatHashKey(*key) != text) std::abort();
  }
  if (auto iterator = DecodeShardIterator(text)) {
    if (EncodeShardIterator(*iterator) != text) std::abort();
  }
  if (auto page = DecodeShardPage(text)) {
    if (EncodeShardPage(*page) != text) std::abort();
  }
  ParseShardName(text);
  ParseStreamMetaKey(text);
  auto meta = DecodeStreamMeta(text);
  if (meta.ok()) {
    auto again = DecodeStreamMeta(EncodeStreamMeta(*meta));
    if (!again.ok() || !(*again == *meta)) std::abort();
  }
  std::string packed("\xF3\x89\x9A\xC2");
  packed.append(text);
  HashKey digest = HashKeyOf(text);
  for (int shift = 120; shift >= 0; shift -= 8)
    packed.push_back(static_cast<char>(digest >> shift));
  using mainstem::connector::UserRecord;
  for (const UserRecord& record : mainstem::connector::UnpackAggregatedRecord(packed)) {
    if (record.data.size() > text.size() || record.partition_key.size() > text.size()) std::abort();
  }
  return 0;
}
