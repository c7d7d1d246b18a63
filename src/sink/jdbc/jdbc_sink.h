// The connector 'jdbc' as a sink: rows into a table of PostgreSQL, MySQL, MariaDB or SQLite,
// upserted and deleted by primary key or appended, exactly once (row_delivery.h).
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec JdbcSinkConnector();

}  // namespace mainstem::sink
