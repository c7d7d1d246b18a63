#include "source/jdbc/statement_lookup.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "connector/jdbc/mysql_session.h"
#include "connector/jdbc/postgres_connection.h"
#include "connector/jdbc/sql_values.h"
#include "format/text_column.h"

namespace mainstem::source {

using connector::SqlRows;
using connector::SqlSession;
using connector::SqlValue;
namespace {

// Keys of one statement: few different statements, so that each is prepared once.
constexpr size_t kStatementKeys[] = {256, 16, 1};

// `column` as a text that format/text_column reads.
std::string TextExpression(const arrow::DataType& type, const std::string& column, bool is_mysql) {
  if (type.id() == arrow::Type::BOOL) {
    return "CASE WHEN " + column + " IS NULL THEN NULL WHEN " + column +
           " THEN 'true' ELSE 'false' END";
  }
  bool has_zone = type.id() == arrow::Type::TIMESTAMP &&
                  !static_cast<const arrow::TimestampType&>(type).timezone().empty();
  if (has_zone) return is_mysql ? "CONCAT(" + column + ", 'Z')" : column + " || 'Z'";
  return column;
}

// "shop.orders" in the database's quotes; parts may be quoted already.
std::string QuotedName(const SqlSession& session, const std::string& name) {
  if (name.find_first_of("\"`") != std::string::npos) return name;
  std::vector<std::string> parts = absl::StrSplit(name, '.');
  for (std::string& part : parts) part = session.Quote(part);
  return absl::StrJoin(parts, ".");
}

}  // namespace

StatementLookup::~StatementLookup() { connector::CloseOnPool(env_, std::move(session_)); }

Task<std::shared_ptr<arrow::RecordBatch>> StatementLookup::Find(
    std::shared_ptr<arrow::RecordBatch> keys) {
  co_return co_await env_->blocking_pool().Run(
      [this, &keys]() -> Result<std::shared_ptr<arrow::RecordBatch>> {
        if (!session_) RETURN_IF_ERROR(Open());
        auto found = Select(*keys);
        // A session that failed is not used again.
        if (!found.ok()) session_.reset();
        return found;
      });
}

Status StatementLookup::Open() {
  if (const auto* mysql = std::get_if<connector::MysqlTarget>(&options_.server)) {
    is_mysql_ = true;
    ASSIGN_OR_RETURN(session_, connector::MysqlSession::Open(*mysql));
    return Status::OK();
  }
  ASSIGN_OR_RETURN(
      session_, connector::SqliteSession::Open(std::get<connector::SqliteTarget>(options_.server)));
  return Status::OK();
}

std::string StatementLookup::StatementFor(size_t key_count) const {
  std::vector<std::string> selected, keys;
  for (int index : options_.projection) {
    const auto& field = options_.schema->field(index);
    selected.push_back(TextExpression(*field->type(), session_->Quote(field->name()), is_mysql_));
  }
  for (int index : options_.key_columns) {
    keys.push_back(session_->Quote(options_.schema->field(index)->name()));
  }
  std::string one_key = "(" + absl::StrJoin(std::vector<std::string>(keys.size(), "?"), ", ") + ")";
  std::string all_keys = absl::StrJoin(std::vector<std::string>(key_count, one_key), ", ");
  // SQLite takes several columns only as a table of values, MySQL only as a list.
  if (!is_mysql_) all_keys = "VALUES " + all_keys;
  return "SELECT " + absl::StrJoin(selected, ", ") + " FROM " +
         QuotedName(*session_, options_.table_name) + " WHERE (" + absl::StrJoin(keys, ", ") +
         ") IN (" + all_keys + ")";
}

Result<std::shared_ptr<arrow::RecordBatch>> StatementLookup::Select(
    const arrow::RecordBatch& keys) {
  SqlRows found;
  for (int64_t begin = 0; begin < keys.num_rows();) {
    auto left = static_cast<size_t>(keys.num_rows() - begin);
    size_t count = 1;
    for (size_t size : kStatementKeys) {
      if (size <= left) {
        count = size;
        break;
      }
    }
    std::vector<SqlValue> parameters;
    for (int64_t row = begin; row < begin + static_cast<int64_t>(count); ++row) {
      for (const auto& column : keys.columns()) {
        parameters.push_back(connector::SqlValueOf(*column, row));
      }
    }
    ASSIGN_OR_RETURN(SqlRows rows, session_->Run(StatementFor(count), parameters));
    for (auto& row : rows.rows) found.rows.push_back(std::move(row));
    begin += static_cast<int64_t>(count);
  }
  return Decode(found);
}

Result<std::shared_ptr<arrow::RecordBatch>> StatementLookup::Decode(const SqlRows& rows) const {
  format::TextRules rules;
  rules.base64_bytes = false;
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (size_t i = 0; i < options_.projection.size(); ++i) {
    const auto& field = options_.schema->field(options_.projection[i]);
    std::unique_ptr<arrow::ArrayBuilder> builder;
    RETURN_IF_ERROR(arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builder));
    ASSIGN_OR_RETURN(auto appender, format::MakeTextAppender(field->name(), builder.get(), rules));
    for (const auto& row : rows.rows) {
      if (!row[i]) {
        appender->AppendNull();
      } else if (!appender->Append(*row[i])) {
        return MakeError(ErrorCode::kInvalidRecord,
                         "column '" + field->name() + "' of table '" + options_.table_name +
                             "' at " + session_->shown() + ": '" + row[i]->substr(0, 80) +
                             "' is not " + std::string(appender->expected()));
      }
    }
    columns.emplace_back();
    RETURN_IF_ERROR(builder->Finish(&columns.back()));
    fields.push_back(field);
  }
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)),
                                  static_cast<int64_t>(rows.rows.size()), std::move(columns));
}

}  // namespace mainstem::source
