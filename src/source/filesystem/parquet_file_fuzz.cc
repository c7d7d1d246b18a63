// Any bytes as a Parquet file.
#include <algorithm>

#include <arrow/api.h>

#include "source/filesystem/parquet_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::source;
  using arrow::field;
  std::string_view file(reinterpret_cast<const char*>(data), size);
  size_t tail = std::min<size_t>(size, kParquetTailBytes);
  auto footer_bytes = ParquetFooterBytes(file.substr(size - tail), static_cast<int64_t>(size));
  if (!footer_bytes.ok()) return 0;
  auto footer_size = static_cast<size_t>(*footer_bytes);
  std::string footer(file.substr(size - tail - footer_size, footer_size));
  auto wanted = arrow::schema({field("id", arrow::int64()), field("name", arrow::utf8()),
                               field("price", arrow::decimal128(20, 3)),
                               field("l", arrow::list(arrow::int32())),
                               field("r", arrow::struct_({field("x", arrow::int64())}))});
  auto opened = ParquetFile::Open(footer, static_cast<int64_t>(size), wanted);
  if (!opened.ok()) return 0;
  for (int64_t row = 0; row < (*opened)->row_count();) {
    ParquetFile::Place place = (*opened)->Find(row);
    row = place.first_row + (*opened)->RowsOf(place.row_group);
    auto ranges = (*opened)->RangesOf(place.row_group);
    if (!ranges.ok()) return 0;
    std::vector<std::string> bytes;
    for (const ParquetFile::Range& range : *ranges) {
      bytes.emplace_back(
          file.substr(static_cast<size_t>(range.offset), static_cast<size_t>(range.size)));
    }
    if (!(*opened)->Begin(place.row_group, std::move(bytes)).ok()) continue;
    for (int batch = 0; batch < 100; ++batch) {
      auto rows = (*opened)->Next();
      if (!rows.ok() || *rows == nullptr) break;
      if (!(*rows)->ValidateFull().ok()) __builtin_trap();
    }
  }
  return 0;
}
