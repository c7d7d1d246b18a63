#include "source/jdbc/jdbc_lookup.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/jdbc/postgres_text.h"

namespace mainstem::source {

JdbcLookup::~JdbcLookup() { connector::CloseOnPool(env_, std::move(connection_)); }

Task<std::shared_ptr<arrow::RecordBatch>> JdbcLookup::Find(
    std::shared_ptr<arrow::RecordBatch> keys) {
  co_return co_await env_->blocking_pool().Run(
      [this, &keys]() -> Result<std::shared_ptr<arrow::RecordBatch>> {
        if (!connection_) RETURN_IF_ERROR(Open());
        auto found = Select(*keys);
        // A connection that failed is not used again.
        if (!found.ok()) connection_.reset();
        return found;
      });
}

Status JdbcLookup::Open() {
  ASSIGN_OR_RETURN(auto connection, connector::PostgresConnection::Open(target_.server));
  ASSIGN_OR_RETURN(table_, JdbcTable::Find(connection.get(), target_, projection_));
  std::string columns, arrays;
  for (size_t i = 0; i < key_columns_.size(); ++i) {
    const std::string& field = target_.schema->field(key_columns_[i])->name();
    ASSIGN_OR_RETURN(const JdbcTable::Column column, table_->ColumnOf(field));
    columns += (i > 0 ? ", " : "") + column.name;
    arrays += fmt::format("{}${}::{}[]", i > 0 ? ", " : "", i + 1, column.type);
  }
  statement_ = fmt::format("SELECT {}, '' FROM {} WHERE ({}) IN (SELECT * FROM unnest({}))",
                           table_->select_list(), table_->name(), columns, arrays);
  connection_ = std::move(connection);
  return Status::OK();
}

Result<std::shared_ptr<arrow::RecordBatch>> JdbcLookup::Select(const arrow::RecordBatch& keys) {
  std::vector<connector::PostgresParameter> parameters;
  for (const auto& column : keys.columns()) {
    std::string text = "{";
    for (int64_t row = 0; row < column->length(); ++row) {
      if (row > 0) text += ",";
      connector::AppendPostgresElement(*column, row, &text);
    }
    parameters.emplace_back(text + "}");
  }
  ASSIGN_OR_RETURN(const auto rows, connection_->Run(statement_, parameters,
                                                     connector::PostgresConnection::Keep::kYes));
  std::vector<connector::RejectedRecord> rejected;
  ASSIGN_OR_RETURN(auto found, table_->Decode(rows, &rejected));
  if (!rejected.empty()) return rejected[0].cause;
  return found;
}

}  // namespace mainstem::source
