// The connector 'jdbc' as a source: a table of PostgreSQL, read once, or looked up by key.
#pragma once

#include "connector/registry.h"

namespace mainstem::source {

connector::ConnectorSpec JdbcSourceConnector();

}  // namespace mainstem::source
