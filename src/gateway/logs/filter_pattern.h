// The filter patterns of CloudWatch Logs: which events a search, a subscription or a metric takes.
//   ERROR -"not found"            terms: all of them, none with a minus; ?a ?b: any of them
//   %regular expression%
//   { $.code >= 500 && $.user IS NULL }      of events that are JSON
//   [ip, user, ..., status = 4*, bytes]      of events whose fields are separated by blanks
// Source: CloudWatch Logs user guide, "Filter pattern syntax". Not thread-safe: keeps a parser.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/status.h"

namespace mainstem::gateway::logs {

class FilterPattern {
 public:
  // kInvalidArgument. An empty pattern takes every event.
  static Result<FilterPattern> Parse(std::string_view pattern);
  FilterPattern(FilterPattern&&) noexcept;
  FilterPattern& operator=(FilterPattern&&) noexcept;
  ~FilterPattern();

  bool Matches(std::string_view message);
  // Of an event that matches: fields by "$name" or "$1" of a space-delimited pattern, what the
  // selectors of a JSON pattern found; nothing of others.
  std::map<std::string, std::string> Extract(std::string_view message);
  bool is_space_delimited() const;

  class Kind;  // one of the three. Internal.

 private:
  explicit FilterPattern(std::unique_ptr<Kind> kind);
  std::unique_ptr<Kind> kind_;
};

}  // namespace mainstem::gateway::logs
