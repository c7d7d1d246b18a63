// Reads one partition of another Kafka cluster. Private to kafka. A reader runs on its task's shard
// and never blocks it: librdkafka fetches in the background and wakes the task.
#pragma once

#include <memory>

#include "connector/close_on_pool.h"
#include "connector/kafka/client_thread.h"
#include "connector/kafka/kafka_client.h"
#include "source/kafka/kafka_topics.h"

namespace mainstem::source {

// What all partitions of a table share. Its last owner lets go of it on the pool.
struct KafkaCluster {
  connector::ClientThread thread;
  std::unique_ptr<connector::KafkaClient> client;
};

Task<std::unique_ptr<connector::SplitReader>> OpenClusterReader(
    Env* env, std::shared_ptr<KafkaCluster> cluster, PartitionName partition,
    PartitionPosition position, std::unique_ptr<RecordDecoder> decoder);

}  // namespace mainstem::source
