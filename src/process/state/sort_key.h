// Rows as bytes that compare as ORDER BY does: memcmp of two keys is the order of their rows.
//
//   key    := column*
//   column := 0x00 | 0x01 value | 0x02        NULLs first, a value, NULLs last
//   value  := integers, decimals, dates, times: big endian, sign bit flipped; floating point: sign
//             bit flipped or all bits inverted, NaN last; BOOLEAN one byte; strings and bytes: 0x00
//             written 0x00 0xff, ended by 0x00 0x00. All bits inverted when DESC.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"
#include "process/state/row_codec.h"

namespace mainstem::process {

struct SortColumn {
  std::shared_ptr<arrow::DataType> type;
  bool descending = false;
  bool nulls_first = true;
};

// Immutable after Make; thread-safe.
class SortKeyCodec {
 public:
  // Unsupported for nested types, which have no order.
  static Result<SortKeyCodec> Make(std::vector<SortColumn> columns);
  // `columns` have `row_count` rows each; one key for each row. `keys` keeps its capacity.
  void Encode(const ColumnVector& columns, int64_t row_count, std::vector<std::string>* keys) const;

 private:
  explicit SortKeyCodec(std::vector<SortColumn> columns) : columns_(std::move(columns)) {}
  std::vector<SortColumn> columns_;
};

}  // namespace mainstem::process
