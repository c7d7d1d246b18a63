// What a table in PostgreSQL looks like, and whether a SQL table of ours fits it. Errors name
// table and column and say what to do. Blocks: on the pool only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

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

// Connects nothing, changes nothing. NotFound, InvalidArgument, PermissionDenied, Unsupported.
Result<PostgresTable> InspectTable(PostgresConnection* connection, const DestinationTable& table);

// "bigint" for a BIGINT; nullopt for what PostgreSQL cannot hold from us (MAP, ROW).
std::optional<std::string> PostgresTypeFor(const arrow::DataType& type);

}  // namespace mainstem::sink
