#include "process/plan/logical_plan.h"

#include <functional>
#include <unordered_set>

#include <fmt/format.h>

namespace mainstem::process::plan {

std::string ToString(const ChangelogMode& mode) {
  std::string out = "[I";
  if (mode.update_before) out += ",UB";
  if (mode.update_after) out += ",UA";
  if (mode.deletes) out += ",D";
  return out + "]";
}

namespace {

std::string Millis(int64_t ms) {
  if (ms != 0 && ms % 86'400'000 == 0) return fmt::format("{} d", ms / 86'400'000);
  if (ms != 0 && ms % 3'600'000 == 0) return fmt::format("{} h", ms / 3'600'000);
  if (ms != 0 && ms % 60'000 == 0) return fmt::format("{} min", ms / 60'000);
  if (ms % 1000 == 0) return fmt::format("{} s", ms / 1000);
  return fmt::format("{} ms", ms);
}

}  // namespace

std::string NamesOf(const Columns& columns, const std::vector<int>& indexes) {
  std::string out;
  for (const int i : indexes) {
    out += (out.empty() ? "" : ", ") + columns[static_cast<size_t>(i)].name();
  }
  return out;
}

std::string ToString(const Window& window, const Columns& input) {
  static constexpr std::string_view kNames[] = {"TUMBLE", "HOP", "CUMULATE", "SESSION"};
  std::string out = fmt::format("{}(time_col=[{}]", kNames[static_cast<size_t>(window.kind)],
                                input[static_cast<size_t>(window.time_column)].name());
  switch (window.kind) {
    case WindowKind::kTumble: out += ", size=[" + Millis(window.size_ms) + "]"; break;
    case WindowKind::kHop:
      out += ", size=[" + Millis(window.size_ms) + "], slide=[" + Millis(window.slide_ms) + "]";
      break;
    case WindowKind::kCumulate:
      out += ", max_size=[" + Millis(window.size_ms) + "], step=[" + Millis(window.slide_ms) + "]";
      break;
    case WindowKind::kSession: out += ", gap=[" + Millis(window.size_ms) + "]"; break;
  }
  if (window.offset_ms != 0) out += ", offset=[" + Millis(window.offset_ms) + "]";
  if (!window.partition_keys.empty()) {
    out += ", partition keys=[";
    for (size_t i = 0; i < window.partition_keys.size(); ++i) {
      out += (i > 0 ? ", " : "") + input[static_cast<size_t>(window.partition_keys[i])].name();
    }
    out += "]";
  }
  return out + ")";
}

std::string ToString(const AggregateSpec& aggregate, const Columns& input) {
  std::string out = aggregate.call.name + (aggregate.call.distinct ? "(DISTINCT " : "(");
  if (aggregate.args.empty()) out += "*";
  for (size_t i = 0; i < aggregate.args.size(); ++i) {
    out += (i > 0 ? ", " : "") + input[static_cast<size_t>(aggregate.args[i])].name();
  }
  out += ")";
  if (aggregate.filter >= 0) {
    out += " FILTER (WHERE " + input[static_cast<size_t>(aggregate.filter)].name() + ")";
  }
  return out;
}

std::vector<PlanNode*> InTopologicalOrder(const Plan& plan) {
  std::vector<PlanNode*> order;
  std::unordered_set<const PlanNode*> seen;
  const std::function<void(PlanNode*)> visit = [&](PlanNode* node) {
    if (!seen.insert(node).second) return;
    for (const PlanNodePtr& input : node->inputs) visit(input.get());
    order.push_back(node);
  };
  for (const auto& sink : plan.sinks) visit(sink.get());
  return order;
}

SharedNodes::SharedNodes(const Plan& plan) : merges_filters_(plan.version >= 2) {
  for (const PlanNode* node : InTopologicalOrder(plan)) {
    for (const PlanNodePtr& input : node->inputs) ++consumers_[input.get()];
  }
}

bool SharedNodes::Contains(const PlanNode* node) const {
  const auto found = consumers_.find(node);
  return found != consumers_.end() && found->second > 1;
}

PlanNodePtr SharedNodes::BelowFilters(const PlanNodePtr& node,
                                      std::vector<ExprPtr>* conjuncts) const {
  const PlanNodePtr& input = node->inputs[0];
  const bool goes_on =
      merges_filters_ && input->kind == NodeKind::kFilter && !Contains(input.get());
  PlanNodePtr below = goes_on ? BelowFilters(input, conjuncts) : input;
  SplitConjunction(static_cast<const FilterNode&>(*node).predicate, conjuncts);
  return below;
}

}  // namespace mainstem::process::plan
