// The operators of the plan nodes in plan/ordered_nodes.h.
#pragma once

#include <string>
#include <vector>

#include "process/job/job_graph.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process {

struct OrderedOperator {
  std::string name;
  // Whether rows of equal `keys` must come together; no keys: all rows in one subtask.
  bool exchanges = true;
  std::vector<int> keys;
  OperatorFactory make;
};

// Unsupported for what can't be run yet.
Result<OrderedOperator> OrderedOperatorOf(const plan::PlanNode& node);

}  // namespace mainstem::process
