// What is said of an operator beside its name: shown to users, and a part of the name by which its
// state is found again (state_names.h).
#pragma once

#include <string>
#include <vector>

#include "process/plan/logical_plan.h"

namespace mainstem::process {

std::string DescribeJoin(const plan::JoinNode& node);
std::string DescribeAggregates(const std::vector<plan::AggregateSpec>& specs,
                               const plan::Columns& input);

}  // namespace mainstem::process
