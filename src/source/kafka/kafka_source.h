// The connectors 'kafka' and 'upsert-kafka' as sources: topics of this node's own log, read
// directly, or, when 'properties.bootstrap.servers' is none of this node's addresses, of another
// cluster. 'upsert-kafka' reads a keyed topic as a changelog.
#pragma once

#include "connector/registry.h"

namespace mainstem::source {

connector::ConnectorSpec KafkaSourceConnector();
connector::ConnectorSpec UpsertKafkaSourceConnector();

}  // namespace mainstem::source
