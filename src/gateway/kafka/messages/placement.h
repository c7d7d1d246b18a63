// Where partitions lie and who leads them: ElectLeaders, AlterPartitionReassignments,
// ListPartitionReassignments. On one node there is nothing to choose.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct ElectLeadersRequest {
  static constexpr ApiKey kApi = ApiKey::kElectLeaders;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<int32_t> partitions;
  };
  int8_t election_type = 0;                  // 0 preferred, 1 unclean
  std::optional<std::vector<Topic>> topics;  // null: all
  int32_t timeout_ms = 60000;
};

struct ElectLeadersResponse {
  static constexpr ApiKey kApi = ApiKey::kElectLeaders;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Topic> topics;
};

struct AlterPartitionReassignmentsRequest {
  static constexpr ApiKey kApi = ApiKey::kAlterPartitionReassignments;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    std::optional<std::vector<int32_t>> replicas;  // null: cancels what is under way
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t timeout_ms = 60000;
  bool allow_replication_factor_change = true;
  std::vector<Topic> topics;
};

struct AlterPartitionReassignmentsResponse {
  static constexpr ApiKey kApi = ApiKey::kAlterPartitionReassignments;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_time_ms = 0;
  bool allow_replication_factor_change = true;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Topic> topics;
};

struct ListPartitionReassignmentsRequest {
  static constexpr ApiKey kApi = ApiKey::kListPartitionReassignments;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<int32_t> partition_indexes;
  };
  int32_t timeout_ms = 60000;
  std::optional<std::vector<Topic>> topics;  // null: all
};

struct ListPartitionReassignmentsResponse {
  static constexpr ApiKey kApi = ApiKey::kListPartitionReassignments;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    std::vector<int32_t> replicas;
    std::vector<int32_t> adding_replicas;
    std::vector<int32_t> removing_replicas;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Topic> topics;
};

}  // namespace mainstem::gateway::kafka
