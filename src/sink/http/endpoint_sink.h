// The connector 'firehose-endpoint' as a sink: rows of bytes, gathered by size and time, become
// requests in the format of Amazon Data Firehose's HTTP endpoint destinations
// (endpoint_request.h).
//
// At least once: a request is sent again with its id until it is acknowledged; after a restart of
// the node what was sent last may come again under other ids. What has been tried for longer than
// 'sink.retry.duration' is handed over to the quarantine, as Amazon's error records.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec EndpointSinkConnector();

}  // namespace mainstem::sink
