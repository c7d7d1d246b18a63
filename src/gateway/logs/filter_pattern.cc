#include "gateway/logs/filter_pattern.h"

#include "gateway/logs/filter_expression.h"
#include "gateway/logs/filter_pattern_kinds.h"

namespace mainstem::gateway::logs {

FilterPattern::FilterPattern(std::unique_ptr<Kind> kind) : kind_(std::move(kind)) {}
FilterPattern::FilterPattern(FilterPattern&&) noexcept = default;
FilterPattern& FilterPattern::operator=(FilterPattern&&) noexcept = default;
FilterPattern::~FilterPattern() = default;

Result<FilterPattern> FilterPattern::Parse(std::string_view pattern) {
  std::unique_ptr<Kind> kind;
  switch (PatternScanner(pattern).Peek()) {
    case '{': {
      ASSIGN_OR_RETURN(kind, ParseJsonPattern(pattern));
      break;
    }
    case '[': {
      ASSIGN_OR_RETURN(kind, ParseSpacePattern(pattern));
      break;
    }
    default: {
      ASSIGN_OR_RETURN(kind, ParseTermPattern(pattern));
    }
  }
  return FilterPattern(std::move(kind));
}

bool FilterPattern::Matches(std::string_view message) { return kind_->Matches(message); }

std::map<std::string, std::string> FilterPattern::Extract(std::string_view message) {
  return kind_->Extract(message);
}

bool FilterPattern::is_space_delimited() const { return kind_->is_space_delimited(); }

}  // namespace mainstem::gateway::logs
