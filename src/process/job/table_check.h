// Tries what a script's tables connect to, without running anything: the connection, the rights,
// the schema. What a job would say at its start is said before there is one.
#pragma once

#include <string>
#include <vector>

#include "connector/drift.h"
#include "connector/registry.h"
#include "connector/table.h"
#include "process/plan/session.h"
#include "process/sql/syntax_statement.h"

namespace mainstem::process {

struct TableCheck {
  std::string table;  // default_catalog.default_database.t
  std::string connector;
  bool is_sink = false;
  Status status;
  std::string found;  // when OK: "3 splits; read 10 rows of the first"
  // Of a sink: how the destination's table differs, and whether a job would evolve it.
  connector::Differences differences = {};
  bool evolves = false;
};

struct TableUse {
  connector::TableDescriptor table;
  bool is_sink = false;
};

// The tables that the script's queries read and its INSERTs write; in a script with neither all
// tables that it makes, in each direction that their connectors have. Not empty `names` choose
// among them, by their last part or whole; NotFound for one that is not used.
Result<std::vector<TableUse>> TableUsesOf(const sql::Script& script,
                                          const std::vector<std::string>& names,
                                          const connector::ConnectorRegistry& registry,
                                          plan::Session* session);

// What CheckTables would try, in its order.
std::vector<TableCheck> UntriedChecks(const std::vector<TableUse>& uses);

// Each failure is its TableCheck's status. A sink whose table fits is opened as for a delivery,
// which may make the table of positions there, and nothing is written; one whose table is yet to be
// made or evolved is only looked at. Of a source the first rows are read.
Task<std::vector<TableCheck>> CheckTables(std::vector<TableUse> uses,
                                          const connector::ConnectorRegistry* registry,
                                          connector::ConnectorContext context);

}  // namespace mainstem::process
