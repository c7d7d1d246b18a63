#include "process/job/operator_details.h"

#include <fmt/format.h>

namespace mainstem::process {

std::string DescribeJoin(const plan::JoinNode& node) {
  std::string detail;
  if (node.time == plan::JoinTime::kInterval) {
    detail = fmt::format("{} to {} ms, ", node.lower_ms, node.upper_ms);
  }
  detail += fmt::format("{}, left keys=[{}], right keys=[{}]", NameOf(node.type),
                        plan::NamesOf(node.inputs[0]->columns, node.left_keys),
                        plan::NamesOf(node.inputs[1]->columns, node.right_keys));
  for (const ExprPtr& condition : node.conditions) {
    detail += ", condition=" + condition->ToString();
  }
  return detail;
}

std::string DescribeAggregates(const std::vector<plan::AggregateSpec>& specs,
                               const plan::Columns& input) {
  std::string out;
  for (const auto& spec : specs) {
    if (!out.empty()) out += ", ";
    out += ToString(spec, input);
  }
  return out;
}

}  // namespace mainstem::process
