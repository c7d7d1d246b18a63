#include "sink/filesystem/partition_path.h"

#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "format/value_text.h"

namespace mainstem::sink {

std::string EscapePathName(std::string_view text) {
  constexpr std::string_view kSpecial = "\"#%'*/:=?\\{[]^";
  std::string escaped;
  for (char c : text) {
    auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f || kSpecial.find(c) != std::string_view::npos) {
      escaped += fmt::format("%{:02X}", byte);
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

Result<PartitionLayout> PartitionLayout::Make(const arrow::Schema& schema,
                                              const std::vector<std::string>& keys,
                                              std::string default_name, std::string time_column) {
  PartitionLayout layout;
  layout.default_name_ = std::move(default_name);
  if (!time_column.empty()) {
    layout.time_column_ = schema.GetFieldIndex(time_column);
    CHECK(layout.time_column_ >= 0);
    CHECK(schema.field(layout.time_column_)->type()->id() == arrow::Type::TIMESTAMP);
  }
  for (const std::string& key : keys) {
    int column = schema.GetFieldIndex(key);
    if (column < 0) {
      return MakeError(ErrorCode::kSemanticError, "partition key '" + key + "' is not a column");
    }
    layout.keys_.emplace_back(EscapePathName(key), column);
  }
  arrow::FieldVector fields;
  for (int i = 0; i < schema.num_fields(); ++i) {
    const auto& field = schema.field(i);
    if (i == layout.time_column_) continue;
    if (std::find(keys.begin(), keys.end(), field->name()) != keys.end()) continue;
    layout.file_columns_.push_back(i);
    fields.push_back(field);
  }
  if (fields.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     "every column is a partition key: nothing is left to write into files");
  }
  layout.file_schema_ = arrow::schema(std::move(fields));
  return layout;
}

std::string PartitionLayout::FolderOf(const arrow::RecordBatch& rows, int64_t row) const {
  std::string folder;
  for (const auto& [name, column] : keys_) {
    std::string value;
    const arrow::Array& values = *rows.column(column);
    if (values.IsValid(row)) format::AppendValueText(values, row, &value);
    folder += Step(name, value);
  }
  return folder;
}

std::string PartitionLayout::FolderOf(const std::vector<std::optional<std::string>>& values) const {
  std::string folder;
  for (size_t i = 0; i < keys_.size(); ++i) folder += Step(keys_[i].first, values[i].value_or(""));
  return folder;
}

std::optional<format::Instant> PartitionLayout::TimeOf(const arrow::RecordBatch& rows,
                                                       int64_t row) const {
  if (time_column_ < 0) return std::nullopt;
  const auto& times = static_cast<const arrow::TimestampArray&>(*rows.column(time_column_));
  if (times.IsNull(row)) return std::nullopt;
  const auto unit = static_cast<const arrow::TimestampType&>(*times.type()).unit();
  return format::FromTicks(times.Value(row), format::UnitsPerSecond(unit));
}

std::string PartitionLayout::Step(const std::string& key, const std::string& value) const {
  return key + "=" + (value.empty() ? default_name_ : EscapePathName(value)) + "/";
}

Result<ChangelogBatch> PartitionLayout::Take(const ChangelogBatch& batch,
                                             const std::vector<int64_t>& rows) const {
  arrow::ArrayVector columns;
  for (int column : file_columns_) columns.push_back(batch.rows->column(column));
  ChangelogBatch taken;
  taken.rows = arrow::RecordBatch::Make(file_schema_, batch.rows->num_rows(), std::move(columns));
  taken.kinds = batch.kinds;
  if (rows.size() == static_cast<size_t>(batch.rows->num_rows())) return taken;
  arrow::Int64Builder indices;
  RETURN_IF_ERROR(indices.AppendValues(rows));
  ASSIGN_OR_RETURN(auto index_array, indices.Finish());
  ASSIGN_OR_RETURN(arrow::Datum selected,
                   arrow::compute::Take(arrow::Datum(taken.rows), arrow::Datum(index_array)));
  taken.rows = selected.record_batch();
  if (taken.kinds.empty()) return taken;
  taken.kinds.clear();
  for (int64_t row : rows) taken.kinds.push_back(batch.kinds[static_cast<size_t>(row)]);
  return taken;
}

Result<std::vector<PartitionLayout::Part>> PartitionLayout::Split(
    const ChangelogBatch& batch) const {
  std::vector<std::string> folders;
  std::vector<std::vector<int64_t>> rows_of;
  absl::flat_hash_map<std::string, size_t> index_of;
  for (int64_t row = 0; row < batch.rows->num_rows(); ++row) {
    std::string folder = FolderOf(*batch.rows, row);
    auto [found, is_new] = index_of.try_emplace(folder, folders.size());
    if (is_new) {
      folders.push_back(std::move(folder));
      rows_of.emplace_back();
    }
    rows_of[found->second].push_back(row);
  }
  std::vector<Part> parts;
  for (size_t i = 0; i < folders.size(); ++i) {
    ASSIGN_OR_RETURN(ChangelogBatch rows, Take(batch, rows_of[i]));
    parts.push_back({.folder = std::move(folders[i]),
                     .rows = std::move(rows),
                     .first_time = TimeOf(*batch.rows, rows_of[i][0])});
  }
  return parts;
}

}  // namespace mainstem::sink
