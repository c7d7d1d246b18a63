// What a table in PostgreSQL looks like, and how a SQL table of ours differs from it. Blocks: on
// the pool only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/drift.h"
#include "connector/jdbc/postgres_connection.h"
#include "core/status.h"
#include "sink/jdbc/row_delivery.h"

namespace mainstem::sink {

using connector::PostgresConnection;

// The destination as it is: names are those of the server, ready to be put into statements.
struct PostgresTable {
  struct Column {
    std::string name;       // quoted
    std::string bare_type;  // "numeric": without modifiers
    bool is_array = false;
  };
  std::string schema;            // quoted
  std::string name;              // schema.table, quoted
  std::vector<Column> columns;   // in the order of DestinationTable::schema
  std::vector<int> key_columns;  // indices into columns
};

struct PostgresInspection {
  connector::Differences differences;
  PostgresTable table;  // when none of them blocks
};
// Connects nothing, changes nothing. InvalidArgument, PermissionDenied, Unsupported: what is no
// difference of the table.
Result<PostgresInspection> InspectTable(PostgresConnection* connection,
                                        const DestinationTable& table);
// Adds the columns that the table lacks and widens numbers.
Status EvolveTable(PostgresConnection* connection, const DestinationTable& table);

// "bigint" for a BIGINT; nullopt for what PostgreSQL cannot hold from us (MAP, ROW).
std::optional<std::string> PostgresTypeFor(const arrow::DataType& type);

}  // namespace mainstem::sink
