// What a stream can't do with OVER, Top-N and ORDER BY: the clause, and the cure.
#include "process/plan/check_ordered.h"

#include <fmt/format.h>

#include "process/plan/node_error.h"
#include "process/plan/ordered_nodes.h"

namespace mainstem::process::plan {
namespace {

class OrderedChecker {
 public:
  explicit OrderedChecker(const sql::SourceText& source) : source_(source) {}

  Status Check(const PlanNode& node) const {
    if (node.kind == NodeKind::kOver) return CheckOver(static_cast<const OverNode&>(node));
    if (node.kind == NodeKind::kRank) return CheckRank(static_cast<const RankNode&>(node));
    if (node.kind == NodeKind::kMatch && !node.inputs[0]->changelog.insert_only()) {
      return TakesNewRowsOnly(node, "MATCH_RECOGNIZE");
    }
    if (node.kind == NodeKind::kSort && !node.inputs[0]->changelog.insert_only() &&
        static_cast<const SortNode&>(node).time != OverTime::kNone) {
      return TakesNewRowsOnly(node, "ORDER BY time");
    }
    return Status::OK();
  }

 private:
  Status CheckOver(const OverNode& over) const {
    if (over.order.empty()) {
      return Fail(over, "an OVER window on a stream needs ORDER BY",
                  "order by the time attribute, or use GROUP BY and join its result");
    }
    if (over.order.size() > 1) {
      return Fail(over, "an OVER window can be ordered by a single column only",
                  "only WHERE rn <= N around ROW_NUMBER() takes several");
    }
    if (over.order[0].descending) {
      return Fail(over, "an OVER window can only be ordered ASC",
                  "only WHERE rn <= N around ROW_NUMBER() takes DESC");
    }
    if (over.time != OverTime::kNone) {
      if (!over.inputs[0]->changelog.insert_only()) {
        return TakesNewRowsOnly(over, "an OVER window ordered by time");
      }
      return Status::OK();
    }
    if (over.preceding >= 0) {
      return Fail(over, "a bounded OVER window must be ordered by a time attribute",
                  "take UNBOUNDED PRECEDING, or order by the column that has the WATERMARK");
    }
    if (over.inputs[0]->changelog.insert_only()) return Status::OK();
    for (const AggregateSpec& function : over.functions) {
      if (function.call.name != "LAG") continue;
      return Fail(over, "LAG over rows that change must be ordered by a time attribute",
                  "order by the column that has the WATERMARK");
    }
    return Status::OK();
  }

  Status CheckRank(const RankNode& rank) const {
    if (rank.function != "ROW_NUMBER") {
      return Fail(rank, fmt::format("a Top-N by {} is not supported on a stream", rank.function),
                  "use ROW_NUMBER(); rows of equal rank are then taken in the order they came");
    }
    if (rank.end == RankNode::kNoEnd && !rank.is_limit) {
      return Fail(rank, "the row number has a lower bound only, so all rows would be kept",
                  "bound it from above: WHERE rn <= N");
    }
    if (rank.strategy == RankStrategy::kWindow && !rank.inputs[0]->changelog.insert_only()) {
      return TakesNewRowsOnly(rank, "a Top-N of windows");
    }
    return Status::OK();
  }

  Status TakesNewRowsOnly(const PlanNode& node, std::string_view what) const {
    return Fail(node,
                fmt::format("{} takes new rows only, but its input updates or deletes rows", what),
                "feed it from a table without a changelog, or before GROUP BY");
  }

  Status Fail(const PlanNode& node, std::string message, std::string hint) const {
    return ErrorAtNode(source_, node, std::move(message), std::move(hint));
  }

  const sql::SourceText& source_;
};

}  // namespace

Status CheckOrdered(const std::vector<PlanNode*>& nodes, const sql::SourceText& source) {
  const OrderedChecker checker(source);
  for (const PlanNode* node : nodes) RETURN_IF_ERROR(checker.Check(*node));
  return Status::OK();
}

}  // namespace mainstem::process::plan
