// ROW_NUMBER() OVER (..) with a condition on the number becomes a Top-N, which keeps N rows of each
// partition instead of all. What its input sends decides how (see RankStrategy).
#include "process/plan/rank_rule.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>

#include <arrow/scalar.h>

#include "process/expr/evaluator.h"
#include "process/plan/binder.h"

namespace mainstem::process::plan {
namespace {

constexpr int64_t kNoEnd = RankNode::kNoEnd;

struct NumberRange {
  int64_t start = 1;
  int64_t end = kNoEnd;
};

std::optional<int64_t> WholeNumber(const ExprPtr& expr) {
  if (!IsConstant(*expr) || !expr->type().IsInteger()) return std::nullopt;
  const auto value = EvaluateConstant(expr, EvalContext{});
  if (!value.ok() || !(*value)->is_valid) return std::nullopt;
  const auto cast = (*value)->CastTo(arrow::int64());
  if (!cast.ok()) return std::nullopt;
  return static_cast<const arrow::Int64Scalar&>(**cast).value;
}

bool IsNumber(const ExprPtr& expr, int number) {
  return expr->kind() == ExprKind::kInputRef && expr->index() == number;
}

// Narrows `range` if `condition` is a bound of the number; else false.
bool Narrow(const ExprPtr& condition, int number, NumberRange* range) {
  if (condition->kind() != ExprKind::kCall) return false;
  const std::vector<ExprPtr>& args = condition->args();
  const auto at_least = [&](int64_t low) { range->start = std::max(range->start, low); };
  const auto at_most = [&](int64_t high) { range->end = std::min(range->end, high); };
  if (condition->IsCallTo("BETWEEN") && args.size() == 3 && IsNumber(args[0], number)) {
    const std::optional<int64_t> low = WholeNumber(args[1]), high = WholeNumber(args[2]);
    if (!low || !high) return false;
    at_least(*low);
    at_most(*high);
    return true;
  }
  if (args.size() != 2) return false;
  const bool flipped = IsNumber(args[1], number);
  if (!flipped && !IsNumber(args[0], number)) return false;
  const std::optional<int64_t> bound = WholeNumber(args[flipped ? 0 : 1]);
  if (!bound || *bound == kNoEnd || *bound == std::numeric_limits<int64_t>::min()) return false;
  const std::string& op = condition->name();
  if (op == "=") {
    at_least(*bound);
    at_most(*bound);
  } else if (op == (flipped ? ">" : "<")) {
    at_most(*bound - 1);
  } else if (op == (flipped ? ">=" : "<=")) {
    at_most(*bound);
  } else if (op == (flipped ? "<" : ">")) {
    at_least(*bound + 1);
  } else if (op == (flipped ? "<=" : ">=")) {
    at_least(*bound);
  } else {
    return false;
  }
  return true;
}

bool IsNumbering(const OverNode& over) {
  if (over.functions.size() != 1) return false;
  const std::string& name = over.functions[0].call.name;
  return name == "ROW_NUMBER" || name == "RANK" || name == "DENSE_RANK";
}

PlanNodePtr MakeRank(const OverNode& over, const NumberRange& range) {
  auto rank = std::make_shared<RankNode>();
  rank->function = over.functions[0].call.name;
  rank->partition = over.partition;
  rank->order = over.order;
  rank->start = range.start;
  rank->end = range.end;
  rank->state_ttl_ms = over.state_ttl_ms;
  rank->span = over.span;
  rank->inputs = over.inputs;
  rank->columns = over.columns;
  rank->own_columns = 1;
  if (const auto window = WindowBoundsOf(*over.inputs[0])) {
    const auto has = [&](int column) {
      return std::find(over.partition.begin(), over.partition.end(), column) !=
             over.partition.end();
    };
    if (has(window->start) && has(window->end)) {
      rank->window_start = window->start;
      rank->window_end = window->end;
      rank->window_is_local = window->is_local;
    }
  }
  if (range.start != range.end) return rank;
  // There is one number only: it need not be worked out.
  rank->columns.pop_back();
  rank->own_columns = 0;
  std::vector<ExprPtr> exprs;
  for (size_t i = 0; i < rank->columns.size(); ++i) {
    exprs.push_back(RefTo(rank->columns, static_cast<int>(i)));
  }
  exprs.push_back(MakeBigIntLiteral(range.start));
  return MakeProject(std::move(rank), std::move(exprs), over.columns, over.span);
}

class RankFormer {
 public:
  explicit RankFormer(const Plan& plan) : shared_(plan), merges_(plan.version >= 2) {}

  // What stands for `node`, a filter (or several) over numbered rows, if it bounds the number; else
  // null.
  PlanNodePtr RankOf(const PlanNodePtr& node) {
    if (node->kind != NodeKind::kFilter) return nullptr;
    std::vector<ExprPtr> conditions, rest;
    PlanNodePtr numbered = shared_.BelowFilters(node, &conditions);
    // A filter that others read as well is theirs and ours, unless it makes a Rank for all of them.
    while (merges_ && numbered->kind == NodeKind::kFilter && !MakesRank(numbered)) {
      numbered = shared_.BelowFilters(numbered, &conditions);
    }
    if (numbered->kind != NodeKind::kOver) return nullptr;
    const auto& over = static_cast<const OverNode&>(*numbered);
    if (!IsNumbering(over)) return nullptr;
    NumberRange range;
    for (const ExprPtr& condition : conditions) {
      if (!Narrow(condition, over.first_own_column(), &range)) rest.push_back(condition);
    }
    // A lower bound alone makes a Rank too, for check_ordered.cc to refuse.
    if (rest.size() == conditions.size()) return nullptr;
    if (range.start > range.end) {
      return MakeFilter(numbered, MakeBoolLiteral(false), node->span);
    }
    // Equal bounds of one numbering are computed once.
    PlanNodePtr& rank = ranks_[{&over, range.start, range.end}];
    if (rank == nullptr || !merges_) rank = MakeRank(over, range);
    PlanNodePtr out = rank;
    for (const ExprPtr& condition : rest) out = MakeFilter(std::move(out), condition, node->span);
    return out;
  }

  // Of several filters in a row the uppermost takes all.
  bool IsTakenFromAbove(const PlanNode& node, const PlanNode& input) const {
    return merges_ && node.kind == NodeKind::kFilter && !shared_.Contains(&input);
  }

 private:
  bool MakesRank(const PlanNodePtr& node) {
    if (const auto known = makes_rank_.find(node); known != makes_rank_.end()) return known->second;
    return makes_rank_[node] = RankOf(node) != nullptr;
  }

  const SharedNodes shared_;
  const bool merges_;                                 // filters, and ranks that are equal
  std::unordered_map<PlanNodePtr, bool> makes_rank_;  // else a chain of views is walked 2^n times
  std::map<std::tuple<const OverNode*, int64_t, int64_t>, PlanNodePtr> ranks_;
};

// ---- what the input sends

enum class Movement : uint8_t { kNone, kUp, kDown, kAny };

// How a column's value changes in the updates of a row, given that `node` sends updates.
Movement MovementOf(const PlanNode& node, int column) {
  switch (node.kind) {
    case NodeKind::kProject: {
      const BoundExpr& expr =
          *static_cast<const ProjectNode&>(node).exprs[static_cast<size_t>(column)];
      if (expr.kind() == ExprKind::kLiteral) return Movement::kNone;
      if (expr.kind() != ExprKind::kInputRef) return Movement::kAny;
      return MovementOf(*node.inputs[0], expr.index());
    }
    case NodeKind::kGroupAggregate: {
      const auto& aggregate = static_cast<const GroupAggregateNode&>(node);
      if (!node.inputs[0]->changelog.insert_only()) return Movement::kAny;
      const auto at = static_cast<size_t>(column);
      if (at < aggregate.keys.size()) return Movement::kNone;
      const AggregateSpec& spec = aggregate.aggregates[at - aggregate.keys.size()];
      if (spec.call.name == "COUNT" || spec.call.name == "MAX") return Movement::kUp;
      // A first value after NULL goes up.
      const bool has_null = spec.call.args.empty() || spec.call.args[0].nullable();
      if (spec.call.name == "MIN" && !has_null && spec.filter < 0) return Movement::kDown;
      return Movement::kAny;
    }
    default: return Movement::kAny;
  }
}

bool RowsOnlyMoveUp(const RankNode& rank) {
  if (rank.order.empty()) return false;
  return std::all_of(rank.order.begin(), rank.order.end(), [&](const SortKey& key) {
    const Movement movement = MovementOf(*rank.inputs[0], key.column);
    const auto at = static_cast<size_t>(key.column);
    // A first value after NULL, where that stands before all others, goes down.
    const bool has_null = rank.inputs[0]->columns[at].type().nullable();
    if (movement == Movement::kUp && has_null && key.descending && key.nulls_first) return false;
    return movement == Movement::kNone ||
           movement == (key.descending ? Movement::kUp : Movement::kDown);
  });
}

TimeAttribute TimeOf(const RankNode& rank) {
  if (rank.order.size() != 1) return TimeAttribute::kNone;
  return rank.inputs[0]->columns[static_cast<size_t>(rank.order[0].column)].type().time_attribute();
}

}  // namespace

std::optional<WindowBounds> WindowBoundsOf(const PlanNode& node) {
  switch (node.kind) {
    case NodeKind::kWindowTable: {
      const int first = static_cast<int>(node.inputs[0]->columns.size());
      return WindowBounds{first, first + 1,
                          static_cast<const WindowTableNode&>(node).window.local_time_zone};
    }
    case NodeKind::kWindowAggregate: {
      const auto& aggregate = static_cast<const WindowAggregateNode&>(node);
      const size_t first = aggregate.keys.size() + aggregate.aggregates.size();
      WindowBounds bounds{.is_local = aggregate.window.local_time_zone};
      for (size_t i = 0; i < aggregate.properties.size(); ++i) {
        const int column = static_cast<int>(first + i);
        if (aggregate.properties[i] == WindowProperty::kStart) bounds.start = column;
        if (aggregate.properties[i] == WindowProperty::kEnd) bounds.end = column;
      }
      if (bounds.start < 0 || bounds.end < 0) return std::nullopt;
      return bounds;
    }
    case NodeKind::kProject: {
      const std::optional<WindowBounds> below = WindowBoundsOf(*node.inputs[0]);
      if (!below.has_value()) return std::nullopt;
      WindowBounds bounds{.is_local = below->is_local};
      const auto& exprs = static_cast<const ProjectNode&>(node).exprs;
      for (size_t i = 0; i < exprs.size(); ++i) {
        if (IsNumber(exprs[i], below->start)) bounds.start = static_cast<int>(i);
        if (IsNumber(exprs[i], below->end)) bounds.end = static_cast<int>(i);
      }
      if (bounds.start < 0 || bounds.end < 0) return std::nullopt;
      return bounds;
    }
    case NodeKind::kFilter:
    case NodeKind::kUnnest:
    case NodeKind::kRank: return WindowBoundsOf(*node.inputs[0]);
    default: return std::nullopt;
  }
}

bool FormRanks(Plan* plan) {
  RankFormer former(*plan);
  std::unordered_map<const PlanNode*, PlanNodePtr> done;
  std::vector<PlanNodePtr> replaced;  // addresses are keys: none may be used again
  for (PlanNode* node : InTopologicalOrder(*plan)) {
    for (PlanNodePtr& input : node->inputs) {
      if (former.IsTakenFromAbove(*node, *input)) continue;
      const auto found = done.find(input.get());
      if (found != done.end()) {
        input = found->second;
        continue;
      }
      if (PlanNodePtr rank = former.RankOf(input)) {
        done.emplace(input.get(), rank);
        replaced.push_back(std::exchange(input, std::move(rank)));
      }
    }
  }
  return !replaced.empty();
}

bool BoundsNumber(const PlanNode& node, const ExprPtr& predicate) {
  std::vector<ExprPtr> conjuncts;
  SplitConjunction(predicate, &conjuncts);
  const PlanNode* at = &node;
  for (; at->kind == NodeKind::kProject || at->kind == NodeKind::kFilter;
       at = at->inputs[0].get()) {
    if (at->kind == NodeKind::kFilter) continue;
    const auto& exprs = static_cast<const ProjectNode&>(*at).exprs;
    for (ExprPtr& conjunct : conjuncts) {
      conjunct = ReplaceInputRefs(
          conjunct, [&](const BoundExpr& ref) { return exprs[static_cast<size_t>(ref.index())]; });
    }
  }
  if (at->kind != NodeKind::kOver) return false;
  const auto& over = static_cast<const OverNode&>(*at);
  if (!IsNumbering(over)) return false;
  NumberRange range;
  return std::any_of(conjuncts.begin(), conjuncts.end(), [&](const ExprPtr& conjunct) {
    return Narrow(conjunct, over.first_own_column(), &range);
  });
}

void DecideStrategy(RankNode* rank) {
  if (rank->strategy == RankStrategy::kNewest) return;
  const PlanNode& input = *rank->inputs[0];
  if (rank->window_end >= 0) {
    rank->strategy = RankStrategy::kWindow;
    return;
  }
  rank->row_key.clear();
  if (!input.changelog.insert_only()) {
    rank->strategy = RankStrategy::kRetract;
    // A row that changes stays in its partition: what partitions is a part of its key.
    const auto stays = [&](const std::vector<int>& key) {
      return std::all_of(rank->partition.begin(), rank->partition.end(), [&](int column) {
        return std::find(key.begin(), key.end(), column) != key.end();
      });
    };
    const auto key = std::find_if(input.upsert_keys.begin(), input.upsert_keys.end(), stays);
    if (key != input.upsert_keys.end() && RowsOnlyMoveUp(*rank)) {
      rank->strategy = RankStrategy::kUpdate;
      rank->row_key = *key;
    }
    return;
  }
  rank->strategy = RankStrategy::kAppend;
  if (rank->start != 1 || rank->end != 1 || rank->with_number() || rank->is_limit) return;
  const TimeAttribute time = TimeOf(*rank);
  if (time == TimeAttribute::kNone) return;
  const bool last = rank->order[0].descending;
  if (last) {
    rank->strategy = RankStrategy::kLastRow;
  } else {
    rank->strategy =
        time == TimeAttribute::kProctime ? RankStrategy::kFirstRow : RankStrategy::kFirstTime;
  }
}

}  // namespace mainstem::process::plan
