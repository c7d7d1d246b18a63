// What a table in MySQL, MariaDB, SQLite or DuckDB looks like, and whether a SQL table of ours fits
// it. Errors name table and column and say what to do. Blocks: on the pool only.
#pragma once

#include <string>
#include <vector>

#include "connector/jdbc/sql_session.h"
#include "sink/jdbc/row_delivery.h"

namespace mainstem::sink {

enum class SqlDialect : uint8_t { kMysql, kSqlite, kDuckdb };

struct StatementTable {
  std::string name;                  // quoted, with its schema if it was given
  std::vector<std::string> columns;  // quoted, in the order of DestinationTable::schema
  std::vector<int> key_columns;      // indices into columns
};

// The statement that makes a table for `table`.
std::string CreateStatement(const DestinationTable& table, SqlDialect dialect);
// NotFound, InvalidArgument.
Result<StatementTable> InspectStatementTable(connector::SqlSession* session, SqlDialect dialect,
                                             const DestinationTable& table);

}  // namespace mainstem::sink
