// What a target gets of an event: the event itself, a constant, a part of it, or a text made from a
// template. Immutable; any thread.
// Source: EventBridge user guide, "Amazon EventBridge input transformation".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "gateway/aws/value.h"
#include "gateway/events/rules/json_path.h"

namespace mainstem::gateway::events {

// An event on its way to a target. Views live as long as it is being delivered.
struct EventView {
  std::string_view text;  // the event's JSON, as it lies on the bus
  const aws::Value& root;
  int64_t ingestion_ms = 0;
};

// Of what templates call <aws.events.rule-arn> and <aws.events.rule-name>.
struct RuleNames {
  std::string arn;
  std::string name;
};

// What is made of an event may be as large as an event.
inline constexpr size_t kInputBytesMax = 1 << 20;

class TargetInput {
 public:
  // Of a target as PutTargets takes it: its Input, InputPath or InputTransformer, one of them or
  // none. kInvalidArgument, with Amazon's text where it is known.
  static Result<TargetInput> Parse(const aws::Value& target);

  // kInvalidArgument when a template has variables that are neither in InputPathsMap nor
  // predefined: PutTargets refuses them.
  Status CheckVariables(std::string_view target_id) const;

  bool is_event() const { return kind_ == Kind::kEvent; }
  // kMessageTooLarge when it were more than kInputBytesMax.
  Result<std::string> Make(const EventView& event, const RuleNames& rule) const;

 private:
  enum class Kind : uint8_t { kEvent, kConstant, kPath, kTemplate };
  // Of a template: text as it stands, or the value of a variable.
  struct Part {
    std::string text;  // or the variable's name
    bool is_variable = false;
    bool in_string = false;          // of a variable: between quotes
    std::optional<JsonPath> path{};  // of a variable that InputPathsMap names
  };
  Status ParseTemplate(const aws::Value& transformer, std::string_view target_id);
  bool IsValidTemplate() const;
  static std::string ValueOf(const Part& part, const EventView& event, const RuleNames& rule);

  Kind kind_ = Kind::kEvent;
  std::string constant_;
  std::optional<JsonPath> path_;
  std::vector<Part> parts_;
};

}  // namespace mainstem::gateway::events
