// What time means to the joins of a plan, and to what stands above them.
#pragma once

#include "process/plan/logical_plan.h"
#include "process/sql/diagnostic.h"

namespace mainstem::process::plan {

// Finds the joins that time bounds (JoinNode::time), once their keys are known. All other joins
// lose the order of their rows' time: columns above them are no time attributes any more.
// SemanticError where a window or a time-ordered operator above needs one of those.
Status SettleTimes(Plan* plan, const sql::SourceText& source);

// SemanticError for inputs that send updates where time bounds the join, and for versioned tables
// without a key or joined by something else. Keys and changelogs must be known.
Status CheckTimedJoins(const Plan& plan, const sql::SourceText& source);

}  // namespace mainstem::process::plan
