#include "sink/jdbc/jdbc_drift.h"

#include <filesystem>

#include "connector/jdbc/mysql_session.h"
#include "sink/jdbc/postgres_table.h"
#include "sink/jdbc/statement_table.h"

namespace mainstem::sink {

using connector::Differences;
namespace {

// Of a database that is not PostgreSQL.
struct OpenDatabase {
  std::unique_ptr<connector::SqlSession> session;
  SqlDialect dialect = SqlDialect::kMysql;
};

Result<OpenDatabase> OpenStatementDatabase(const connector::JdbcServer& server) {
  OpenDatabase database;
  if (const auto* mysql = std::get_if<connector::MysqlTarget>(&server)) {
    ASSIGN_OR_RETURN(database.session, connector::MysqlSession::Open(*mysql));
  } else if (const auto* sqlite = std::get_if<connector::SqliteTarget>(&server)) {
    database.dialect = SqlDialect::kSqlite;
    ASSIGN_OR_RETURN(database.session, connector::SqliteSession::Open(*sqlite));
  } else {
    database.dialect = SqlDialect::kDuckdb;
    ASSIGN_OR_RETURN(database.session,
                     connector::DuckdbSession::Open(std::get<connector::DuckdbTarget>(server)));
  }
  return database;
}

// DuckDB's tables, and files, are made when the sink opens.
connector::Difference TableToBeMade(const DestinationTable& table) {
  return {.kind = connector::DifferenceKind::kTable,
          .problem = "table '" + table.name + "' does not exist: it is made with the first rows",
          .cure = "'create-table' = 'false' makes that an error",
          .statement = CreateStatement(table, SqlDialect::kDuckdb),
          .blocks = false};
}

}  // namespace

Result<Differences> FindTableDifferences(const connector::JdbcServer& server,
                                         const DestinationTable& table) {
  if (const auto* postgres = std::get_if<connector::PostgresTarget>(&server)) {
    ASSIGN_OR_RETURN(auto connection, PostgresConnection::Open(*postgres));
    ASSIGN_OR_RETURN(PostgresInspection found, InspectTable(connection.get(), table));
    return std::move(found.differences);
  }
  const auto* duckdb = std::get_if<connector::DuckdbTarget>(&server);
  const bool is_made = duckdb != nullptr && duckdb->creates;
  std::error_code error;
  if (is_made && !std::filesystem::exists(duckdb->path, error)) {
    return Differences{TableToBeMade(table)};
  }
  ASSIGN_OR_RETURN(OpenDatabase database, OpenStatementDatabase(server));
  ASSIGN_OR_RETURN(StatementInspection found,
                   InspectStatementTable(database.session.get(), database.dialect, table));
  for (connector::Difference& difference : found.differences) {
    if (is_made && difference.kind == connector::DifferenceKind::kTable) {
      difference = TableToBeMade(table);
    }
  }
  return std::move(found.differences);
}

Status EvolveTable(const connector::JdbcServer& server, const DestinationTable& table) {
  if (const auto* postgres = std::get_if<connector::PostgresTarget>(&server)) {
    ASSIGN_OR_RETURN(auto connection, PostgresConnection::Open(*postgres));
    return EvolveTable(connection.get(), table);
  }
  ASSIGN_OR_RETURN(OpenDatabase database, OpenStatementDatabase(server));
  return EvolveStatementTable(database.session.get(), database.dialect, table);
}

}  // namespace mainstem::sink
