#include "sink/jdbc/row_changes.h"

#include <algorithm>
#include <cstring>

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>

#include "connector/jdbc/postgres_text.h"

namespace mainstem::sink {
namespace {

bool HoldsNul(const arrow::Array& array, int64_t row) {
  if (array.IsNull(row)) return false;
  if (array.type_id() == arrow::Type::STRING) {
    std::string_view text = static_cast<const arrow::StringArray&>(array).GetView(row);
    return text.find('\0') != std::string_view::npos;
  }
  if (array.type_id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
      if (HoldsNul(*list.values(), i)) return true;
    }
  }
  return false;
}

// Equal for equal keys only.
std::string KeyBytes(const arrow::RecordBatch& rows, const std::vector<int>& key_columns,
                     int64_t row) {
  std::string bytes = "{";
  for (int column : key_columns) {
    connector::AppendPostgresElement(*rows.column(column), row, &bytes);
    bytes.push_back(',');
  }
  return bytes;
}

Result<std::vector<RowChange>> AppendOnly(const std::vector<RowKind>& kinds, int64_t row_count) {
  std::vector<RowChange> changes;
  for (int64_t row = 0; row < row_count; ++row) {
    if (kinds[static_cast<size_t>(row)] != RowKind::kInsert) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = "a table without a PRIMARY KEY takes inserts only",
                        .hint = "declare PRIMARY KEY (...) NOT ENFORCED in the SQL table"});
    }
    changes.push_back({.row = row});
  }
  return changes;
}

std::vector<RowChange> LastOfEachKey(const arrow::RecordBatch& rows,
                                     const std::vector<RowKind>& kinds,
                                     const std::vector<int>& key_columns) {
  absl::flat_hash_map<std::string, int64_t> last_row;
  last_row.reserve(static_cast<size_t>(rows.num_rows()));
  for (int64_t row = 0; row < rows.num_rows(); ++row) {
    if (kinds[static_cast<size_t>(row)] == RowKind::kUpdateBefore) continue;
    last_row[KeyBytes(rows, key_columns, row)] = row;
  }
  std::vector<RowChange> changes;
  changes.reserve(last_row.size());
  for (const auto& [key, row] : last_row) {
    changes.push_back({row, kinds[static_cast<size_t>(row)] == RowKind::kDelete});
  }
  auto by_row = [](const RowChange& a, const RowChange& b) { return a.row < b.row; };
  std::sort(changes.begin(), changes.end(), by_row);
  return changes;
}

}  // namespace

bool HoldsNul(const arrow::RecordBatch& rows, int64_t row) {
  return std::any_of(rows.columns().begin(), rows.columns().end(),
                     [row](const auto& column) { return HoldsNul(*column, row); });
}

Result<RowChanges> FoldChanges(
    const std::shared_ptr<arrow::Schema>& schema, const std::vector<ChangelogBatch>& batches,
    const std::vector<int>& key_columns,
    const std::function<bool(const arrow::RecordBatch&, int64_t)>& can_store) {
  RowChanges folded;
  arrow::RecordBatchVector parts;
  std::vector<RowKind> kinds;
  for (const ChangelogBatch& batch : batches) {
    auto count = static_cast<size_t>(batch.rows->num_rows());
    // The declared schema: names and nullability of a query's own may differ.
    parts.push_back(
        arrow::RecordBatch::Make(schema, batch.rows->num_rows(), batch.rows->columns()));
    if (batch.kinds.empty()) {
      kinds.insert(kinds.end(), count, RowKind::kInsert);
    } else {
      kinds.insert(kinds.end(), batch.kinds.begin(), batch.kinds.end());
    }
  }
  if (parts.empty()) {
    ASSIGN_OR_RETURN(folded.rows, arrow::RecordBatch::MakeEmpty(schema));
    return folded;
  }
  ASSIGN_OR_RETURN(folded.rows, arrow::ConcatenateRecordBatches(parts));
  if (key_columns.empty()) {
    ASSIGN_OR_RETURN(folded.changes, AppendOnly(kinds, folded.rows->num_rows()));
  } else {
    folded.changes = LastOfEachKey(*folded.rows, kinds, key_columns);
  }
  // A deletion needs its key only: a row whose last value could not be stored can still go.
  ASSIGN_OR_RETURN(const auto keys, folded.rows->SelectColumns(key_columns));
  auto is_storable = [&](const RowChange& change) {
    return can_store(change.is_delete ? *keys : *folded.rows, change.row);
  };
  auto rest = std::stable_partition(folded.changes.begin(), folded.changes.end(), is_storable);
  folded.unstorable.assign(rest, folded.changes.end());
  folded.changes.erase(rest, folded.changes.end());
  return folded;
}

std::string ArrayText(const arrow::Array& column, std::span<const RowChange> changes) {
  std::string text = "{";
  for (const RowChange& change : changes) {
    if (text.size() > 1) text.push_back(',');
    connector::AppendPostgresElement(column, change.row, &text);
  }
  text.push_back('}');
  return text;
}

}  // namespace mainstem::sink
