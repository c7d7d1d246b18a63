#include "sink/jdbc/postgres_delivery.h"

#include <absl/strings/str_join.h>
#include <arrow/api.h>

#include "sink/refused_row.h"

namespace mainstem::sink {

using connector::PostgresParameter;
using connector::PostgresRows;
namespace {

// Rows of one statement. Measured against COPY into a temporary table and a merge, on PostgreSQL
// 15: arrays win below some 10,000 rows and lose by a fifth above (docs/decisions/0004).
constexpr size_t kRowsPerStatement = 5000;

using Keep = PostgresConnection::Keep;

// "unnest($1::int8[], $2::text[]) AS u(c0, c1)" over the given columns.
std::string UnnestClause(const PostgresTable& table, const std::vector<int>& columns) {
  std::vector<std::string> parameters, names;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& column = table.columns[static_cast<size_t>(columns[i])];
    // An array of arrays would be flattened: those travel as texts.
    std::string type = column.is_array ? "text" : column.bare_type;
    parameters.push_back(fmt::format("${}::{}[]", i + 1, type));
    names.push_back(fmt::format("c{}", i));
  }
  return fmt::format("unnest({}) AS u({})", absl::StrJoin(parameters, ", "),
                     absl::StrJoin(names, ", "));
}

std::vector<int> AllColumns(const PostgresTable& table) {
  std::vector<int> columns(table.columns.size());
  for (size_t i = 0; i < columns.size(); ++i) columns[i] = static_cast<int>(i);
  return columns;
}

std::string InsertStatement(const PostgresTable& table) {
  std::vector<std::string> names, values, keys, assignments;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    names.push_back(column.name);
    values.push_back(fmt::format("u.c{}", i));
    if (column.is_array) values.back() += "::" + column.bare_type;
    bool is_key = std::find(table.key_columns.begin(), table.key_columns.end(),
                            static_cast<int>(i)) != table.key_columns.end();
    (is_key ? keys : assignments)
        .push_back(is_key ? column.name : column.name + " = EXCLUDED." + column.name);
  }
  std::string statement =
      fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}", table.name, absl::StrJoin(names, ", "),
                  absl::StrJoin(values, ", "), UnnestClause(table, AllColumns(table)));
  if (table.key_columns.empty()) return statement;
  statement += " ON CONFLICT (" + absl::StrJoin(keys, ", ") + ") DO ";
  return statement + (assignments.empty() ? "NOTHING" : "UPDATE SET ") +
         absl::StrJoin(assignments, ", ");
}

std::string DeleteStatement(const PostgresTable& table) {
  std::vector<std::string> conditions;
  for (size_t i = 0; i < table.key_columns.size(); ++i) {
    const auto& column = table.columns[static_cast<size_t>(table.key_columns[i])];
    std::string value = fmt::format("u.c{}", i);
    if (column.is_array) value += "::" + column.bare_type;
    conditions.push_back("t." + column.name + " = " + value);
  }
  return fmt::format("DELETE FROM {} AS t USING {} WHERE {}", table.name,
                     UnnestClause(table, table.key_columns), absl::StrJoin(conditions, " AND "));
}

std::vector<PostgresParameter> ArrayParameters(const arrow::RecordBatch& rows,
                                               const std::vector<int>& columns,
                                               std::span<const RowChange> changes) {
  std::vector<PostgresParameter> parameters;
  for (int column : columns) parameters.emplace_back(ArrayText(*rows.column(column), changes));
  return parameters;
}

}  // namespace

PostgresDelivery::PostgresDelivery(Options options, std::unique_ptr<PostgresConnection> connection,
                                   PostgresTable table)
    : RowDelivery(std::move(options)),
      connection_(std::move(connection)),
      table_(std::move(table)),
      positions_(table_.schema + ".mainstem_delivery"),
      insert_(InsertStatement(table_)),
      delete_(table_.key_columns.empty() ? "" : DeleteStatement(table_)) {}

Result<std::unique_ptr<RowDelivery>> PostgresDelivery::Open(const PostgresTarget& target,
                                                            Options options) {
  ASSIGN_OR_RETURN(auto connection, PostgresConnection::Open(target));
  ASSIGN_OR_RETURN(PostgresInspection found, InspectTable(connection.get(), options.table));
  RETURN_IF_ERROR(connector::DriftError("connector 'jdbc': ", found.differences));
  std::unique_ptr<PostgresDelivery> delivery(
      new PostgresDelivery(std::move(options), std::move(connection), std::move(found.table)));
  RETURN_IF_ERROR(delivery->PreparePositions());
  RETURN_IF_ERROR(delivery->ReadPosition());
  return delivery;
}

Status PostgresDelivery::CheckTable() {
  ASSIGN_OR_RETURN(PostgresInspection found, InspectTable(connection_.get(), options().table));
  return connector::DriftError("connector 'jdbc': ", found.differences);
}

Status PostgresDelivery::PreparePositions() {
  ASSIGN_OR_RETURN(PostgresRows found,
                   connection_->Run("SELECT to_regclass($1) IS NOT NULL", {positions_}));
  if (found.Bool(0, 0)) return Status::OK();
  // Two who make it at the same time would collide in the catalogue: one waits for the other.
  std::string create = "CREATE TABLE IF NOT EXISTS " + positions_ +
                       " (delivery_id text, partition int, position bigint NOT NULL, "
                       "PRIMARY KEY (delivery_id, partition))";
  Status created = connection_->RunScript(
      "BEGIN; SELECT pg_advisory_xact_lock(hashtext('mainstem_delivery')); " + create + "; COMMIT");
  if (created.ok() || CodeOf(created) != ErrorCode::kPermissionDenied) return created;
  return MakeError(ErrorCode::kPermissionDenied,
                   {.message = "connector 'jdbc': the user may not create " + positions_ +
                               ", which keeps the delivered positions",
                    .detail = TextOf(created).message,
                    .hint = "run " + create + "; then GRANT SELECT, INSERT, UPDATE ON " +
                            positions_ + " to the user"});
}

Status PostgresDelivery::ReadPosition() {
  Result<PostgresRows> rows = connection_->Run(
      "SELECT position FROM " + positions_ + " WHERE delivery_id = $1 AND partition = $2",
      {options().delivery_id, std::to_string(options().partition.value())});
  if (!rows.ok() && CodeOf(rows.status()) == ErrorCode::kPermissionDenied) {
    return MakeError(ErrorCode::kPermissionDenied,
                     {.message = "connector 'jdbc': the user may not use " + positions_ +
                                 ", which keeps the delivered positions",
                      .hint = "GRANT SELECT, INSERT, UPDATE ON " + positions_ + " to the user"});
  }
  RETURN_IF_ERROR(rows.status());
  if (rows->row_count() > 0) set_position(Offset(rows->Integer(0, 0)));
  return Status::OK();
}

Result<bool> PostgresDelivery::BeginAndMove(Offset end) {
  // A constraint that is only checked at the end would refuse the whole transaction, not a row.
  RETURN_IF_ERROR(connection_->RunScript("BEGIN; SET CONSTRAINTS ALL IMMEDIATE"));
  std::vector<PostgresParameter> parameters = {options().delivery_id,
                                               std::to_string(options().partition.value()),
                                               std::to_string(end.value())};
  std::string statement = "INSERT INTO " + positions_ +
                          " (delivery_id, partition, position) VALUES ($1, $2, $3) "
                          "ON CONFLICT DO NOTHING";
  if (position()) {
    statement = "UPDATE " + positions_ +
                " SET position = $3 WHERE delivery_id = $1 AND partition = $2 AND position = $4";
    parameters.emplace_back(std::to_string(position()->value()));
  }
  ASSIGN_OR_RETURN(PostgresRows moved, connection_->Run(statement, parameters, Keep::kYes));
  return moved.affected_count() == 1;
}

Status PostgresDelivery::WriteChunk(const RowChanges& rows, std::span<const RowChange> changes) {
  std::vector<RowChange> deletes, inserts;
  for (const RowChange& change : changes) (change.is_delete ? deletes : inserts).push_back(change);
  // Deletes first: they may free values of other unique columns.
  if (!deletes.empty()) {
    auto parameters = ArrayParameters(*rows.rows, table_.key_columns, deletes);
    RETURN_IF_ERROR(connection_->Run(delete_, parameters, Keep::kYes));
  }
  if (!inserts.empty()) {
    auto parameters = ArrayParameters(*rows.rows, AllColumns(table_), inserts);
    RETURN_IF_ERROR(connection_->Run(insert_, parameters, Keep::kYes));
  }
  return Status::OK();
}

Status PostgresDelivery::RunScript(const std::string& statements) {
  return connection_->RunScript(statements);
}

size_t PostgresDelivery::rows_per_chunk() const { return kRowsPerStatement; }

bool PostgresDelivery::CanStore(const arrow::RecordBatch& rows, int64_t row) const {
  return !HoldsNul(rows, row);
}

std::string PostgresDelivery::unstorable_cause() const {
  return "PostgreSQL cannot store the character U+0000 in a text";
}

}  // namespace mainstem::sink
