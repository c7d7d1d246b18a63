// A rule of an event bus and its targets, as they are kept: JSON under "r/BUS/RULE". Pure; any
// thread. Source: EventBridge API reference, PutRule and PutTargets.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/status.h"
#include "storage/log.h"

namespace mainstem::gateway::events {

// Places of a bus's topic, without the last one.
struct OffsetRange {
  Offset begin{0};
  Offset end{0};
  bool operator==(const OffsetRange&) const = default;
};

struct Target {
  std::string arn;
  std::string definition;  // the API's structure of it, as JSON
  // Of what is delivered: stays when the target is changed.
  std::string delivery_id{};
  // Events before this place of the bus's topic were there before the target. Another topic, made
  // later, counts from its start.
  storage::TopicId topic_id{};
  Offset begin{0};
  // What came while the rule was disabled, of the same topic: not for the target. The last one has
  // no end (INT64_MAX) while it is.
  std::vector<OffsetRange> gaps{};
  bool IsInGap(Offset offset) const;
  bool operator==(const Target&) const = default;
};

struct Rule {
  std::string region;      // of who made it; ARNs in events carry it
  std::string pattern{};   // empty: a schedule alone
  std::string schedule{};  // its expression; empty: none
  // Of when it was due last: new for another schedule, and when the rule is enabled again.
  std::string schedule_id{};
  int64_t schedule_begin_ms = 0;  // from which rates count
  std::string description{};
  std::string role_arn{};
  std::string state = "ENABLED";
  int64_t created_ms = 0;
  std::map<std::string, std::string> tags{};
  std::map<std::string, Target, std::less<>> targets{};  // by Id
  bool is_enabled() const { return state != "DISABLED"; }
  bool operator==(const Rule&) const = default;
};
std::string EncodeRule(const Rule& rule);
Result<Rule> DecodeRule(std::string_view text);

struct RuleKey {
  std::string bus;
  std::string name;
  auto operator<=>(const RuleKey&) const = default;
};
// "arn:aws:events:REGION:ACCOUNT:rule/NAME", ".../BUS/NAME" of another bus than the default one.
struct RuleOwner {
  std::string_view region;
  std::string_view account;
};
std::string RuleArn(const RuleOwner& owner, const RuleKey& rule);
// Of such an ARN; nothing else is one.
bool ParseRuleArn(std::string_view arn, RuleKey* rule);

}  // namespace mainstem::gateway::events
