// An event that a rule takes, ready for its target. EventTaker is one target's: immutable but for
// its counters; home shard.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "gateway/events/event_pattern.h"
#include "gateway/events/rules/rule.h"
#include "gateway/events/rules/target_plan.h"
#include "storage/record_batch.h"

namespace mainstem::gateway::events {

// Of records of a bus that came from a rule of another one: they are not sent to a third.
inline constexpr std::string_view kForwardedHeader = "forwarded-from";
// Of records for one rule alone, whatever its pattern: it was due.
inline constexpr std::string_view kForRuleHeader = "for-rule";
// Of replayed records: names of the only rules that may take them, with '/' between.
inline constexpr std::string_view kReplayRulesHeader = "replay-rules";

struct TakenEvent {
  Offset offset{};
  int64_t arrived_ms = 0;
  int64_t time_ms = 0;  // the event's own; its arrival where that is no time
  std::string id{};
  std::string source{};
  std::string text{};  // as it lies on the bus
  std::string key{};   // the partition key of a stream's record
  // What the target gets; or why nothing can be made for it.
  Result<std::string> input = std::string();
};

class EventTaker {
 public:
  // `owner`: of the ARNs that templates show.
  static Result<EventTaker> Make(const RuleKey& key, const Rule& rule, std::string_view target_id,
                                 std::string_view account);

  // Nothing when the rule does not take it, or it is no event.
  std::optional<TakenEvent> Take(const storage::RecordView& record) const;
  // The same of one that was taken before, perhaps by another pattern: whatever the pattern is now.
  std::optional<TakenEvent> TakeAgain(const storage::RecordView& record) const;

  const TargetPlan& plan() const { return plan_; }
  const RuleNames& rule() const { return rule_; }
  const std::string& bus() const { return bus_; }

 private:
  enum class Taken : uint8_t { kByPattern, kBefore };
  std::optional<TakenEvent> TakeAs(const storage::RecordView& record, Taken taken) const;
  explicit EventTaker(TargetPlan plan) : plan_(std::move(plan)) {}

  std::optional<EventPattern> pattern_;  // nothing: a schedule alone
  TargetPlan plan_;
  RuleNames rule_;
  std::string bus_;
};

}  // namespace mainstem::gateway::events
