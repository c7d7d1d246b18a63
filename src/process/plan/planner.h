// From bound sinks to a finished plan: rules, keys, row kinds, ids.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "process/expr/function_registry.h"
#include "process/plan/logical_plan.h"
#include "process/plan/settings.h"
#include "process/sql/source_text.h"

namespace mainstem::process::plan {

// `source` is the text that the sinks were bound from. The nodes are taken over and changed.
Result<Plan> FinishPlan(std::vector<std::shared_ptr<SinkNode>> sinks,
                        const FunctionRegistry& functions, const Settings& settings,
                        const sql::SourceText& source);

// The tree, a line for each node, sinks at the top; a node with several consumers is written once
// and then referred to by its id. `with_changelog` adds changelogMode=[..] and ids.
std::string PrintPlan(const Plan& plan, bool with_changelog);

}  // namespace mainstem::process::plan
