#include "process/plan/ordered_nodes.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "process/plan/match_node.h"

namespace mainstem::process::plan {
namespace {

using Keys = std::vector<std::vector<int>>;

std::vector<int> OwnColumns(const ExtendingNode& node) {
  std::vector<int> out(node.own_columns);
  std::iota(out.begin(), out.end(), node.first_own_column());
  return out;
}

std::string DescribeExpand(const ExpandNode& node) {
  std::string sets;
  for (const std::vector<bool>& set : node.sets) {
    std::vector<int> present;
    for (size_t i = 0; i < set.size(); ++i) {
      if (set[i]) present.push_back(node.grouping[i]);
    }
    sets += (sets.empty() ? "{" : ", {") + NamesOf(node.inputs[0]->columns, present) + "}";
  }
  return fmt::format("Expand(sets=[{}])", sets);
}

std::string DescribeUnnest(const UnnestNode& node) {
  return fmt::format("Correlate(unnest=[{}], joinType=[{}], {}fields=[{}])",
                     node.inputs[0]->columns[static_cast<size_t>(node.collection)].name(),
                     node.keep_empty ? "LEFT" : "INNER",
                     node.condition ? "condition=[" + node.condition->ToString() + "], " : "",
                     NamesOf(node.columns, OwnColumns(node)));
}

std::string DescribeRank(const RankNode& node) {
  const Columns& input = node.inputs[0]->columns;
  if (node.strategy == RankStrategy::kNewest) {
    return "ChangelogNormalize(key=[" + NamesOf(input, node.partition) + "])";
  }
  std::string out = node.is_limit ? (node.order.empty() ? "Limit(" : "SortLimit(")
                    : node.strategy == RankStrategy::kWindow ? "WindowRank("
                    : node.strategy == RankStrategy::kAppend ||
                            node.strategy == RankStrategy::kUpdate ||
                            node.strategy == RankStrategy::kRetract
                        ? "Rank("
                        : "Deduplicate(";
  out += fmt::format("strategy=[{}], range=[{}-{}]", ToString(node.strategy), node.start, node.end);
  if (!node.partition.empty()) out += ", partitionBy=[" + NamesOf(input, node.partition) + "]";
  if (!node.order.empty()) out += ", orderBy=[" + ToString(node.order, input) + "]";
  return out + ", select=[" + NamesOf(node.columns, OwnColumns(node)) + "])";
}

std::string DescribeOver(const OverNode& node) {
  const Columns& input = node.inputs[0]->columns;
  std::string select;
  for (size_t i = 0; i < node.functions.size(); ++i) {
    select += (select.empty() ? "" : ", ") + ToString(node.functions[i], input) + " AS " +
              node.columns[static_cast<size_t>(node.first_own_column()) + i].name();
  }
  const std::string bound = node.preceding < 0 ? "UNBOUNDED PRECEDING"
                            : node.rows        ? fmt::format("{} PRECEDING", node.preceding)
                                               : fmt::format("{} ms PRECEDING", node.preceding);
  std::string out = "OverAggregate(";
  if (!node.partition.empty()) out += "partitionBy=[" + NamesOf(input, node.partition) + "], ";
  if (!node.order.empty()) out += "orderBy=[" + ToString(node.order, input) + "], ";
  return out + fmt::format("window=[{} BETWEEN {} AND CURRENT ROW], select=[{}])",
                           node.rows ? "ROWS" : "RANGE", bound, select);
}

Keys RankKeys(const RankNode& node) {
  Keys keys = node.inputs[0]->upsert_keys;
  if (node.start == node.end) keys.push_back(node.partition);
  if (node.with_number()) {
    std::vector<int> numbered = node.partition;
    numbered.push_back(node.first_own_column());
    keys.push_back(std::move(numbered));
  }
  return keys;
}

// As ThroughWindowTable: the input's keys, where no row comes twice.
Keys ExpandKeys(const ExpandNode& node) {
  Keys keys = node.inputs[0]->upsert_keys;
  const int set_number = node.first_own_column() + static_cast<int>(node.grouping.size());
  for (std::vector<int>& key : keys) key.push_back(set_number);
  return keys;
}

std::vector<int> AllColumns(const PlanNode& node) {
  std::vector<int> all(node.columns.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

constexpr ChangelogMode kAllKinds{.update_before = true, .update_after = true, .deletes = true};

}  // namespace

std::string ToString(const std::vector<SortKey>& order, const Columns& input) {
  std::string out;
  for (const SortKey& key : order) {
    out += (out.empty() ? "" : ", ") + input[static_cast<size_t>(key.column)].name() +
           (key.descending ? " DESC" : " ASC");
    // NULL is low.
    if (key.nulls_first == key.descending) out += key.nulls_first ? " NULLS FIRST" : " NULLS LAST";
  }
  return out;
}

std::string_view ToString(RankStrategy strategy) {
  switch (strategy) {
    case RankStrategy::kAppend: return "append";
    case RankStrategy::kUpdate: return "update";
    case RankStrategy::kRetract: return "retract";
    case RankStrategy::kFirstRow: return "first row";
    case RankStrategy::kFirstTime: return "first row by time";
    case RankStrategy::kLastRow: return "last row";
    case RankStrategy::kWindow: return "window";
    case RankStrategy::kNewest: return "newest";
  }
  return "?";
}

void RankNode::VisitInputColumns(const std::function<void(int*)>& visit) {
  for (int& column : partition) visit(&column);
  for (SortKey& key : order) visit(&key.column);
  for (int& column : row_key) visit(&column);
  if (window_start >= 0) visit(&window_start);
  if (window_end >= 0) visit(&window_end);
}

void OverNode::VisitInputColumns(const std::function<void(int*)>& visit) {
  for (int& column : partition) visit(&column);
  for (SortKey& key : order) visit(&key.column);
  for (AggregateSpec& function : functions) {
    for (int& arg : function.args) visit(&arg);
    if (function.filter >= 0) visit(&function.filter);
  }
}

Keys OrderedKeys(const PlanNode& node) {
  switch (node.kind) {
    case NodeKind::kExpand: return ExpandKeys(static_cast<const ExpandNode&>(node));
    case NodeKind::kRank: return RankKeys(static_cast<const RankNode&>(node));
    case NodeKind::kOver:
    case NodeKind::kSort: return node.inputs[0]->upsert_keys;
    case NodeKind::kSetOperation:
      return static_cast<const SetOperationNode&>(node).all ? Keys{} : Keys{AllColumns(node)};
    default: return {};
  }
}

ChangelogMode OrderedMode(const PlanNode& node) {
  const ChangelogMode& input = node.inputs[0]->changelog;
  switch (node.kind) {
    case NodeKind::kRank: {
      const auto& rank = static_cast<const RankNode&>(node);
      switch (rank.strategy) {
        case RankStrategy::kFirstRow:
        case RankStrategy::kFirstTime:
        case RankStrategy::kWindow: return {};
        case RankStrategy::kLastRow: return {.update_before = true, .update_after = true};
        // The first rows that come are never pushed out.
        case RankStrategy::kAppend: return rank.order.empty() ? ChangelogMode{} : kAllKinds;
        default: return kAllKinds;
      }
    }
    case NodeKind::kOver:
      return static_cast<const OverNode&>(node).time == OverTime::kNone ? kAllKinds
                                                                        : ChangelogMode{};
    case NodeKind::kSort: return {};
    case NodeKind::kSetOperation: return kAllKinds;
    default: return input;
  }
}

bool OrderedNeedsUpdateBefore(const PlanNode& node, bool wanted) {
  switch (node.kind) {
    case NodeKind::kRank:
      return static_cast<const RankNode&>(node).strategy != RankStrategy::kUpdate;
    case NodeKind::kOver:
    case NodeKind::kSort:
    case NodeKind::kSetOperation: return true;
    default: return wanted;
  }
}

std::string DescribeOrdered(const PlanNode& node) {
  switch (node.kind) {
    case NodeKind::kExpand: return DescribeExpand(static_cast<const ExpandNode&>(node));
    case NodeKind::kUnnest: return DescribeUnnest(static_cast<const UnnestNode&>(node));
    case NodeKind::kRank: return DescribeRank(static_cast<const RankNode&>(node));
    case NodeKind::kOver: return DescribeOver(static_cast<const OverNode&>(node));
    case NodeKind::kSort:
      return fmt::format(
          "{}Sort(orderBy=[{}])",
          static_cast<const SortNode&>(node).time == OverTime::kNone ? "" : "Temporal",
          ToString(static_cast<const SortNode&>(node).order, node.inputs[0]->columns));
    case NodeKind::kSetOperation: {
      const auto& set = static_cast<const SetOperationNode&>(node);
      return fmt::format("{}(all=[{}])", set.set == SetKind::kIntersect ? "Intersect" : "Except",
                         set.all);
    }
    case NodeKind::kMatch: return DescribeMatch(static_cast<const MatchNode&>(node));
    default: return "?";
  }
}

}  // namespace mainstem::process::plan
