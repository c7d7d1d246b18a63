// The connector 'http' as a sink: rows become requests to somebody's address (a webhook), one for
// each row or for some together.
//
// At least once, with ids that do not change: what is sent again after a fault is, byte for byte,
// the same request with the same idempotency key. Rows are put together only within one delivery of
// the log, so that this holds however they come.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec HttpSinkConnector();

}  // namespace mainstem::sink
