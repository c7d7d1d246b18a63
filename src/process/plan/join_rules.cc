// Joins: conditions go to where they can be checked earliest, and equalities between the two sides
// become keys.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <arrow/api.h>

#include "process/plan/binder.h"
#include "process/plan/outer_join_rule.h"
#include "process/plan/rules.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process::plan {
namespace {

enum class Reads : uint8_t { kNothing, kLeft, kRight, kBoth };

Reads SidesOf(const BoundExpr& expr, int left_count) {
  std::vector<int> refs;
  CollectInputRefs(expr, &refs);
  if (refs.empty()) return Reads::kNothing;
  if (refs.back() < left_count) return Reads::kLeft;
  return refs.front() >= left_count ? Reads::kRight : Reads::kBoth;
}

// The same over the right side's own columns.
ExprPtr ShiftToRight(const ExprPtr& expr, int left_count) {
  return ReplaceInputRefs(expr, [&](const BoundExpr& ref) {
    return MakeInputRef(ref.index() - left_count, ref.type(), ref.name(), ref.span());
  });
}

class JoinPlanner {
 public:
  explicit JoinPlanner(const Plan& plan) : shared_(plan), version_(plan.version) {}

  // Top-down: what is pushed through one join may go through the next one.
  PlanNodePtr Rewrite(const PlanNodePtr& node) {
    if (const auto done = done_.find(node.get()); done != done_.end()) return done->second;
    PlanNodePtr out = node;
    if (node->kind == NodeKind::kFilter) out = PushFilter(node);
    if (out->kind == NodeKind::kJoin) out = PlanJoin(std::static_pointer_cast<JoinNode>(out));
    for (PlanNodePtr& input : out->inputs) input = Rewrite(input);
    kept_.push_back(node);  // addresses are keys: none may be used again
    done_[node.get()] = out;
    return out;
  }
  // Whether a condition was moved into a join or below it.
  bool has_moved() const { return has_moved_; }

 private:
  static PlanNodePtr Filtered(PlanNodePtr input, const std::vector<ExprPtr>& conjuncts,
                              const SourceSpan& span) {
    for (const ExprPtr& conjunct : conjuncts) input = MakeFilter(std::move(input), conjunct, span);
    return input;
  }

  // Filter(Join(a, b)), or several filters: conjuncts about a side that is never padded go below,
  // those about both sides of an INNER join become a part of its condition.
  PlanNodePtr PushFilter(const PlanNodePtr& node) {
    std::vector<ExprPtr> conjuncts, left, right, above;
    const PlanNodePtr below = shared_.BelowFilters(node, &conjuncts);
    if (below->kind != NodeKind::kJoin || shared_.Contains(below.get())) return node;
    auto join = std::static_pointer_cast<JoinNode>(below);
    if (version_ >= 2) join->type = TypeBelow(*join, conjuncts);
    const auto left_count = static_cast<int>(join->inputs[0]->columns.size());
    const bool left_kept = join->type != JoinType::kRight && join->type != JoinType::kFull;
    // A version that does not pass still ends the one before it.
    const bool right_kept =
        !HasVersions(*join) && (join->type == JoinType::kInner || join->type == JoinType::kRight);
    for (const ExprPtr& conjunct : conjuncts) {
      const Reads reads = SidesOf(*conjunct, left_count);
      if (!IsDeterministic(*conjunct)) {
        above.push_back(conjunct);
      } else if (reads == Reads::kLeft && left_kept) {
        left.push_back(conjunct);
      } else if (reads == Reads::kRight && right_kept) {
        right.push_back(ShiftToRight(conjunct, left_count));
      } else if (join->type == JoinType::kInner &&
                 (reads == Reads::kBoth || reads == Reads::kRight)) {
        join->conditions.push_back(conjunct);
      } else {
        above.push_back(conjunct);
      }
    }
    has_moved_ = has_moved_ || above.size() < conjuncts.size();
    join->inputs[0] = Filtered(join->inputs[0], left, node->span);
    join->inputs[1] = Filtered(join->inputs[1], right, node->span);
    PlanNodePtr out = PlanJoin(join);
    return Filtered(std::move(out), above, node->span);
  }

  // Finds the keys; conditions about one side go below it where that changes nothing.
  PlanNodePtr PlanJoin(const std::shared_ptr<JoinNode>& join) {
    if (!planned_.insert(join.get()).second) return join;
    const auto left_count = static_cast<int>(join->inputs[0]->columns.size());
    const JoinType type = join->type;
    const bool filter_left =
        type == JoinType::kInner || type == JoinType::kRight || type == JoinType::kSemi;
    const bool filter_right =
        !HasVersions(*join) && type != JoinType::kRight && type != JoinType::kFull;
    std::vector<ExprPtr> left, right, rest;
    std::vector<std::pair<ExprPtr, ExprPtr>> keys;
    for (const ExprPtr& conjunct : join->conditions) {
      const Reads reads = SidesOf(*conjunct, left_count);
      if (IsDeterministic(*conjunct) && reads == Reads::kLeft && filter_left) {
        left.push_back(conjunct);
      } else if (IsDeterministic(*conjunct) && reads == Reads::kRight && filter_right) {
        right.push_back(ShiftToRight(conjunct, left_count));
      } else if (!TakeKey(*conjunct, left_count, join->time == JoinTime::kLookup, &keys)) {
        rest.push_back(conjunct);
      }
    }
    has_moved_ = has_moved_ || !left.empty() || !right.empty();
    join->inputs[0] = Filtered(join->inputs[0], left, join->span);
    join->inputs[1] = Filtered(join->inputs[1], right, join->span);
    return SetKeys(join, keys, rest);
  }

  // left expression = right expression, of one type; `right_is_column`: nothing else there.
  static bool TakeKey(const BoundExpr& conjunct, int left_count, bool right_is_column,
                      std::vector<std::pair<ExprPtr, ExprPtr>>* keys) {
    if (!conjunct.IsCallTo("=") || !IsDeterministic(conjunct)) return false;
    ExprPtr left = conjunct.args()[0];
    ExprPtr right = conjunct.args()[1];
    if (SidesOf(*left, left_count) == Reads::kRight) std::swap(left, right);
    if (SidesOf(*left, left_count) != Reads::kLeft) return false;
    if (SidesOf(*right, left_count) != Reads::kRight) return false;
    if (right_is_column && right->kind() != ExprKind::kInputRef) return false;
    if (!ToArrowType(left->type())->Equals(*ToArrowType(right->type()))) return false;
    keys->emplace_back(std::move(left), ShiftToRight(right, left_count));
    return true;
  }

  // The column of `input` that holds `key`; computed beside the others when it is none yet.
  static int KeyColumn(const ExprPtr& key, std::vector<ExprPtr>* exprs, Columns* columns) {
    if (key->kind() == ExprKind::kInputRef) return key->index();
    for (size_t i = 0; i < exprs->size(); ++i) {
      if ((*exprs)[i]->Equals(*key)) return static_cast<int>(i);
    }
    columns->emplace_back("$key" + std::to_string(exprs->size()), key->type());
    exprs->push_back(key);
    return static_cast<int>(exprs->size()) - 1;
  }

  PlanNodePtr SetKeys(const std::shared_ptr<JoinNode>& join,
                      const std::vector<std::pair<ExprPtr, ExprPtr>>& keys,
                      const std::vector<ExprPtr>& rest) {
    const size_t old_left = join->inputs[0]->columns.size();
    std::vector<ExprPtr> exprs[2];
    Columns columns[2];
    for (size_t side = 0; side < 2; ++side) {
      columns[side] = join->inputs[side]->columns;
      for (size_t i = 0; i < columns[side].size(); ++i) {
        exprs[side].push_back(RefTo(columns[side], static_cast<int>(i)));
      }
    }
    for (const auto& [left, right] : keys) {
      join->left_keys.push_back(KeyColumn(left, &exprs[0], &columns[0]));
      join->right_keys.push_back(KeyColumn(right, &exprs[1], &columns[1]));
    }
    for (size_t side = 0; side < 2; ++side) {
      if (columns[side].size() == join->inputs[side]->columns.size()) continue;
      join->inputs[side] =
          MakeProject(join->inputs[side], std::move(exprs[side]), columns[side], join->span);
    }
    const size_t new_left = join->inputs[0]->columns.size();
    const auto moved = [&](int column) {
      const bool is_right = static_cast<size_t>(column) >= old_left;
      return is_right ? column + static_cast<int>(new_left - old_left) : column;
    };
    join->conditions.clear();
    for (const ExprPtr& conjunct : rest) {
      join->conditions.push_back(ReplaceInputRefs(conjunct, [&](const BoundExpr& ref) {
        return MakeInputRef(moved(ref.index()), ref.type(), ref.name(), ref.span());
      }));
    }
    return WithoutKeyColumns(join, old_left, moved);
  }

  // The join's own columns again, where keys were computed beside them.
  template <typename Moved>
  static PlanNodePtr WithoutKeyColumns(const std::shared_ptr<JoinNode>& join, size_t old_left,
                                       const Moved& moved) {
    const Columns wanted = join->columns;
    Columns all = join->inputs[0]->columns;
    if (join->sends_right()) {
      const Columns& right = join->inputs[1]->columns;
      all.insert(all.end(), right.begin(), right.end());
      MakeJoinNullable(join->type, join->inputs[0]->columns.size(), &all);
    }
    if (all.size() == wanted.size()) return join;
    std::vector<ExprPtr> exprs;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const auto at = static_cast<size_t>(moved(static_cast<int>(i)));
      all[at] = wanted[i];
      exprs.push_back(RefTo(all, static_cast<int>(at)));
    }
    join->columns = std::move(all);
    return MakeProject(join, std::move(exprs), wanted, join->span);
  }

  const SharedNodes shared_;
  const int version_;
  std::unordered_map<const PlanNode*, PlanNodePtr> done_;
  std::unordered_set<const PlanNode*> planned_;
  std::vector<PlanNodePtr> kept_;
  bool has_moved_ = false;
};

}  // namespace

std::string_view NameOf(JoinType type) {
  switch (type) {
    case JoinType::kInner: return "INNER";
    case JoinType::kLeft: return "LEFT";
    case JoinType::kRight: return "RIGHT";
    case JoinType::kFull: return "FULL";
    case JoinType::kSemi: return "SEMI";
    case JoinType::kAnti: return "ANTI";
  }
  return "JOIN";
}

std::string_view OperatorNameOf(JoinTime time) {
  switch (time) {
    case JoinTime::kInterval: return "IntervalJoin";
    case JoinTime::kWindow: return "WindowJoin";
    case JoinTime::kTemporal: return "TemporalJoin";
    case JoinTime::kLookup: return "LookupJoin";
    case JoinTime::kNone: break;
  }
  return "Join";
}

bool PlanJoins(Plan* plan) {
  JoinPlanner planner(*plan);
  for (const auto& sink : plan->sinks) sink->inputs[0] = planner.Rewrite(sink->inputs[0]);
  return planner.has_moved();
}

}  // namespace mainstem::process::plan
