// Errors about a node of a plan, at the clause that it comes from.
#pragma once

#include <string>

#include "process/plan/logical_plan.h"
#include "process/sql/diagnostic.h"

namespace mainstem::process::plan {

// SemanticError that shows the place.
Status ErrorAtNode(const sql::SourceText& source, const PlanNode& node, std::string message,
                   std::string hint);

}  // namespace mainstem::process::plan
