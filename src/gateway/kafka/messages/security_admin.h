// What admin tools ask about security and quotas, of which a node has none: ACLs, client quotas,
// SCRAM credentials.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

// Chooses ACLs. Null matches all.
struct AclFilter {
  static const Schema kSchema;

  int8_t resource_type = 0;
  std::optional<std::string> resource_name;
  int8_t pattern_type = 3;
  std::optional<std::string> principal;
  std::optional<std::string> host;
  int8_t operation = 0;
  int8_t permission_type = 0;
};

struct DescribeAclsRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeAcls;
  static const Schema kSchema;

  int8_t resource_type = 0;
  std::optional<std::string> resource_name;
  int8_t pattern_type = 3;
  std::optional<std::string> principal;
  std::optional<std::string> host;
  int8_t operation = 0;
  int8_t permission_type = 0;
};

struct DescribeAclsResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeAcls;
  static const Schema kSchema;

  struct Acl {
    static const Schema kSchema;
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;
  };
  struct Resource {
    static const Schema kSchema;
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t pattern_type = 3;
    std::vector<Acl> acls;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Resource> resources;
};

struct CreateAclsRequest {
  static constexpr ApiKey kApi = ApiKey::kCreateAcls;
  static const Schema kSchema;

  struct Creation {
    static const Schema kSchema;
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t resource_pattern_type = 3;
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;
  };
  std::vector<Creation> creations;
};

struct CreateAclsResponse {
  static constexpr ApiKey kApi = ApiKey::kCreateAcls;
  static const Schema kSchema;

  struct Result {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Result> results;
};

struct DeleteAclsRequest {
  static constexpr ApiKey kApi = ApiKey::kDeleteAcls;
  static const Schema kSchema;

  std::vector<AclFilter> filters;
};

struct DeleteAclsResponse {
  static constexpr ApiKey kApi = ApiKey::kDeleteAcls;
  static const Schema kSchema;

  struct MatchingAcl {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    int8_t resource_type = 0;
    std::string resource_name;
    int8_t pattern_type = 3;
    std::string principal;
    std::string host;
    int8_t operation = 0;
    int8_t permission_type = 0;
  };
  struct FilterResult {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<MatchingAcl> matching_acls;
  };
  int32_t throttle_time_ms = 0;
  std::vector<FilterResult> filter_results;
};

// Whom a quota is for: entity types are "user", "client-id" and "ip".
struct QuotaEntity {
  static const Schema kSchema;
  std::string entity_type;
  std::optional<std::string> entity_name;  // null: the default
};

struct DescribeClientQuotasRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeClientQuotas;
  static const Schema kSchema;

  struct Component {
    static const Schema kSchema;
    std::string entity_type;
    int8_t match_type = 0;  // 0 this name, 1 the default, 2 any
    std::optional<std::string> match;
  };
  std::vector<Component> components;
  bool strict = false;
};

struct DescribeClientQuotasResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeClientQuotas;
  static const Schema kSchema;

  struct Value {
    static const Schema kSchema;
    std::string key;
    int64_t value_bits = 0;  // of an IEEE 754 double
  };
  struct Entry {
    static const Schema kSchema;
    std::vector<QuotaEntity> entity;
    std::vector<Value> values;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::optional<std::vector<Entry>> entries;
};

struct AlterClientQuotasRequest {
  static constexpr ApiKey kApi = ApiKey::kAlterClientQuotas;
  static const Schema kSchema;

  struct Operation {
    static const Schema kSchema;
    std::string key;
    int64_t value_bits = 0;  // of an IEEE 754 double
    bool remove = false;
  };
  struct Entry {
    static const Schema kSchema;
    std::vector<QuotaEntity> entity;
    std::vector<Operation> operations;
  };
  std::vector<Entry> entries;
  bool validate_only = false;
};

struct AlterClientQuotasResponse {
  static constexpr ApiKey kApi = ApiKey::kAlterClientQuotas;
  static const Schema kSchema;

  struct Entry {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<QuotaEntity> entity;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Entry> entries;
};

struct DescribeUserScramCredentialsRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeUserScramCredentials;
  static const Schema kSchema;

  struct User {
    static const Schema kSchema;
    std::string name;
  };
  std::optional<std::vector<User>> users;  // null or empty: all
};

struct DescribeUserScramCredentialsResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeUserScramCredentials;
  static const Schema kSchema;

  struct Credential {
    static const Schema kSchema;
    int8_t mechanism = 0;
    int32_t iterations = 0;
  };
  struct Result {
    static const Schema kSchema;
    std::string user;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::vector<Credential> credentials;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::optional<std::string> error_message;
  std::vector<Result> results;
};

}  // namespace mainstem::gateway::kafka
