// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct DescribeConfigsRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeConfigs;
  static const Schema kSchema;

  struct Resource {
    static const Schema kSchema;
    int8_t resource_type = 0;
    std::string resource_name;
    std::optional<std::vector<std::string>> configuration_keys;  // null: all
  };
  std::vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;
};

struct DescribeConfigsResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeConfigs;
  static const Schema kSchema;

  struct Synonym {
    static const Schema kSchema;
    std::string name;
    std::optional<std::string> value;
    int8_t source = 0;
  };
  struct Config {
    static const Schema kSchema;
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    int8_t source = -1;
    bool is_sensitive = false;
    std::vector<Synonym> synonyms;
    int8_t type = 0;
    std::optional<std::string> documentation;
  };
  struct Resource {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Resource> resources;
};

struct AlterConfigsRequest {
  static constexpr ApiKey kApi = ApiKey::kAlterConfigs;
  static const Schema kSchema;

  struct Config {
    static const Schema kSchema;
    std::string name;
    std::optional<std::string> value;
  };
  struct Resource {
    static const Schema kSchema;
    int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;
  };
  std::vector<Resource> resources;
  bool validate_only = false;
};

struct AlterConfigsResponse {
  static constexpr ApiKey kApi = ApiKey::kAlterConfigs;
  static const Schema kSchema;

  struct Resource {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int8_t resource_type = 0;
    std::string resource_name;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Resource> resources;
};

struct IncrementalAlterConfigsRequest {
  static constexpr ApiKey kApi = ApiKey::kIncrementalAlterConfigs;
  static const Schema kSchema;

  struct Config {
    static const Schema kSchema;
    std::string name;
    int8_t operation = 0;  // 0 set, 1 delete, 2 append, 3 subtract
    std::optional<std::string> value;
  };
  struct Resource {
    static const Schema kSchema;
    int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;
  };
  std::vector<Resource> resources;
  bool validate_only = false;
};

struct IncrementalAlterConfigsResponse {
  static constexpr ApiKey kApi = ApiKey::kIncrementalAlterConfigs;
  static const Schema kSchema;

  struct Resource {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int8_t resource_type = 0;
    std::string resource_name;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Resource> resources;
};

struct ListConfigResourcesRequest {
  static constexpr ApiKey kApi = ApiKey::kListConfigResources;
  static const Schema kSchema;

  std::vector<int8_t> resource_types;
};

struct ListConfigResourcesResponse {
  static constexpr ApiKey kApi = ApiKey::kListConfigResources;
  static const Schema kSchema;

  struct Resource {
    static const Schema kSchema;
    std::string resource_name;
    int8_t resource_type = 16;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Resource> resources;
};

}  // namespace mainstem::gateway::kafka
