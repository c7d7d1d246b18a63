// Puts an event on the default bus whenever a rule with a schedule is due, for this rule alone: its
// targets get it as they get any other. When it was due is committed with the event: once each,
// through crashes. What was missed while the node was down is made up for by one event, for the
// last time of the past day. Home shard.
#pragma once

#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "gateway/aws/named_tasks.h"
#include "gateway/events/bus_catalog.h"
#include "gateway/events/rules/rule.h"

namespace mainstem::gateway::events {

class ScheduleRunner {
 public:
  struct Parts {
    Env* env;
    storage::Log* log;
    Logger logger;
    std::string account;
    BusCatalog* buses;
  };
  explicit ScheduleRunner(Parts parts);

  // There must be none of the rule's schedule id. kInvalidArgument when it has no schedule.
  Status Start(const RuleKey& key, const Rule& rule);
  // Ends it; when it was due last is kept.
  Task<> End(std::string schedule_id);
  // And forgets that.
  Task<> Forget(std::string schedule_id);
  Task<> Stop();

 private:
  const Parts parts_;
  aws::NamedTasks running_;  // by schedule id
};

}  // namespace mainstem::gateway::events
