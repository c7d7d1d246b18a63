// Produce: record batches for partitions. Structs as people read them; produce.cc says how they lie
// on the wire. From version 13 topics are named by id.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct ProduceRequest {
  static constexpr ApiKey kApi = ApiKey::kProduce;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    RecordsView records;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    Uuid topic_id{};
    std::vector<Partition> partitions;
  };
  std::optional<std::string> transactional_id;
  int16_t acks = 0;
  int32_t timeout_ms = 0;
  std::vector<Topic> topics;
};

// Where else to go; a single node never says it. Shared by Produce and Fetch.
struct CurrentLeader {
  static const Schema kSchema;
  int32_t leader_id = -1;
  int32_t leader_epoch = -1;
  bool operator==(const CurrentLeader&) const = default;
};
struct NodeEndpoint {
  static const Schema kSchema;
  int32_t node_id = 0;
  std::string host;
  int32_t port = 0;
  std::optional<std::string> rack;
  bool operator==(const NodeEndpoint&) const = default;
};

struct ProduceResponse {
  static constexpr ApiKey kApi = ApiKey::kProduce;
  static const Schema kSchema;

  struct RecordError {
    static const Schema kSchema;
    int32_t batch_index = 0;
    std::optional<std::string> message;
  };
  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int16_t error_code = 0;
    int64_t base_offset = 0;
    int64_t log_append_time_ms = -1;
    int64_t log_start_offset = -1;
    std::vector<RecordError> record_errors;
    std::optional<std::string> error_message;
    CurrentLeader current_leader;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    Uuid topic_id{};
    std::vector<Partition> partitions;
  };
  std::vector<Topic> topics;
  int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;
};

}  // namespace mainstem::gateway::kafka
