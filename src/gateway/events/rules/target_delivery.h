// Delivers what rules take to their targets: a task for each target of each enabled rule reads the
// bus's topic by itself (bus_reader.h), so that a target which is away holds back nobody else.
// Home shard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/aws/named_tasks.h"
#include "gateway/events/rules/bus_reader.h"

namespace mainstem::gateway::events {

class TargetDelivery {
 public:
  explicit TargetDelivery(DeliveryParts parts);
  ~TargetDelivery();

  // Begins, or begins anew with what the rule says now.
  Task<> Start(RuleKey key, Rule rule, std::string target_id);
  // Ends them together; their places are kept.
  Task<> End(std::vector<std::string> delivery_ids);
  // And forgets its place.
  Task<> Forget(std::string delivery_id);
  Task<> Stop();

 private:
  const DeliveryParts parts_;
  const DeliveryCounters counters_;
  DeliveryTurns turns_;
  aws::NamedTasks running_;  // by delivery id
};

}  // namespace mainstem::gateway::events
