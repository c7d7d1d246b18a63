// The options by which the connector 'jdbc' finds its server, for its source and its sink.
#pragma once

#include <vector>

#include "connector/jdbc/jdbc_url.h"
#include "connector/registry.h"

namespace mainstem::connector {

// 'url', 'table-name', 'username', 'password', and those that are accepted without effect.
std::vector<OptionSpec> JdbcServerOptions();

// From the options; errors name the table.
Result<PostgresTarget> JdbcServerOf(const TableDescriptor& table);

}  // namespace mainstem::connector
