// The three languages behind FilterPattern. Internal to gateway/logs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/status.h"
#include "gateway/logs/filter_pattern.h"

namespace mainstem::gateway::logs {

class FilterPattern::Kind {
 public:
  virtual ~Kind() = default;
  virtual bool Matches(std::string_view message) = 0;
  virtual std::map<std::string, std::string> Extract(std::string_view message) { return {}; }
  virtual bool is_space_delimited() const { return false; }
};

// All take the whole pattern; kInvalidArgument.
Result<std::unique_ptr<FilterPattern::Kind>> ParseTermPattern(std::string_view pattern);
Result<std::unique_ptr<FilterPattern::Kind>> ParseJsonPattern(std::string_view pattern);
Result<std::unique_ptr<FilterPattern::Kind>> ParseSpacePattern(std::string_view pattern);

}  // namespace mainstem::gateway::logs
