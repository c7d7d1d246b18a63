// The connector 'firehose-endpoint' as a sink: rows of bytes, gathered by size and time, become
// requests in the format of Amazon Data Firehose's HTTP endpoint destinations
// (endpoint_request.h), at least once: a request is sent again with its id (record_sink.h).
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec EndpointSinkConnector();

}  // namespace mainstem::sink
