#include "gateway/events/rules/rule_task.h"

namespace mainstem::gateway::events {

RuleTask::RuleTask(RuleTaskParts parts, EventTaker taker, Target target, Backoff::Bounds pauses)
    : parts_(parts.delivery),
      counters_(parts.counters),
      turns_(parts.turns),
      taker_(std::move(taker)),
      reader_(parts_, counters_, taker_, std::move(target)),
      pauses_(pauses) {}

bool RuleTask::IsTooOld(const TakenEvent& event) const {
  return parts_.env->WallTime().value() - event.arrived_ms > taker_.plan().age_max_ms;
}

std::string RuleTask::LimitReached(bool is_too_old, bool tried_enough) {
  if (is_too_old) return "MaximumEventAgeInSeconds";
  return tried_enough ? "MaximumRetryAttempts" : "";
}

Task<> RuleTask::Work() {
  while (true) {
    CO_RETURN_IF_ERROR(co_await Deliver());
    EndFailures();
    CO_RETURN_IF_ERROR(co_await Sleep(kLook));
  }
}

void RuleTask::TellWaiting(const Status& cause) {
  parts_.logger.Warning(
      "target of a rule waits",
      {{"rule", taker_.rule().arn}, {"target", taker_.plan().id}, {"error", cause}});
}

}  // namespace mainstem::gateway::events
