// MATCH_RECOGNIZE as a plan node. See logical_plan.h.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "process/plan/ordered_nodes.h"

namespace mainstem::process::plan {

// A variable of the pattern and how often in a row it stands there.
struct PatternElement {
  std::string variable;
  int min = 1;
  int max = 1;  // -1: no bound
  // The next variable is not tried for a row that fits this one, even when this one has all the
  // rows that it may have: so does Flink.
  bool greedy = false;
};

enum class MatchSkip : uint8_t { kPastLastRow, kToNextRow, kToFirst, kToLast };

// A value of a (partial) match, which the conditions and the measures are computed from.
struct MatchNavigation {
  enum class Kind : uint8_t { kFirst, kLast, kAggregate, kRowtime, kProctime };
  Kind kind = Kind::kLast;
  int element = -1;    // whose rows; -1: all rows of the match
  int64_t offset = 0;  // kFirst, kLast: rows from that end
  int column = -1;     // kFirst, kLast: of the input
  AggregateSpec aggregate;
  LogicalType type;
};

// Output: the partition's columns, then the measures. Sends +I only.
struct MatchNode : PlanNode {
  MatchNode() : PlanNode(NodeKind::kMatch) {}
  std::vector<int> partition;
  std::vector<SortKey> order;  // the first one is the time, ascending
  bool event_time = true;
  std::vector<PatternElement> pattern;
  MatchSkip skip = MatchSkip::kToNextRow;
  int skip_element = -1;
  int64_t within_ms = 0;  // 0: no limit
  std::vector<MatchNavigation> navigations;
  // Over the navigations. Of each element; null: every row is.
  std::vector<ExprPtr> conditions;
  std::vector<ExprPtr> measures;

  // Each column of the input that the node reads; may be changed by the visitor.
  void VisitInputColumns(const std::function<void(int*)>& visit);
};

// The line of EXPLAIN.
std::string DescribeMatch(const MatchNode& node);

}  // namespace mainstem::process::plan
