#include "sink/jdbc/statement_delivery.h"

#include <cmath>
#include <limits>

#include <absl/strings/str_join.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/jdbc/mysql_session.h"
#include "connector/jdbc/sql_values.h"
#include "sink/jdbc/statement_table.h"

namespace mainstem::sink {

using connector::SqlRows;
using connector::SqlSession;
using connector::SqlValue;
namespace {

// Rows of one statement: few different statements, so that each is prepared once.
constexpr size_t kMysqlStatementRows[] = {256, 16, 1};
constexpr size_t kMysqlParametersMax = 60000;  // of 65,535
// What MySQL's message of a statement holds beside the values: in front, and with each of them.
constexpr int64_t kMysqlMessageBytes = 1024;
constexpr int64_t kMysqlValueBytes = 16;
constexpr int64_t kNumberBytes = 40;  // or a time, as text

int64_t BytesOf(const arrow::Array& column, int64_t row) {
  if (!arrow::is_binary_like(column.type_id())) return kNumberBytes;
  return static_cast<int64_t>(static_cast<const arrow::BinaryArray&>(column).GetView(row).size());
}

bool HoldsNoNumber(const arrow::Array& column, int64_t row) {
  if (column.IsNull(row)) return false;
  if (column.type_id() == arrow::Type::FLOAT) {
    return !std::isfinite(static_cast<const arrow::FloatArray&>(column).Value(row));
  }
  if (column.type_id() == arrow::Type::DOUBLE) {
    return !std::isfinite(static_cast<const arrow::DoubleArray&>(column).Value(row));
  }
  return false;
}

class StatementDelivery final : public RowDelivery {
 public:
  StatementDelivery(Options options, SqlDialect dialect, std::unique_ptr<SqlSession> session,
                    StatementTable table)
      : RowDelivery(std::move(options)),
        dialect_(dialect),
        session_(std::move(session)),
        duckdb_(dynamic_cast<connector::DuckdbSession*>(session_.get())),
        table_(std::move(table)) {}

  Status Prepare() {
    RETURN_IF_ERROR(MakePositions());
    ASSIGN_OR_RETURN(
        SqlRows rows,
        session_->Run("SELECT position FROM mainstem_delivery WHERE delivery_id = ? AND part = ?",
                      Id()));
    if (!rows.rows.empty()) set_position(Offset(std::stoll(rows.rows[0][0].value_or("0"))));
    if (dialect_ != SqlDialect::kMysql) return Status::OK();
    ASSIGN_OR_RETURN(SqlRows packet, session_->Run("SELECT @@max_allowed_packet", {}));
    CHECK(packet.rows.size() == 1 && packet.rows[0][0].has_value());
    statement_bytes_max_ = std::stoll(*packet.rows[0][0]) - kMysqlMessageBytes;
    return Status::OK();
  }

  Status CheckTable() override {
    ASSIGN_OR_RETURN(StatementInspection found,
                     InspectStatementTable(session_.get(), dialect_, options().table));
    return connector::DriftError("connector '" + connector_name() + "': ", found.differences);
  }

  // MySQL has neither NaN nor infinity, SQLite makes NaN NULL.
  bool CanStore(const arrow::RecordBatch& rows, int64_t row) const override {
    if (dialect_ == SqlDialect::kDuckdb) return true;
    return std::none_of(rows.columns().begin(), rows.columns().end(),
                        [row](const auto& column) { return HoldsNoNumber(*column, row); });
  }

 private:
  std::vector<SqlValue> Id() const {
    return {options().delivery_id, int64_t{options().partition.value()}};
  }

  Status MakePositions() {
    const std::string create =
        dialect_ == SqlDialect::kMysql
            ? "CREATE TABLE IF NOT EXISTS mainstem_delivery (delivery_id VARCHAR(255) CHARACTER "
              "SET "
              "utf8mb4 COLLATE utf8mb4_bin NOT NULL, part INT NOT NULL, position BIGINT NOT NULL, "
              "PRIMARY KEY (delivery_id, part)) ENGINE = InnoDB"
            : "CREATE TABLE IF NOT EXISTS mainstem_delivery (delivery_id TEXT NOT NULL, part "
              "INTEGER "
              "NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (delivery_id, part))";
    // First whether it is there: then no right to make tables is needed.
    Status there =
        session_->Run("SELECT position FROM mainstem_delivery WHERE part = -1", {}).status();
    if (there.ok()) return there;
    Status created = session_->Execute(create);
    if (created.ok() || IsRetriable(created)) return created;
    return MakeError(CodeOf(created),
                     {.message = "connector '" + connector_name() +
                                 "': the user may not make or read the table "
                                 "mainstem_delivery, which keeps the delivered positions",
                      .detail = TextOf(created).message,
                      .hint = create + "; then give the user SELECT, INSERT and UPDATE on it"});
  }

  Result<bool> BeginAndMove(Offset end) override {
    RETURN_IF_ERROR(
        session_->Execute(dialect_ == SqlDialect::kSqlite ? "BEGIN IMMEDIATE" : "BEGIN"));
    std::vector<SqlValue> parameters;
    std::string statement;
    if (position()) {
      statement =
          "UPDATE mainstem_delivery SET position = ? WHERE delivery_id = ? AND part = ? AND "
          "position = ?";
      parameters = {end.value(), options().delivery_id, int64_t{options().partition.value()},
                    position()->value()};
    } else {
      statement = dialect_ == SqlDialect::kMysql ? "INSERT IGNORE" : "INSERT OR IGNORE";
      statement += " INTO mainstem_delivery (delivery_id, part, position) VALUES (?, ?, ?)";
      parameters = Id();
      parameters.emplace_back(end.value());
    }
    ASSIGN_OR_RETURN(SqlRows moved, session_->Run(statement, parameters));
    return moved.affected_count == 1;
  }

  // In the order of the changes: keys that differ for us may be one for the server (collations).
  Status WriteChunk(const RowChanges& rows, std::span<const RowChange> changes) override {
    if (duckdb_ != nullptr) return WriteStaged(rows, changes);
    while (!changes.empty()) {
      bool is_delete = changes[0].is_delete;
      size_t run = 1;
      while (run < changes.size() && changes[run].is_delete == is_delete) ++run;
      size_t count = StatementRows(rows, changes.first(run));
      if (count == 0) return TooLong(rows, changes[0]);
      RETURN_IF_ERROR(WriteRun(rows, changes.first(count), is_delete));
      changes = changes.subspan(count);
    }
    return Status::OK();
  }

  // By way of temporary tables: a statement for all rows together.
  Status WriteStaged(const RowChanges& rows, std::span<const RowChange> changes) {
    std::vector<std::string> keys;
    for (int column : table_.key_columns) {
      keys.push_back(table_.columns[static_cast<size_t>(column)]);
    }
    std::vector<std::vector<SqlValue>> kept, deleted;
    for (const RowChange& change : changes) {
      (change.is_delete ? deleted : kept).push_back(ValuesOf(rows, change));
    }
    const std::string columns = absl::StrJoin(table_.columns, ", ");
    if (!kept.empty()) {
      RETURN_IF_ERROR(Stage(columns, kept));
      RETURN_IF_ERROR(session_->Execute("INSERT INTO " + table_.name + " (" + columns +
                                        ") SELECT " + columns + " FROM temp.main.mainstem_rows" +
                                        OnConflict()));
    }
    if (!deleted.empty()) {
      const std::string key = absl::StrJoin(keys, ", ");
      RETURN_IF_ERROR(Stage(key, deleted));
      RETURN_IF_ERROR(session_->Execute(
          "DELETE FROM " + table_.name + " WHERE (" + key + ") IN (SELECT " +
          (keys.size() == 1 ? key : "(" + key + ")") + " FROM temp.main.mainstem_rows)"));
    }
    return session_->Execute("DROP TABLE IF EXISTS temp.main.mainstem_rows");
  }

  Status Stage(const std::string& columns, std::span<const std::vector<SqlValue>> rows) {
    RETURN_IF_ERROR(session_->Execute("CREATE OR REPLACE TEMP TABLE mainstem_rows AS SELECT " +
                                      columns + " FROM " + table_.name + " LIMIT 0"));
    return duckdb_->AppendTemporary("mainstem_rows", rows);
  }

  // Of a deletion the key, of other changes the whole row.
  std::vector<SqlValue> ValuesOf(const RowChanges& rows, RowChange change) const {
    std::vector<SqlValue> values;
    if (change.is_delete) {
      for (int column : table_.key_columns) {
        values.push_back(connector::SqlValueOf(*rows.rows->column(column), change.row));
      }
      return values;
    }
    for (const auto& column : rows.rows->columns()) {
      values.push_back(connector::SqlValueOf(*column, change.row));
    }
    return values;
  }

  int64_t BytesOfChange(const RowChanges& rows, RowChange change) const {
    int64_t bytes = 0;
    auto add = [&](int column) {
      bytes += BytesOf(*rows.rows->column(column), change.row) + kMysqlValueBytes;
    };
    if (change.is_delete) {
      for (int column : table_.key_columns) add(column);
    } else {
      for (int i = 0; i < rows.rows->num_columns(); ++i) add(i);
    }
    return bytes;
  }

  // How many of the changes, all of one kind, one statement takes. 0: not even the first.
  size_t StatementRows(const RowChanges& rows, std::span<const RowChange> run) const {
    // In SQLite a statement costs next to nothing, and the parser does for long ones.
    if (dialect_ == SqlDialect::kSqlite) return 1;
    size_t width = run[0].is_delete ? table_.key_columns.size() : table_.columns.size();
    size_t most = std::max<size_t>(1, std::min(run.size(), kMysqlParametersMax / width));
    size_t fitting = 0;
    int64_t bytes = 0;
    while (fitting < std::min(most, kMysqlStatementRows[0])) {
      bytes += BytesOfChange(rows, run[fitting]);
      if (bytes > statement_bytes_max_) break;
      ++fitting;
    }
    for (size_t count : kMysqlStatementRows) {
      if (count <= fitting) return count;
    }
    return 0;
  }

  Status TooLong(const RowChanges& rows, RowChange change) const {
    return MakeError(
        ErrorCode::kInvalidRecord,
        {.message =
             fmt::format("it has {} bytes, and the server's max_allowed_packet is {}",
                         BytesOfChange(rows, change), statement_bytes_max_ + kMysqlMessageBytes),
         .hint = "filter such rows in the query, or raise the server's max_allowed_packet"});
  }

  Status WriteRun(const RowChanges& rows, std::span<const RowChange> changes, bool is_delete) {
    std::vector<SqlValue> parameters;
    for (const RowChange& change : changes) {
      for (SqlValue& value : ValuesOf(rows, change)) parameters.push_back(std::move(value));
    }
    std::string statement =
        is_delete ? DeleteStatement(changes.size()) : InsertStatement(changes.size());
    return session_->Run(statement, parameters).status();
  }

  static std::string Places(size_t count) {
    std::string places = "(";
    for (size_t i = 0; i < count; ++i) places += i == 0 ? "?" : ", ?";
    return places + ")";
  }

  std::string DeleteStatement(size_t row_count) const {
    std::vector<std::string> keys;
    for (int column : table_.key_columns) {
      keys.push_back(table_.columns[static_cast<size_t>(column)]);
    }
    std::vector<std::string> rows(row_count, Places(keys.size()));
    if (row_count == 1) {
      return "DELETE FROM " + table_.name + " WHERE " + absl::StrJoin(keys, " = ? AND ") + " = ?";
    }
    return "DELETE FROM " + table_.name + " WHERE (" + absl::StrJoin(keys, ", ") + ") IN (" +
           absl::StrJoin(rows, ", ") + ")";
  }

  std::string InsertStatement(size_t row_count) const {
    std::vector<std::string> rows(row_count, Places(table_.columns.size()));
    std::string statement = "INSERT INTO " + table_.name + " (" +
                            absl::StrJoin(table_.columns, ", ") + ") VALUES " +
                            absl::StrJoin(rows, ", ");
    return statement + OnConflict();
  }

  // What an INSERT ends with, so that a row whose key is there takes the place of the other.
  std::string OnConflict() const {
    if (table_.key_columns.empty()) return "";
    std::vector<std::string> keys, assignments;
    for (size_t i = 0; i < table_.columns.size(); ++i) {
      const std::string& column = table_.columns[i];
      bool is_key = std::find(table_.key_columns.begin(), table_.key_columns.end(),
                              static_cast<int>(i)) != table_.key_columns.end();
      if (is_key) {
        keys.push_back(column);
      } else if (dialect_ == SqlDialect::kMysql) {
        assignments.push_back(column + " = VALUES(" + column + ")");
      } else {
        assignments.push_back(column + " = excluded." + column);
      }
    }
    if (dialect_ == SqlDialect::kMysql) {
      // A key of all columns: nothing to change.
      if (assignments.empty()) assignments.push_back(keys[0] + " = " + keys[0]);
      return " ON DUPLICATE KEY UPDATE " + absl::StrJoin(assignments, ", ");
    }
    return " ON CONFLICT (" + absl::StrJoin(keys, ", ") + ") DO " +
           (assignments.empty() ? "NOTHING" : "UPDATE SET ") + absl::StrJoin(assignments, ", ");
  }

  Status RunScript(const std::string& statements) override { return session_->Execute(statements); }
  size_t rows_per_chunk() const override { return duckdb_ != nullptr ? 1'000'000 : 5000; }
  bool has_savepoints() const override { return dialect_ != SqlDialect::kDuckdb; }
  std::string connector_name() const override {
    return dialect_ == SqlDialect::kDuckdb ? "duckdb" : "jdbc";
  }
  std::string unstorable_cause() const override {
    return "the database has no number for NaN or infinity";
  }

  SqlDialect dialect_;
  std::unique_ptr<SqlSession> session_;
  connector::DuckdbSession* duckdb_;  // the session, if it is one
  StatementTable table_;
  int64_t statement_bytes_max_ = std::numeric_limits<int64_t>::max();
};

Result<std::unique_ptr<RowDelivery>> MakeStatementDelivery(std::unique_ptr<SqlSession> session,
                                                           SqlDialect dialect,
                                                           RowDelivery::Options options,
                                                           StatementTable table) {
  auto delivery = std::make_unique<StatementDelivery>(std::move(options), dialect,
                                                      std::move(session), std::move(table));
  RETURN_IF_ERROR(delivery->Prepare());
  return std::unique_ptr<RowDelivery>(std::move(delivery));
}

bool IsTableMissing(const StatementInspection& found) {
  return !found.differences.empty() &&
         found.differences[0].kind == connector::DifferenceKind::kTable;
}

Result<std::unique_ptr<RowDelivery>> OpenStatementDelivery(std::unique_ptr<SqlSession> session,
                                                           SqlDialect dialect,
                                                           RowDelivery::Options options) {
  ASSIGN_OR_RETURN(StatementInspection found,
                   InspectStatementTable(session.get(), dialect, options.table));
  RETURN_IF_ERROR(connector::DriftError(
      dialect == SqlDialect::kDuckdb ? "connector 'duckdb': " : "connector 'jdbc': ",
      found.differences));
  return MakeStatementDelivery(std::move(session), dialect, std::move(options),
                               std::move(found.table));
}

}  // namespace

Result<std::unique_ptr<RowDelivery>> OpenMysqlDelivery(const connector::MysqlTarget& target,
                                                       RowDelivery::Options options) {
  ASSIGN_OR_RETURN(auto session, connector::MysqlSession::Open(target));
  return OpenStatementDelivery(std::move(session), SqlDialect::kMysql, std::move(options));
}

Result<std::unique_ptr<RowDelivery>> OpenSqliteDelivery(const connector::SqliteTarget& target,
                                                        RowDelivery::Options options) {
  ASSIGN_OR_RETURN(auto session, connector::SqliteSession::Open(target));
  return OpenStatementDelivery(std::move(session), SqlDialect::kSqlite, std::move(options));
}

Result<std::unique_ptr<RowDelivery>> OpenDuckdbDelivery(const connector::DuckdbTarget& target,
                                                        RowDelivery::Options options) {
  ASSIGN_OR_RETURN(auto session, connector::DuckdbSession::Open(target));
  constexpr SqlDialect kDialect = SqlDialect::kDuckdb;
  if (target.creates) {
    ASSIGN_OR_RETURN(StatementInspection found,
                     InspectStatementTable(session.get(), kDialect, options.table));
    if (IsTableMissing(found)) {
      RETURN_IF_ERROR(session->Execute(CreateStatement(options.table, kDialect)));
    }
  }
  return OpenStatementDelivery(std::move(session), kDialect, std::move(options));
}

}  // namespace mainstem::sink
