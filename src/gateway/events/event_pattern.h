// The event patterns of EventBridge: which events a rule takes. A pattern is a JSON object that
// looks like the event; its leaves are lists of what a value may be:
//   {"source": ["shop"], "detail": {"price": [{"numeric": [">", 10]}], "$or": [{...}, {...}]}}
// Source: Amazon EventBridge user guide, "Event patterns"; event-ruler's documentation. Immutable;
// any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "gateway/aws/value.h"

namespace mainstem::gateway::events {

class PatternMatcher;

class EventPattern {
 public:
  // kInvalidArgument, with Amazon's reason.
  static Result<EventPattern> Parse(std::string_view json);
  EventPattern(EventPattern&&) noexcept;
  EventPattern& operator=(EventPattern&&) noexcept;
  ~EventPattern();

  // `event`: an object.
  bool Matches(const aws::Value& event) const;

  struct Node;  // Internal.

 private:
  EventPattern();
  // Without $or: any of them.
  std::vector<Node> alternatives_;
};

}  // namespace mainstem::gateway::events
