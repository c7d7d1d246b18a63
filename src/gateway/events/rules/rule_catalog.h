// The rules of all event buses, with their targets: keeps them in "__mainstem_event_rules"
// (gateway/aws/record_table.h) and has them delivered. Home shard only; changes come one after the
// other, are ended once begun, and are durable when they return.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "gateway/aws/record_table.h"
#include "gateway/events/bus_catalog.h"
#include "gateway/events/rules/rule.h"
#include "gateway/events/rules/schedule_runner.h"
#include "gateway/events/rules/target_delivery.h"
#include "storage/changes_in_turn.h"

namespace mainstem::gateway::events {

class RuleCatalog {
 public:
  // Borrows what the parts name; tells the last two of targets and schedules.
  struct Parts {
    Env* env;
    storage::Log* log;
    MemoryBudget* budget;
    Logger logger;
    BusCatalog* buses;
    TargetDelivery* delivery;
    ScheduleRunner* schedules;
  };
  // A rule whose record can't be read, or whose bus is not there, is told to the log and not there.
  static Task<std::unique_ptr<RuleCatalog>> Open(Parts parts);

  using Rules = std::map<RuleKey, Rule>;
  const Rules& rules() const { return rules_; }
  const Rule* Find(const RuleKey& key) const;

  // Applies `change` to the newest rule; to a new one without region where `makes` and there is
  // none. Targets without a delivery id are given one. kNotFound when there is no such rule or bus.
  using Change = std::function<Status(Rule* rule)>;
  struct UpdateOptions {
    bool makes = false;
  };
  Task<> Update(RuleKey key, Change change, UpdateOptions options);
  // Of one that is not there: nothing. Fails with what `check` says.
  using Check = std::function<Status(const Rule& rule)>;
  Task<> Delete(RuleKey key, Check check);
  // A ValidationException while the bus has rules.
  Task<> DeleteBus(std::string bus);

 private:
  explicit RuleCatalog(Parts parts);
  Task<> Load();
  Task<> ForgetGone();
  Task<> UpdateHere(RuleKey key, Change change, UpdateOptions options);
  Task<> DeleteHere(RuleKey key, Check check);
  Task<> DeleteBusHere(std::string bus);
  Task<> BeginTargets(const RuleKey* key, Rule* rule);
  Task<> MarkDisabled(const RuleKey* key, const Rule* before, Rule* rule);
  void BeginSchedule(const Rule* before, Rule* rule);
  // `rule`: null erases it.
  Task<> WriteRule(const RuleKey* key, const Rule* before, const Rule* rule);
  Task<> ApplyRule(const RuleKey* key, const Rule* before, Rule* rule);
  Task<> StartRule(RuleKey key);
  Task<> EndRule(const Rule* rule);

  const Parts parts_;
  std::unique_ptr<aws::RecordTable> table_;
  Rules rules_;
  storage::ChangesInTurn changes_;
};

}  // namespace mainstem::gateway::events
