// Consumer groups as the admin API shows them. Implemented over the Kafka gateway's coordinator, so
// that the admin API knows no protocol.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/executor.h"
#include "core/ids.h"

namespace mainstem::server {

struct GroupMember {
  std::string id;
  std::string client_id;
  std::string host;
  std::vector<std::pair<std::string, PartitionId>> assignment;  // topic, partition
};

struct GroupDetails {
  std::string id;
  std::string state;     // "Stable", "Empty" ... as Kafka's tools say
  std::string protocol;  // "range", "cooperative-sticky"; empty without members
  std::vector<GroupMember> members;
  std::map<std::pair<std::string, PartitionId>, Offset> committed;  // by topic and partition
};

// May be called from any shard. Outlives the admin API.
class GroupView {
 public:
  virtual ~GroupView() = default;
  virtual Task<std::vector<std::string>> ListGroups() = 0;
  virtual Task<GroupDetails> DescribeGroup(std::string id) = 0;  // kNotFound
  virtual Task<> DeleteGroup(std::string id) = 0;                // kNotFound; refused with members
};

}  // namespace mainstem::server
