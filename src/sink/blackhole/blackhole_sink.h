// The connector 'blackhole': swallows every row. The smallest sink, kept small as the example of
// one; also what a benchmark of a query writes to.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec BlackholeConnector();

}  // namespace mainstem::sink
