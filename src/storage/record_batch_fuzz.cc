// Any bytes: the batch reader answers with records or an error, in bounded memory.
#include "storage/record_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::storage;
  std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
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
