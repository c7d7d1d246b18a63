#include "sink/redshift/copy_file.h"

#include <arrow/api.h>

#include "connector/jdbc/sql_values.h"
#include "core/json_writer.h"
#include "format/value_text.h"

namespace mainstem::sink {

bool IsCopyValue(const arrow::DataType& type) {
  return connector::IsSqlValue(type) && type.id() != arrow::Type::BINARY;
}

bool IsCopyRow(const arrow::RecordBatch& rows, int64_t row) {
  if (HoldsNul(rows, row)) return false;
  for (const auto& column : rows.columns()) {
    if (column->type_id() != arrow::Type::STRING || column->IsNull(row)) continue;
    if (static_cast<const arrow::StringArray&>(*column).GetView(row) == kCopyNull) return false;
  }
  return true;
}

std::string CopyFile(const RowChanges& rows, std::span<const RowChange> changes,
                     const std::vector<int>& key_columns) {
  std::vector<bool> is_key(static_cast<size_t>(rows.rows->num_columns()), false);
  for (int column : key_columns) is_key[static_cast<size_t>(column)] = true;
  std::string file;
  for (const RowChange& change : changes) {
    for (size_t i = 0; i < is_key.size(); ++i) {
      const auto& column = rows.rows->column(static_cast<int>(i));
      if (column->IsNull(change.row) || (change.is_delete && !is_key[i])) {
        file += kCopyNull;
      } else if (column->type_id() == arrow::Type::STRING) {
        file += '"';
        for (char c : static_cast<const arrow::StringArray&>(*column).GetView(change.row)) {
          if (c == '"') file += '"';
          file += c;
        }
        file += '"';
      } else {
        format::AppendValueText(*column, change.row, &file);
      }
      file += ',';
    }
    file += change.is_delete ? "t," : "f,";
    file += std::to_string(change.row) + "\n";
  }
  return file;
}

std::string CopyManifest(const std::vector<std::string>& urls) {
  JsonWriter json;
  json.BeginObject().Key("entries").BeginArray();
  for (const std::string& url : urls) {
    json.BeginObject().Field("url", url).Field("mandatory", true).EndObject();
  }
  return json.EndArray().EndObject().Take();
}

}  // namespace mainstem::sink
