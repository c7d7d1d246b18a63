// What the tasks of a rule's targets have in common: each reads its bus, hands on what the rule
// takes, and commits its place with it. Home shard.
#pragma once

#include "core/backoff.h"
#include "gateway/aws/standing_task.h"
#include "gateway/events/rules/bus_reader.h"

namespace mainstem::gateway::events {

struct RuleTaskParts {
  const DeliveryParts& delivery;
  const DeliveryCounters& counters;
  DeliveryTurns* turns;
};

class RuleTask : public aws::StandingTask {
 protected:
  RuleTask(RuleTaskParts parts, EventTaker taker, Target target, Backoff::Bounds pauses);

  // So often a task looks for what may have come meanwhile; at its bus, which wakes it, seldom.
  static constexpr Duration kLook = std::chrono::seconds(1);
  static constexpr Duration kBusLook = std::chrono::seconds(60);

  // From the last commit on, until something fails or the bus has no topic.
  virtual Task<> Deliver() = 0;
  // Older than the target's RetryPolicy wants it.
  bool IsTooOld(const TakenEvent& event) const;
  // Which of its limits ends the tries, as dead letters tell it; empty: neither.
  static std::string LimitReached(bool is_too_old, bool tried_enough);

  const DeliveryParts& parts_;
  const DeliveryCounters& counters_;
  DeliveryTurns* const turns_;
  const EventTaker taker_;
  BusReader reader_;
  Backoff pauses_;

 private:
  Task<> Work() final;
  void TellWaiting(const Status& cause) final;
  Task<> Finish() final { return reader_.CommitPassed(); }
};

}  // namespace mainstem::gateway::events
