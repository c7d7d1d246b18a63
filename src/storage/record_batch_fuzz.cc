// Any bytes: the batch reader answers with records or an error, in bounded memory; what a search
// finds in them is a batch.
#include "storage/record_batch.h"

#include "storage/batch_search.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::storage;
  std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  BatchSearch search{.begin = mainstem::Offset(0), .end = mainstem::Offset(INT64_MAX)};
  search.rest_bytes = static_cast<int64_t>(size);
  if (std::optional<BatchPlace> place = FindBatch(bytes, search)) {
    CHECK(place->is_whole && place->position + place->header.total_bytes() <= size);
    CHECK(BatchCrcMatches(bytes.subspan(place->position, place->header.total_bytes())));
  }
  auto header = ParseBatchHeader(bytes);
  if (!header.ok()) return 0;
  std::span<const std::byte> batch = bytes.first(header->total_bytes());
  if (ValidateBatch(*header, batch, {.require_keys = true}).ok()) {
    CHECK(header->record_count > 0);
  }
  auto reader = RecordReader::Open(batch, size_t{4} << 20);
  if (!reader.ok()) return 0;
  RecordView record;
  while (true) {
    auto more = reader->Next(&record);
    if (!more.ok() || !*more) break;
    auto headers = ReadHeaders(record);
    CHECK(headers.ok());
  }
  return 0;
}
