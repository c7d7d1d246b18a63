// DescribeGroups, ListGroups, DeleteGroups: what tools ask about consumer groups.
#pragma once

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct DescribeGroupsRequest {
  static constexpr ApiKey kApi = ApiKey::kDescribeGroups;
  static const Schema kSchema;

  std::vector<std::string> groups;
  bool include_authorized_operations = false;
};

struct DescribeGroupsResponse {
  static constexpr ApiKey kApi = ApiKey::kDescribeGroups;
  static const Schema kSchema;

  struct Member {
    static const Schema kSchema;
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    Bytes metadata;
    Bytes assignment;
  };
  struct Group {
    static const Schema kSchema;
    int16_t error_code = 0;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string state;
    std::string protocol_type;
    std::string protocol_data;
    std::vector<Member> members;
    int32_t authorized_operations = INT32_MIN;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Group> groups;
};

struct ListGroupsRequest {
  static constexpr ApiKey kApi = ApiKey::kListGroups;
  static const Schema kSchema;

  std::vector<std::string> states_filter;
  std::vector<std::string> types_filter;
};

struct ListGroupsResponse {
  static constexpr ApiKey kApi = ApiKey::kListGroups;
  static const Schema kSchema;

  struct Group {
    static const Schema kSchema;
    std::string group_id;
    std::string protocol_type;
    std::string state;
    std::string type;
  };
  int32_t throttle_time_ms = 0;
  int16_t error_code = 0;
  std::vector<Group> groups;
};

struct DeleteGroupsRequest {
  static constexpr ApiKey kApi = ApiKey::kDeleteGroups;
  static const Schema kSchema;

  std::vector<std::string> group_ids;
};

struct DeleteGroupsResponse {
  static constexpr ApiKey kApi = ApiKey::kDeleteGroups;
  static const Schema kSchema;

  struct Result {
    static const Schema kSchema;
    std::string group_id;
    int16_t error_code = 0;
  };
  int32_t throttle_time_ms = 0;
  std::vector<Result> results;
};

}  // namespace mainstem::gateway::kafka
