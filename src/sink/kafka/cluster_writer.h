// Delivers one partition of a job's internal topic into a topic of another Kafka cluster, by
// transactions that hold the records and the position: see kafka_sink.h. Private to kafka.
#pragma once

#include <memory>
#include <string>

#include "connector/kafka/client_config.h"
#include "connector/table.h"
#include "sink/kafka/record_layout.h"

namespace mainstem::sink {

struct ClusterSinkOptions {
  std::string table_name;
  connector::KafkaClientOptions client;
  std::string id_prefix;  // of transactional ids and groups
  RecordLayout layout;    // is_at_once: without transactions
};

std::unique_ptr<connector::DeliveryWriter> MakeClusterWriter(
    Env* env, std::shared_ptr<const ClusterSinkOptions> options, std::string delivery_id,
    PartitionId partition);

}  // namespace mainstem::sink
