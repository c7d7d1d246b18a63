// What a user may say about the Kafka door. Plain values, set once before the server starts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gateway/kafka/group/coordinator.h"
#include "gateway/kafka/transaction/coordinator.h"

namespace mainstem::gateway::kafka {

struct KafkaSettings {
  std::string host = "127.0.0.1";
  uint16_t port = 9092;  // 0: a free one
  // The address that clients are told; empty: the one they connected to.
  std::string advertised_host;
  uint16_t advertised_port = 0;
  int32_t node_id = 1;
  std::string cluster_id;      // kept by the node for ever
  std::string data_directory;  // shown to tools that ask for log directories
  bool auto_create_topics = true;

  int64_t request_bytes_max = 104857600;         // socket.request.max.bytes
  int64_t fetch_bytes_max = 57671680;            // fetch.max.bytes
  int32_t offset_metadata_bytes_max = 4096;      // offset.metadata.max.bytes
  Duration idle_max = std::chrono::minutes(10);  // connections.max.idle.ms
  size_t connections_max = 10'000;
  GroupSettings groups;
  TransactionSettings transactions;
};

}  // namespace mainstem::gateway::kafka
