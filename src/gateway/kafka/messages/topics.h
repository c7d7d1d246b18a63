// CreateTopics, DeleteTopics, CreatePartitions.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct CreateTopicsRequest {
  static constexpr ApiKey kApi = ApiKey::kCreateTopics;
  static const Schema kSchema;

  struct Assignment {
    static const Schema kSchema;
    int32_t partition_index = 0;
    std::vector<int32_t> broker_ids;
  };
  struct Config {
    static const Schema kSchema;
    std::string name;
    std::optional<std::string> value;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    int32_t partition_count = 0;     // -1: the default
    int16_t replication_factor = 0;  // -1: the default
    std::vector<Assignment> assignments;
    std::vector<Config> configs;
  };
  std::vector<Topic> topics;
  int32_t timeout_ms = 60000;
  bool validate_only = false;
};

struct CreateTopicsResponse {
  static constexpr ApiKey kApi = ApiKey::kCreateTopics;
  static const Schema kSchema;

  struct Config {
    static const Schema kSchema;
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    int8_t source = -1;
    bool is_sensitive = false;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    Uuid topic_id{};
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int32_t partition_count = -1;
    int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs;
    int16_t config_error_code = 0;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

struct DeleteTopicsRequest {
  static constexpr ApiKey kApi = ApiKey::kDeleteTopics;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::optional<std::string> name;
    Uuid topic_id{};
  };
  std::vector<Topic> topics;
  std::vector<std::string> topic_names;
  int32_t timeout_ms = 0;
};

struct DeleteTopicsResponse {
  static constexpr ApiKey kApi = ApiKey::kDeleteTopics;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::optional<std::string> name;
    Uuid topic_id{};
    int16_t error_code = 0;
    std::optional<std::string> error_message;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

struct CreatePartitionsRequest {
  static constexpr ApiKey kApi = ApiKey::kCreatePartitions;
  static const Schema kSchema;

  struct Assignment {
    static const Schema kSchema;
    std::vector<int32_t> broker_ids;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    int32_t count = 0;  // the new total
    std::optional<std::vector<Assignment>> assignments;
  };
  std::vector<Topic> topics;
  int32_t timeout_ms = 0;
  bool validate_only = false;
};

struct CreatePartitionsResponse {
  static constexpr ApiKey kApi = ApiKey::kCreatePartitions;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
};

}  // namespace mainstem::gateway::kafka
