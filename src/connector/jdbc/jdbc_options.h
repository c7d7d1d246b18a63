// The options by which the connector 'jdbc' finds its server, for its source and its sink.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "connector/jdbc/duckdb_session.h"
#include "connector/jdbc/jdbc_url.h"
#include "connector/jdbc/mysql_url.h"
#include "connector/jdbc/sqlite_session.h"
#include "connector/registry.h"

namespace mainstem::connector {

// 'url', 'table-name', 'username', 'password', and those that are accepted without effect.
std::vector<OptionSpec> JdbcServerOptions();

using JdbcServer = std::variant<PostgresTarget, MysqlTarget, SqliteTarget, DuckdbTarget>;
// From the options, never DuckDB, which has a connector of its own. Errors name the table; a
// relative path of a file is one of `base_directory`.
Result<JdbcServer> JdbcServerOf(const TableDescriptor& table, const std::string& base_directory);

}  // namespace mainstem::connector
