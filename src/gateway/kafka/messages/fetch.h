// Fetch: reads batches of partitions, waiting for new ones if asked. From version 13 topics are
// named by id.
#pragma once

#include "gateway/kafka/messages/produce.h"

namespace mainstem::gateway::kafka {

struct FetchRequest {
  static constexpr ApiKey kApi = ApiKey::kFetch;
  static const Schema kSchema;

  struct ReplicaState {
    static const Schema kSchema;
    int32_t replica_id = -1;
    int64_t replica_epoch = -1;
    bool operator==(const ReplicaState&) const = default;
  };
  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int32_t current_leader_epoch = -1;
    int64_t fetch_offset = 0;
    int32_t last_fetched_epoch = -1;
    int64_t log_start_offset = -1;
    int32_t max_bytes = 0;
    Uuid replica_directory_id{};
    int64_t high_watermark = INT64_MAX;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    Uuid topic_id{};
    std::vector<Partition> partitions;
  };
  struct ForgottenTopic {
    static const Schema kSchema;
    std::string name;
    Uuid topic_id{};
    std::vector<int32_t> partitions;
  };
  std::optional<std::string> cluster_id;
  int32_t replica_id = -1;
  ReplicaState replica_state;
  int32_t max_wait_ms = 0;
  int32_t min_bytes = 0;
  int32_t max_bytes = INT32_MAX;
  int8_t isolation_level = 0;  // 1: read committed
  int32_t session_id = 0;
  int32_t session_epoch = -1;
  std::vector<Topic> topics;
  std::vector<ForgottenTopic> forgotten_topics;
  std::string rack_id;
};

struct FetchResponse {
  static constexpr ApiKey kApi = ApiKey::kFetch;
  static const Schema kSchema;

  struct EpochEndOffset {
    static const Schema kSchema;
    int32_t epoch = -1;
    int64_t end_offset = -1;
    bool operator==(const EpochEndOffset&) const = default;
  };
  struct SnapshotId {
    static const Schema kSchema;
    int64_t end_offset = -1;
    int32_t epoch = -1;
    bool operator==(const SnapshotId&) const = default;
  };
  struct AbortedTransaction {
    static const Schema kSchema;
    int64_t producer_id = 0;
    int64_t first_offset = 0;
  };
  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int16_t error_code = 0;
    int64_t high_watermark = 0;
    int64_t last_stable_offset = -1;
    int64_t log_start_offset = -1;
    EpochEndOffset diverging_epoch;
    CurrentLeader current_leader;
    SnapshotId snapshot_id;
    std::optional<std::vector<AbortedTransaction>> aborted_transactions;
    int32_t preferred_read_replica = -1;
    Records records;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    Uuid topic_id{};
    std::vector<Partition> partitions;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  int32_t session_id = 0;
  std::vector<Topic> topics;
  std::vector<NodeEndpoint> node_endpoints;
};

}  // namespace mainstem::gateway::kafka
