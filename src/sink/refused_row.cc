#include "sink/refused_row.h"

#include <numeric>

#include <arrow/api.h>
#include <fmt/format.h>

#include "format/value_text.h"
#include "sink/print/print_sink.h"

namespace mainstem::sink {

Status CheckDeliveredColumns(const arrow::Schema& schema, const arrow::RecordBatch& rows) {
  bool fits = rows.num_columns() == schema.num_fields();
  for (int i = 0; fits && i < rows.num_columns(); ++i) {
    fits = rows.column(i)->type_id() == schema.field(i)->type()->id();
  }
  if (fits) return Status::OK();
  return MakeError(ErrorCode::kInternal, {.message = "rows have other columns than it",
                                          .detail = rows.schema()->ToString()});
}

std::vector<int> TellingColumns(const std::vector<int>& key_columns, int column_count) {
  if (!key_columns.empty()) return key_columns;
  std::vector<int> all(static_cast<size_t>(column_count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::string KeyText(const arrow::RecordBatch& rows, const std::vector<int>& key_columns,
                    int64_t row) {
  std::string text;
  for (int column : key_columns) {
    if (!text.empty()) text += ", ";
    text += rows.schema()->field(column)->name() + "=";
    format::AppendValueText(*rows.column(column), row, &text);
  }
  return text;
}

std::string RefusedRowText(const arrow::RecordBatch& rows, int64_t row, RowKind kind) {
  constexpr size_t kTextBytesMax = 64u << 10;
  ChangelogBatch one;
  one.rows = rows.Slice(row, 1);
  one.kinds = {kind};
  std::string text = PrintedRows(one, "");
  text.resize(std::min(text.size() - 1, kTextBytesMax));  // without the newline
  return text;
}

connector::RejectedRecord MakeRefusedRow(const arrow::RecordBatch& rows, int64_t row, RowKind kind,
                                         const RefusedRowPlace& place, Status cause) {
  std::string origin =
      fmt::format("{}/{}@<{}", place.delivery_id, place.partition.value(), place.end.value());
  if (!place.key.empty()) origin += " " + place.key;
  return {.origin = std::move(origin),
          .raw_bytes = RefusedRowText(rows, row, kind),
          .cause = std::move(cause)};
}

connector::RejectedRecord RefuseUnstorable(const arrow::RecordBatch& rows, int64_t row,
                                           RowKind kind, const std::vector<int>& key_columns,
                                           const std::string& table, RefusedRowPlace place,
                                           ErrorText why) {
  place.key = KeyText(rows, TellingColumns(key_columns, rows.num_columns()), row);
  why.message = fmt::format("{} cannot store the {} with {}: {}", table,
                            kind == RowKind::kDelete ? "deletion" : "row", place.key, why.message);
  return MakeRefusedRow(rows, row, kind, place,
                        MakeError(ErrorCode::kInvalidRecord, std::move(why)));
}

}  // namespace mainstem::sink
