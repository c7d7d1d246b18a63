// What a batch of changelog rows asks of a table: for each key only its last change counts. And
// how values are written for PostgreSQL. Pure; no libpq.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "format/changelog.h"

namespace mainstem::sink {

struct RowChange {
  int64_t row = 0;
  bool is_delete = false;
};

struct RowChanges {
  std::shared_ptr<arrow::RecordBatch> rows;
  std::vector<RowChange> changes;  // at most one for a key, in the order of those last changes
  // Those that the database cannot hold at all.
  std::vector<RowChange> unstorable;
};

// Whether a text of the row holds U+0000.
bool HoldsNul(const arrow::RecordBatch& rows, int64_t row);

// Joins batches of one schema. Without key columns every row must be an insert: InvalidArgument
// otherwise. `can_store` tells rows that the database can hold.
Result<RowChanges> FoldChanges(
    const std::shared_ptr<arrow::Schema>& schema, const std::vector<ChangelogBatch>& batches,
    const std::vector<int>& key_columns,
    const std::function<bool(const arrow::RecordBatch&, int64_t)>& can_store);

// The values of `changes` in one column as the text of a PostgreSQL array: {1,NULL,"a b"}. Values
// of ARRAY columns become array texts themselves.
std::string ArrayText(const arrow::Array& column, std::span<const RowChange> changes);

}  // namespace mainstem::sink
