#include <algorithm>

#include <absl/container/flat_hash_set.h>
#include <boost/algorithm/string/predicate.hpp>

#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/handlers/handlers.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr std::string_view kClassicType = "classic";
constexpr int16_t kFirstVersionThatSaysNotFound = 6;

bool Matches(const std::vector<std::string>& filter, std::string_view value) {
  return filter.empty() || std::any_of(filter.begin(), filter.end(), [&](const auto& wanted) {
           return boost::iequals(wanted, value);
         });
}

}  // namespace

Task<DescribeGroupsResponse> HandleDescribeGroups(const RequestContext& context,
                                                  const DescribeGroupsRequest& request) {
  DescribeGroupsResponse response;
  absl::flat_hash_set<std::string> seen;  // a group that is named again is described once
  for (const std::string& id : request.groups) {
    if (!seen.insert(id).second) continue;
    CO_ASSIGN_OR_RETURN(GroupDescription description,
                        co_await context.services.groups->Describe(id));
    DescribeGroupsResponse::Group& group = response.groups.emplace_back();
    group.group_id = id;
    group.state = description.state;
    group.protocol_type = description.protocol_type;
    group.protocol_data = description.protocol_name;
    if (request.include_authorized_operations) group.authorized_operations = kGroupOperations;
    if (!description.exists && context.version >= kFirstVersionThatSaysNotFound) {
      group.error_code = Code(KafkaError::kGroupIdNotFound);
      group.error_message = fmt::format("Group {} not found.", id);
    }
    for (GroupDescription::Member& member : description.members) {
      DescribeGroupsResponse::Member& target = group.members.emplace_back();
      target.member_id = std::move(member.id);
      target.group_instance_id = std::move(member.instance_id);
      target.client_id = std::move(member.client_id);
      target.client_host = std::move(member.client_host);
      target.metadata.data = std::move(member.metadata);
      target.assignment.data = std::move(member.assignment);
    }
  }
  co_return response;
}

Task<ListGroupsResponse> HandleListGroups(const RequestContext& context,
                                          const ListGroupsRequest& request) {
  CO_ASSIGN_OR_RETURN(std::vector<GroupSummary> groups, co_await context.services.groups->List());
  ListGroupsResponse response;
  for (GroupSummary& group : groups) {
    if (!Matches(request.states_filter, group.state)) continue;
    if (!Matches(request.types_filter, kClassicType)) continue;
    response.groups.push_back({std::move(group.id), std::move(group.protocol_type),
                               std::move(group.state), std::string(kClassicType)});
  }
  co_return response;
}

Task<DeleteGroupsResponse> HandleDeleteGroups(const RequestContext& context,
                                              const DeleteGroupsRequest& request) {
  DeleteGroupsResponse response;
  for (const std::string& id : request.group_ids) {
    Result<KafkaError> error = co_await context.services.groups->Delete(id);
    if (Is(error.status(), ErrorCode::kCancelled)) co_return error.status();
    int16_t code = error.ok() ? Code(*error) : CoordinatorCode(error.status());
    response.results.push_back({id, code});
  }
  co_return response;
}

}  // namespace mainstem::gateway::kafka
