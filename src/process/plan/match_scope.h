// What binding MEASURES and DEFINE collects: the values of a match that they are computed from. An
// expression refers to navigation i as to column i.
#pragma once

#include <string>
#include <vector>

#include "process/expr/bound_expr.h"
#include "process/plan/match_node.h"

namespace mainstem::process::plan {

struct MatchScope {
  // Arguments are over the input of MATCH_RECOGNIZE.
  struct Navigation {
    MatchNavigation::Kind kind = MatchNavigation::Kind::kLast;
    int element = -1;
    int64_t offset = 0;
    std::vector<ExprPtr> args;
    AggregateCall call;
    LogicalType type;
  };
  std::vector<PatternElement> pattern;
  LogicalType time_type;
  std::vector<Navigation> navigations;
  // In the argument of FIRST, LAST or an aggregate: columns are the input's own, all of one
  // variable.
  bool inside = false;
  static constexpr int kNone = -2;
  int inside_element = kNone;
  bool allows_time = false;  // MATCH_ROWTIME(): in MEASURES
};

}  // namespace mainstem::process::plan
