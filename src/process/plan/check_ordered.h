// Refuses OVER windows, Top-Ns and sorts that can't be kept up on a stream.
#pragma once

#include <vector>

#include "core/status.h"
#include "process/plan/logical_plan.h"
#include "process/sql/source_text.h"

namespace mainstem::process::plan {

// SemanticError at the clause. Row kinds of the nodes' inputs must be known.
Status CheckOrdered(const std::vector<PlanNode*>& nodes, const sql::SourceText& source);

}  // namespace mainstem::process::plan
