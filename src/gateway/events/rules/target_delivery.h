// Delivers what rules take to their targets: a task for each target of each enabled rule reads the
// bus's topic and commits what it puts out together with its own place (aws::CommittedReader), so
// that each event comes once, through crashes, and a target that is away holds back nobody else.
// Home shard.
#pragma once

#include <memory>
#include <string>

#include "gateway/aws/named_tasks.h"
#include "gateway/events/rules/event_output.h"

namespace mainstem::gateway::events {

// At most so many read and commit at a time, each with memory of its own; others wait.
class DeliveryTurns {
 public:
  explicit DeliveryTurns(Env* env) : ended_(env->shard(0)) {}
  class Turn;
  // Keep it while reading, not while waiting for something outside. Outlived by this.
  Task<std::unique_ptr<Turn>> Begin();

 private:
  int free_ = 2;
  Event ended_;
};

class TargetDelivery {
 public:
  explicit TargetDelivery(DeliveryParts parts);
  ~TargetDelivery();

  // Begins, or begins anew with what the rule says now.
  Task<> Start(RuleKey key, Rule rule, std::string target_id);
  // Ends it; its place is kept.
  Task<> End(std::string delivery_id);
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
