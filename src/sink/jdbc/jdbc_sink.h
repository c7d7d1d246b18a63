// The connector 'jdbc' as a sink: rows into a table of PostgreSQL, MySQL, MariaDB or SQLite,
// upserted and deleted by primary key or appended, exactly once (row_delivery.h). And the connector
// 'duckdb', which writes a table of a DuckDB file the same way. The file is open, and so locked
// against other programs, during a transaction only; one that another program holds is waited for.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec JdbcSinkConnector();
connector::ConnectorSpec DuckdbSinkConnector();

}  // namespace mainstem::sink
