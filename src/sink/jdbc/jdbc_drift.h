// How a database's table differs from the one that a script declares, and what 'drift' = 'evolve'
// does about it. Blocks: on the pool only.
#pragma once

#include "connector/drift.h"
#include "connector/jdbc/jdbc_options.h"
#include "sink/jdbc/row_delivery.h"

namespace mainstem::sink {

// Connects, looks, goes. Changes nothing; a file of DuckDB that is not there is not made.
Result<connector::Differences> FindTableDifferences(const connector::JdbcServer& server,
                                                    const DestinationTable& table);
// Runs the statements of the differences.
Status EvolveTable(const connector::JdbcServer& server, const DestinationTable& table);

}  // namespace mainstem::sink
