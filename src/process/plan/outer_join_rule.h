// Outer joins whose padded rows do not pass the filter above them are plainer joins.
#pragma once

#include "process/plan/logical_plan.h"

namespace mainstem::process::plan {

// What the join may be where only rows matter for which all `conjuncts` (over the join's columns)
// are true.
JoinType TypeBelow(const JoinNode& join, const std::vector<ExprPtr>& conjuncts);

}  // namespace mainstem::process::plan
