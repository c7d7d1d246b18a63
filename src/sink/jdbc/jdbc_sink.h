// The connector 'jdbc' as a sink: rows into a table of PostgreSQL, upserted and deleted by primary
// key or appended, exactly once (postgres_delivery.h).
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec JdbcSinkConnector();

}  // namespace mainstem::sink
