// Metadata and DescribeTopicPartitions: which topics exist, with their partitions and leaders.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct MetadataRequest {
  static constexpr ApiKey kApi = ApiKey::kMetadata;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    Uuid topic_id{};
    std::optional<std::string> name;
  };
  std::optional<std::vector<Topic>> topics;  // null: all; in version 0 an empty list means all
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;
};

struct MetadataResponse {
  static constexpr ApiKey kApi = ApiKey::kMetadata;
  static const Schema kSchema;

  struct Broker {
    static const Schema kSchema;
    int32_t node_id = 0;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;
  };
  struct Partition {
    static const Schema kSchema;
    int16_t error_code = 0;
    int32_t index = 0;
    int32_t leader_id = 0;
    int32_t leader_epoch = -1;
    std::vector<int32_t> replica_nodes;
    std::vector<int32_t> isr_nodes;
    std::vector<int32_t> offline_replicas;
  };
  struct Topic {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> name;
    Uuid topic_id{};
    bool is_internal = false;
    std::vector<Partition> partitions;
    int32_t authorized_operations = INT32_MIN;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  int32_t controller_id = -1;
  std::vector<Topic> topics;
  int32_t cluster_authorized_operations = INT32_MIN;
  int16_t error_code = 0;
};

struct DescribeTopicPartitionsRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeTopicPartitions;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
  };
  struct Cursor {
    static const Schema kSchema;
    std::string topic_name;
    int32_t partition_index = 0;
  };
  std::vector<Topic> topics;
  int32_t response_partition_limit = 2000;
  std::optional<Cursor> cursor;
};

struct DescribeTopicPartitionsResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeTopicPartitions;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int16_t error_code = 0;
    int32_t index = 0;
    int32_t leader_id = 0;
    int32_t leader_epoch = -1;
    std::vector<int32_t> replica_nodes;
    std::vector<int32_t> isr_nodes;
    std::optional<std::vector<int32_t>> eligible_leader_replicas;
    std::optional<std::vector<int32_t>> last_known_elr;
    std::vector<int32_t> offline_replicas;
  };
  struct Topic {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> name;
    Uuid topic_id{};
    bool is_internal = false;
    std::vector<Partition> partitions;
    int32_t authorized_operations = INT32_MIN;
  };
  struct Cursor {
    static const Schema kSchema;
    std::string topic_name;
    int32_t partition_index = 0;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  std::optional<Cursor> next_cursor;
};

}  // namespace mainstem::gateway::kafka
