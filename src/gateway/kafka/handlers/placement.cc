// One node leads every partition and holds its only replica, for ever: what asks for that is done
// already, anything else can't be.
#include <set>

#include "gateway/kafka/handlers/partitions.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int8_t kUncleanElection = 1;  // the greatest type

bool IsElection(int8_t type) { return type >= 0 && type <= kUncleanElection; }

struct PlacementRefusal {
  KafkaError error = KafkaError::kNone;
  std::optional<std::string> message;
};

PlacementRefusal Elect(int8_t type, const FoundTopic& found, const std::string& name,
                       int32_t index) {
  if (!IsElection(type)) {
    return {KafkaError::kInvalidRequest, fmt::format("Unknown election type {}", type)};
  }
  if (!found.info) return {KafkaError::kUnknownTopicOrPartition, "No such topic as " + name};
  if (found.CheckPartition(index) != KafkaError::kNone) {
    return {KafkaError::kUnknownTopicOrPartition,
            fmt::format("No such partition as {}-{}", name, index)};
  }
  return {KafkaError::kElectionNotNeeded, "Leader election not needed for topic partition."};
}

PlacementRefusal Reassign(const FoundTopic& found, const std::string& name,
                          const AlterPartitionReassignmentsRequest::Partition& partition,
                          int32_t node_id) {
  if (!found.info) {
    return {KafkaError::kUnknownTopicOrPartition,
            fmt::format("Unable to find a topic named {}.", name)};
  }
  if (found.CheckPartition(partition.index) != KafkaError::kNone) {
    return {KafkaError::kUnknownTopicOrPartition,
            fmt::format("Unable to find partition {}:{}.", name, partition.index)};
  }
  if (!partition.replicas) return {KafkaError::kNoReassignmentInProgress, std::nullopt};
  if (partition.replicas->empty()) {
    return {KafkaError::kInvalidReplicaAssignment,
            "The manual partition assignment includes an empty replica list."};
  }
  std::set<int32_t> seen;
  for (int32_t replica : *partition.replicas) {
    if (replica != node_id) {
      return {KafkaError::kInvalidReplicaAssignment,
              fmt::format("The manual partition assignment includes broker {}, but no such broker "
                          "is registered.",
                          replica)};
    }
    if (!seen.insert(replica).second) {
      return {KafkaError::kInvalidReplicaAssignment,
              fmt::format("The manual partition assignment includes the broker {} more than once.",
                          replica)};
    }
  }
  return {};
}

}  // namespace

// Without a list of partitions those are asked for that need an election: none.
Task<ElectLeadersResponse> HandleElectLeaders(const RequestContext& context,
                                              const ElectLeadersRequest& request) {
  ElectLeadersResponse response;
  if (!IsElection(request.election_type)) response.error_code = Code(KafkaError::kInvalidRequest);
  if (!request.topics) co_return response;
  for (const ElectLeadersRequest::Topic& topic : *request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    ElectLeadersResponse::Topic& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (int32_t index : topic.partitions) {
      PlacementRefusal refusal = Elect(request.election_type, found, topic.name, index);
      answer.partitions.push_back({index, Code(refusal.error), std::move(refusal.message)});
    }
  }
  co_return response;
}

Task<AlterPartitionReassignmentsResponse> HandleAlterPartitionReassignments(
    const RequestContext& context, const AlterPartitionReassignmentsRequest& request) {
  AlterPartitionReassignmentsResponse response;
  response.allow_replication_factor_change = request.allow_replication_factor_change;
  for (const AlterPartitionReassignmentsRequest::Topic& topic : request.topics) {
    FoundTopic found = FindTopicByName(*context.services.log, topic.name);
    AlterPartitionReassignmentsResponse::Topic& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (const AlterPartitionReassignmentsRequest::Partition& partition : topic.partitions) {
      PlacementRefusal refusal =
          Reassign(found, topic.name, partition, context.services.settings->node_id);
      answer.partitions.push_back(
          {partition.index, Code(refusal.error), std::move(refusal.message)});
    }
  }
  co_return response;
}

Task<ListPartitionReassignmentsResponse> HandleListPartitionReassignments(
    const RequestContext& context, const ListPartitionReassignmentsRequest& request) {
  ListPartitionReassignmentsResponse response;
  co_return response;
}

}  // namespace mainstem::gateway::kafka
