#include "source/jdbc/jdbc_table.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <arrow/api.h>

#include "core/suggest.h"
#include "format/text_column.h"

namespace mainstem::source {
namespace {

// `column` as text that format/text_column reads; "" for a type that is not read.
std::string AsText(const arrow::DataType& type, const std::string& column) {
  switch (type.id()) {
    case arrow::Type::BOOL: return column + "::boolean::text";
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::STRING: return column + "::text";
    case arrow::Type::DECIMAL128: return column + "::numeric::text";
    case arrow::Type::BINARY: return "replace(encode(" + column + ", 'base64'), E'\\n', '')";
    case arrow::Type::DATE32: return column + "::date::text";
    case arrow::Type::TIME32: return column + "::time::text";
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty()
                 ? column + "::timestamp::text"
                 : "(" + column + "::timestamptz AT TIME ZONE 'UTC')::text || 'Z'";
    default: return "";
  }
}

}  // namespace

Status JdbcTable::CheckTypes(const std::string& table, const arrow::Schema& schema) {
  for (const auto& field : schema.fields()) {
    if (!AsText(*field->type(), "x").empty()) continue;
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "table '" + table + "': column '" + field->name() + "' of type " +
                                 field->type()->ToString() + " cannot be read by connector 'jdbc'",
                      .hint = "declare it as STRING: it is then read as PostgreSQL prints it"});
  }
  return Status::OK();
}

Result<JdbcTable> JdbcTable::Find(connector::PostgresConnection* connection,
                                  const JdbcTarget& target, const std::vector<int>& projection) {
  JdbcTable table;
  table.shown_ = "'" + target.table_name + "' at " + connection->shown();
  // -1: of char(2) without its length PostgreSQL says "bpchar"; with NULL "character", which read
  // back is char(1).
  ASSIGN_OR_RETURN(
      const auto columns,
      connection->Run("SELECT a.attname, format_type(a.atttypid, -1), c.oid::regclass::text, "
                      "c.relkind IN ('r', 'm') AND NOT EXISTS "
                      // relhassubclass stays true when the last child has gone.
                      "(SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid) "
                      "FROM pg_class c JOIN pg_attribute a "
                      "ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                      "WHERE c.oid = $1::regclass ORDER BY a.attnum",
                      {target.table_name}));
  for (int row = 0; row < columns.row_count(); ++row) {
    table.server_columns_.emplace_back(columns.Text(row, 0), columns.Text(row, 1));
    table.name_ = columns.Text(row, 2);
    table.has_ctid_ = columns.Bool(row, 3);
  }
  arrow::FieldVector fields;
  for (const int index : projection) {
    const auto& field = target.schema->field(index);
    ASSIGN_OR_RETURN(const Column column, table.ColumnOf(field->name()));
    if (!table.select_list_.empty()) table.select_list_ += ", ";
    table.select_list_ += AsText(*field->type(), column.name);
    fields.push_back(field);
  }
  // A query that wants no column still wants the rows.
  if (fields.empty()) table.select_list_ = "NULL";
  table.schema_ = arrow::schema(std::move(fields));
  return table;
}

Result<JdbcTable::Column> JdbcTable::ColumnOf(const std::string& field_name) const {
  std::vector<std::string> names;
  // PostgreSQL folds names that were not quoted to lower case.
  for (const std::string& wanted : {field_name, absl::AsciiStrToLower(field_name)}) {
    for (const auto& [name, type] : server_columns_) {
      if (name == wanted) return Column{connector::QuoteIdentifier(name), type};
      names.push_back(name);
    }
  }
  const std::optional<std::string> near = NearestName(field_name, names);
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "column '" + field_name + "' does not exist in table " + shown_,
                    .hint = near ? "did you mean '" + *near + "'?" : ""});
}

int JdbcTable::place_column() const { return std::max(schema_->num_fields(), 1); }

Result<std::shared_ptr<arrow::RecordBatch>> JdbcTable::Decode(
    const connector::PostgresRows& rows, std::vector<connector::RejectedRecord>* rejected) const {
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders;
  std::vector<std::unique_ptr<format::TextAppender>> appenders;
  for (const auto& field : schema_->fields()) {
    builders.emplace_back();
    RETURN_IF_ERROR(
        arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builders.back()));
    ASSIGN_OR_RETURN(auto appender,
                     format::MakeTextAppender(field->name(), builders.back().get(), {}));
    appenders.push_back(std::move(appender));
  }
  std::vector<int64_t> bad;
  for (int row = 0; row < rows.row_count(); ++row) {
    Status cause;
    for (int column = 0; column < schema_->num_fields(); ++column) {
      format::TextAppender& appender = *appenders[static_cast<size_t>(column)];
      if (rows.IsNull(row, column)) {
        appender.AppendNull();
        continue;
      }
      const std::string text = rows.Text(row, column);
      if (appender.Append(text) || !cause.ok()) continue;
      cause =
          MakeError(ErrorCode::kInvalidRecord,
                    "column '" + schema_->field(column)->name() + "' of table " + shown_ + ": '" +
                        text.substr(0, 80) + "' is not " + std::string(appender.expected()));
    }
    if (cause.ok()) continue;
    std::string values;
    for (int column = 0; column < schema_->num_fields(); ++column) {
      values +=
          (column > 0 ? "\t" : "") + (rows.IsNull(row, column) ? "\\N" : rows.Text(row, column));
    }
    rejected->push_back({.origin = shown_ + "@" + rows.Text(row, place_column()),
                         .raw_bytes = values,
                         .cause = std::move(cause)});
    bad.push_back(row);
  }
  arrow::ArrayVector columns;
  for (auto& builder : builders) {
    ASSIGN_OR_RETURN(auto column, builder->Finish());
    columns.push_back(std::move(column));
  }
  auto all = arrow::RecordBatch::Make(schema_, rows.row_count(), std::move(columns));
  if (bad.empty()) return all;
  arrow::RecordBatchVector good;
  int64_t begin = 0;
  for (const int64_t row : bad) {
    good.push_back(all->Slice(begin, row - begin));
    begin = row + 1;
  }
  good.push_back(all->Slice(begin));
  return arrow::ConcatenateRecordBatches(good);
}

}  // namespace mainstem::source
