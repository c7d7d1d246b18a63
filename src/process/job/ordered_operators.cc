#include "process/job/ordered_operators.h"

#include <numeric>

#include "process/operator/changelog_normalize.h"
#include "process/operator/deduplicate.h"
#include "process/operator/expand.h"
#include "process/operator/match_recognize.h"
#include "process/operator/over.h"
#include "process/operator/over_updating.h"
#include "process/operator/rank.h"
#include "process/operator/set_operation.h"
#include "process/operator/sort.h"
#include "process/operator/window_rank.h"

namespace mainstem::process {
namespace {

template <typename Made, typename Argument>
OperatorFactory Make(Argument argument) {
  return [argument =
              std::move(argument)](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
    return std::make_unique<Made>(argument);
  };
}

Result<OrderedOperator> RankOf(const plan::RankNode& node) {
  switch (node.strategy) {
    case plan::RankStrategy::kAppend:
    case plan::RankStrategy::kUpdate:
    case plan::RankStrategy::kRetract:
      return OrderedOperator{"Rank", true, node.partition, Make<RankOperator>(RankOptions(node))};
    case plan::RankStrategy::kWindow:
      return OrderedOperator{"WindowRank", true, node.partition, Make<WindowRankOperator>(node)};
    case plan::RankStrategy::kNewest:
      return OrderedOperator{"ChangelogNormalize", true, node.partition,
                             Make<ChangelogNormalizeOperator>(node)};
    case plan::RankStrategy::kFirstRow:
    case plan::RankStrategy::kFirstTime:
    case plan::RankStrategy::kLastRow: break;
  }
  return OrderedOperator{"Deduplicate", true, node.partition, Make<DeduplicateOperator>(node)};
}

Result<OrderedOperator> OverOf(const plan::OverNode& node) {
  if (node.time == plan::OverTime::kNone) {
    return OrderedOperator{"OverAggregate", true, node.partition, Make<UpdatingOverOperator>(node)};
  }
  return OrderedOperator{"OverAggregate", true, node.partition, Make<OverOperator>(node)};
}

}  // namespace

Result<OrderedOperator> OrderedOperatorOf(const plan::PlanNode& node) {
  switch (node.kind) {
    case plan::NodeKind::kExpand:
      return OrderedOperator{
          "Expand", false, {}, Make<ExpandOperator>(static_cast<const plan::ExpandNode&>(node))};
    case plan::NodeKind::kUnnest:
      return OrderedOperator{
          "Unnest", false, {}, Make<UnnestOperator>(static_cast<const plan::UnnestNode&>(node))};
    case plan::NodeKind::kSetOperation: {
      const auto& set = static_cast<const plan::SetOperationNode&>(node);
      std::vector<int> keys(node.columns.size());
      std::iota(keys.begin(), keys.end(), 0);
      return OrderedOperator{"SetOperation", true, std::move(keys),
                             Make<SetOperationOperator>(set)};
    }
    case plan::NodeKind::kRank: return RankOf(static_cast<const plan::RankNode&>(node));
    case plan::NodeKind::kSort:
      return OrderedOperator{
          "Sort", true, {}, Make<SortOperator>(static_cast<const plan::SortNode&>(node))};
    case plan::NodeKind::kMatch: {
      const auto& match = static_cast<const plan::MatchNode&>(node);
      return OrderedOperator{"Match", true, match.partition, Make<MatchOperator>(match)};
    }
    case plan::NodeKind::kOver: return OverOf(static_cast<const plan::OverNode&>(node));
    default: return MakeError(ErrorCode::kInternal, "no operator for " + node.id);
  }
}

}  // namespace mainstem::process
