// Topics of a Kafka cluster that is not this node, read by librdkafka. Private to kafka.
#pragma once

#include <memory>
#include <string>

#include "connector/kafka/client_config.h"
#include "source/kafka/kafka_topics.h"

namespace mainstem::source {

struct ClusterTopicsOptions {
  Env* env = nullptr;
  connector::KafkaClientOptions client;
  std::string group;  // whose offsets are read and committed; empty: none
  bool read_committed = false;
};

// Connects when it is first asked. One connection to each broker for all partitions.
std::shared_ptr<KafkaTopics> MakeClusterTopics(ClusterTopicsOptions options);

}  // namespace mainstem::source
