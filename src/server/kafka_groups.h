// Consumer groups for the admin API, over the Kafka door's coordinator.
#pragma once

#include "gateway/kafka/group/coordinator.h"
#include "server/admin/group_view.h"

namespace mainstem::server {

// Any shard. `coordinator` outlives it.
class KafkaGroups final : public GroupView {
 public:
  explicit KafkaGroups(gateway::kafka::GroupCoordinator* coordinator) : coordinator_(coordinator) {}
  Task<std::vector<std::string>> ListGroups() override;
  Task<GroupDetails> DescribeGroup(std::string id) override;
  Task<> DeleteGroup(std::string id) override;

 private:
  gateway::kafka::GroupCoordinator* coordinator_;
};

// Topic partitions of a ConsumerProtocol assignment, versions 0 to 3; empty when malformed.
std::vector<std::pair<std::string, PartitionId>> ParseAssignment(std::string_view bytes);

}  // namespace mainstem::server
