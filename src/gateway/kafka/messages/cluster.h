// About the node itself: ApiVersions, SaslHandshake, FindCoordinator, DescribeCluster,
// DescribeLogDirs.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct ApiVersionsRequest {
  static constexpr ApiKey kApi = ApiKey::kApiVersions;
  static const Schema kSchema;

  std::string client_software_name;
  std::string client_software_version;
};

struct ApiVersionsResponse {
  static constexpr ApiKey kApi = ApiKey::kApiVersions;
  static const Schema kSchema;

  struct Api {
    static const Schema kSchema;
    int16_t api_key = 0;
    int16_t min_version = 0;
    int16_t max_version = 0;
  };
  struct SupportedFeature {
    static const Schema kSchema;
    std::string name;
    int16_t min_version = 0;
    int16_t max_version = 0;
    bool operator==(const SupportedFeature&) const = default;
  };
  struct FinalizedFeature {
    static const Schema kSchema;
    std::string name;
    int16_t max_version_level = 0;
    int16_t min_version_level = 0;
    bool operator==(const FinalizedFeature&) const = default;
  };
  int16_t error_code = 0;
  std::vector<Api> api_keys;
  int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeature> finalized_features;
  bool zk_migration_ready = false;
};

struct SaslHandshakeRequest {
  static constexpr ApiKey kApi = ApiKey::kSaslHandshake;
  static const Schema kSchema;

  std::string mechanism;
};

struct SaslHandshakeResponse {
  static constexpr ApiKey kApi = ApiKey::kSaslHandshake;
  static const Schema kSchema;

  int16_t error_code = 0;
  std::vector<std::string> mechanisms;
};

struct FindCoordinatorRequest {
  static constexpr ApiKey kApi = ApiKey::kFindCoordinator;
  static const Schema kSchema;

  std::string key;
  int8_t key_type = 0;  // 0 group, 1 transaction, 2 share group
  std::vector<std::string> coordinator_keys;
};

struct FindCoordinatorResponse {
  static constexpr ApiKey kApi = ApiKey::kFindCoordinator;
  static const Schema kSchema;

  struct Coordinator {
    static const Schema kSchema;
    std::string key;
    int32_t node_id = 0;
    std::string host;
    int32_t port = 0;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  int32_t node_id = 0;
  std::string host;
  int32_t port = 0;
  std::vector<Coordinator> coordinators;
};

struct DescribeClusterRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeCluster;
  static const Schema kSchema;

  bool include_cluster_authorized_operations = false;
  int8_t endpoint_type = 1;  // 1 brokers, 2 controllers
  bool include_fenced_brokers = false;
};

struct DescribeClusterResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeCluster;
  static const Schema kSchema;

  struct Broker {
    static const Schema kSchema;
    int32_t broker_id = 0;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;
    bool is_fenced = false;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  int8_t endpoint_type = 1;
  std::string cluster_id;
  int32_t controller_id = -1;
  std::vector<Broker> brokers;
  int32_t cluster_authorized_operations = INT32_MIN;
};

struct DescribeLogDirsRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeLogDirs;
  static const Schema kSchema;

  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<int32_t> partitions;
  };
  std::optional<std::vector<Topic>> topics;  // null: all
};

struct DescribeLogDirsResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeLogDirs;
  static const Schema kSchema;

  struct Partition {
    static const Schema kSchema;
    int32_t index = 0;
    int64_t size_bytes = 0;
    int64_t offset_lag = 0;
    bool is_future_key = false;
  };
  struct Topic {
    static const Schema kSchema;
    std::string name;
    std::vector<Partition> partitions;
  };
  struct LogDir {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::string log_dir;
    std::vector<Topic> topics;
    int64_t total_bytes = -1;
    int64_t usable_bytes = -1;
    bool is_cordoned = false;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<LogDir> log_dirs;
};

}  // namespace mainstem::gateway::kafka
