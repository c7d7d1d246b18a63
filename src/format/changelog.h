// A batch of rows as it travels between sources, operators and sinks: Arrow columns and, where the
// stream is not insert-only, a row kind for each row.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

namespace mainstem {

enum class RowKind : int8_t { kInsert = 0, kUpdateBefore = 1, kUpdateAfter = 2, kDelete = 3 };

// "+I" "-U" "+U" "-D"
std::string_view ToString(RowKind kind);

struct ChangelogBatch {
  std::shared_ptr<arrow::RecordBatch> rows;
  // Empty: every row is an insert. Else one for each row.
  std::vector<RowKind> kinds;
};

}  // namespace mainstem
