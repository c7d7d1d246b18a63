// What a table in MySQL, MariaDB, SQLite, DuckDB or Redshift looks like, and how a SQL table of
// ours differs from it. Blocks: on the pool only.
#pragma once

#include <string>
#include <vector>

#include "connector/drift.h"
#include "connector/jdbc/sql_session.h"
#include "sink/jdbc/row_delivery.h"

namespace mainstem::sink {

enum class SqlDialect : uint8_t { kMysql, kSqlite, kDuckdb, kRedshift };

struct StatementTable {
  std::string name;                  // quoted, with its schema if it was given
  std::vector<std::string> columns;  // quoted, in the order of DestinationTable::schema
  std::vector<int> key_columns;      // indices into columns
};

// The statement that makes a table for `table`.
std::string CreateStatement(const DestinationTable& table, SqlDialect dialect);
struct StatementInspection {
  connector::Differences differences;
  StatementTable table;  // when none of them blocks
};
// Changes nothing. InvalidArgument: no table can have that name.
Result<StatementInspection> InspectStatementTable(connector::SqlSession* session,
                                                  SqlDialect dialect,
                                                  const DestinationTable& table);
// Adds the columns that the table lacks and widens numbers.
Status EvolveStatementTable(connector::SqlSession* session, SqlDialect dialect,
                            const DestinationTable& table);

}  // namespace mainstem::sink
