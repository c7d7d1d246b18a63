#include "process/plan/match_node.h"

#include <fmt/format.h>

namespace mainstem::process::plan {
namespace {

std::string Quantifier(const PatternElement& element) {
  if (element.min == 1 && element.max == 1) return "";
  const std::string reluctant = element.greedy || element.min == element.max ? "" : "?";
  if (element.min == 0 && element.max == 1) return "?";
  if (element.max < 0 && element.min <= 1) return (element.min == 0 ? "*" : "+") + reluctant;
  if (element.max < 0) return fmt::format("{{{},}}{}", element.min, reluctant);
  return fmt::format("{{{},{}}}{}", element.min, element.max, reluctant);
}

std::string SkipText(const MatchNode& node) {
  const auto variable = [&] {
    return node.pattern[static_cast<size_t>(node.skip_element)].variable;
  };
  switch (node.skip) {
    case MatchSkip::kPastLastRow: return "PAST LAST ROW";
    case MatchSkip::kToNextRow: return "TO NEXT ROW";
    case MatchSkip::kToFirst: return "TO FIRST " + variable();
    case MatchSkip::kToLast: return "TO LAST " + variable();
  }
  return "?";
}

}  // namespace

void MatchNode::VisitInputColumns(const std::function<void(int*)>& visit) {
  for (int& column : partition) visit(&column);
  for (SortKey& key : order) visit(&key.column);
  for (MatchNavigation& navigation : navigations) {
    if (navigation.column >= 0) visit(&navigation.column);
    for (int& arg : navigation.aggregate.args) visit(&arg);
  }
}

std::string DescribeMatch(const MatchNode& node) {
  const Columns& input = node.inputs[0]->columns;
  std::string out = "Match(";
  std::string list;
  for (const int column : node.partition) {
    list += (list.empty() ? "" : ", ") + input[static_cast<size_t>(column)].name();
  }
  if (!list.empty()) out += "partitionBy=[" + list + "], ";
  out += "orderBy=[" + ToString(node.order, input) + "], measures=[";
  for (size_t i = 0; i < node.measures.size(); ++i) {
    out += fmt::format("{}{} AS {}", i > 0 ? ", " : "", node.measures[i]->ToString(),
                       node.columns[node.partition.size() + i].name());
  }
  list.clear();
  for (const PatternElement& element : node.pattern) {
    list += (list.empty() ? "" : " ") + element.variable + Quantifier(element);
  }
  out += fmt::format("], after=[SKIP {}], pattern=[({})]", SkipText(node), list);
  if (node.within_ms > 0) out += fmt::format(", within=[{} ms]", node.within_ms);
  list.clear();
  for (size_t i = 0; i < node.conditions.size(); ++i) {
    if (node.conditions[i] == nullptr) continue;
    list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", node.pattern[i].variable,
                        node.conditions[i]->ToString());
  }
  return out + fmt::format(", define=[{}])", list);
}

}  // namespace mainstem::process::plan
