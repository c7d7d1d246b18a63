#include "gateway/kinesis/shard_iterator.h"

#include <algorithm>

namespace mainstem::gateway::kinesis {
namespace {

constexpr size_t kIteratorHeadBytes = 16 + 4 + 8;

void PutBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t TakeBigEndian(std::string_view* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>((*bytes)[i]);
  bytes->remove_prefix(count);
  return value;
}

}  // namespace

std::string EncodeShardIterator(const ShardIterator& iterator) {
  std::string out(reinterpret_cast<const char*>(iterator.topic_id.data()),
                  iterator.topic_id.size());
  PutBigEndian(static_cast<uint32_t>(iterator.shard), 4, &out);
  PutBigEndian(static_cast<uint64_t>(iterator.offset.value()), 8, &out);
  return out + iterator.stream_name;
}

std::optional<ShardIterator> DecodeShardIterator(std::string_view bytes) {
  if (bytes.size() < kIteratorHeadBytes) return std::nullopt;
  ShardIterator iterator;
  std::copy_n(bytes.begin(), iterator.topic_id.size(),
              reinterpret_cast<char*>(iterator.topic_id.data()));
  bytes.remove_prefix(iterator.topic_id.size());
  iterator.shard = static_cast<int32_t>(TakeBigEndian(&bytes, 4));
  iterator.offset = Offset(static_cast<int64_t>(TakeBigEndian(&bytes, 8)));
  iterator.stream_name = bytes;
  if (iterator.shard < 0 || iterator.offset.value() < 0) return std::nullopt;
  return iterator;
}

}  // namespace mainstem::gateway::kinesis
