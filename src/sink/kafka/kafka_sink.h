// The connectors 'kafka' and 'upsert-kafka' as sinks: rows become records of a topic.
//
// Of this node's own log ('properties.bootstrap.servers' is this node): committed with the job's
// epoch. Of any other cluster: delivered from the job's internal topic, exactly once, by
// transactions that hold the records and the position in that topic. The position is an offset of
// the consumer group "<prefix>-<job and sink>-<partition>", which is the transactional id, too; who
// opens it next ends what a predecessor left open and learns how far it came. No transaction
// outlives a flush, so none can time out while a destination is down
// (docs/decisions/0014-other-kafka-clusters.md).
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

// The sink halves; the source halves of the same names come from source/.
connector::ConnectorSpec KafkaSinkConnector();
connector::ConnectorSpec UpsertKafkaSinkConnector();

}  // namespace mainstem::sink
