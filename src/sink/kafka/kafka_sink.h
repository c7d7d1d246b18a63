// The connectors 'kafka' and 'upsert-kafka' as sinks: rows become records of a topic of this node's
// own log, committed with the job's epoch. Topics of other brokers are refused.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

// The sink halves; the source halves of the same names come from source/.
connector::ConnectorSpec KafkaSinkConnector();
connector::ConnectorSpec UpsertKafkaSinkConnector();

}  // namespace mainstem::sink
