// The connector 'kafka' as a source: topics of this node's own log, read directly. Topics of other
// brokers are refused for now. 'upsert-kafka' reads a keyed topic as a changelog.
#pragma once

#include "connector/registry.h"

namespace mainstem::source {

connector::ConnectorSpec KafkaSourceConnector();
connector::ConnectorSpec UpsertKafkaSourceConnector();

}  // namespace mainstem::source
