#include "process/plan/join_times.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <arrow/scalar.h>
#include <fmt/format.h>

#include "process/expr/evaluator.h"
#include "process/plan/binder.h"
#include "process/plan/match_node.h"
#include "process/plan/node_error.h"
#include "process/plan/rank_rule.h"

namespace mainstem::process::plan {
namespace {

TimeAttribute TimeOf(const PlanNode& node, int column) {
  return node.columns[static_cast<size_t>(column)].type().time_attribute();
}

bool IsEventTime(const PlanNode& node, int column) {
  return TimeOf(node, column) == TimeAttribute::kRowtime;
}

RowField WithoutTime(const RowField& column) {
  return RowField(column.name(), column.type().WithTimeAttribute(TimeAttribute::kNone));
}

// ---- interval joins: conditions on the difference of two event times

// A time attribute of the join's input, plus milliseconds.
struct ShiftedTime {
  int column = -1;  // of the join
  int64_t shift_ms = 0;
};

std::optional<int64_t> IntervalMillis(const ExprPtr& expr) {
  if (expr->type().root() != TypeRoot::kIntervalDayTime || !IsConstant(*expr)) return std::nullopt;
  const auto value = EvaluateConstant(expr, EvalContext{});
  if (!value.ok() || !(*value)->is_valid) return std::nullopt;
  return static_cast<const arrow::DurationScalar&>(**value).value;
}

std::optional<ShiftedTime> AsShiftedTime(const ExprPtr& expr) {
  if (expr->kind() == ExprKind::kInputRef) {
    if (expr->type().time_attribute() != TimeAttribute::kRowtime) return std::nullopt;
    return ShiftedTime{expr->index(), 0};
  }
  if (!expr->IsCallTo("+") && !expr->IsCallTo("-")) return std::nullopt;
  ExprPtr time = expr->args()[0];
  ExprPtr interval = expr->args()[1];
  const bool subtracts = expr->name() == "-";
  if (!subtracts && time->type().IsInterval()) std::swap(time, interval);
  std::optional<ShiftedTime> shifted = AsShiftedTime(time);
  const std::optional<int64_t> millis = IntervalMillis(interval);
  if (!shifted.has_value() || !millis.has_value()) return std::nullopt;
  shifted->shift_ms += subtracts ? -*millis : *millis;
  return shifted;
}

// Bounds of (right time - left time) for one pair of columns.
struct TimeBounds {
  int left = -1;
  int right = -1;  // of the join's right input
  std::optional<int64_t> lower;
  std::optional<int64_t> upper;
};

class BoundsFinder {
 public:
  explicit BoundsFinder(const JoinNode& join)
      : left_count_(static_cast<int>(join.inputs[0]->columns.size())) {}

  void Add(const ExprPtr& condition) {
    const std::vector<ExprPtr>& args = condition->args();
    if (condition->IsCallTo("BETWEEN")) {
      AddLess(args[1], args[0], 0);
      AddLess(args[0], args[2], 0);
    } else if (condition->IsCallTo("<=")) {
      AddLess(args[0], args[1], 0);
    } else if (condition->IsCallTo("<")) {
      AddLess(args[0], args[1], 1);
    } else if (condition->IsCallTo(">=")) {
      AddLess(args[1], args[0], 0);
    } else if (condition->IsCallTo(">")) {
      AddLess(args[1], args[0], 1);
    } else if (condition->IsCallTo("=")) {
      AddLess(args[0], args[1], 0);
      AddLess(args[1], args[0], 0);
    }
  }
  void AddEqual(int left, int right) {
    TimeBounds& bounds = Of(left, right);
    Narrow(&bounds, 0, 0);
  }
  // The first pair that is bounded on both ends.
  const TimeBounds* Bounded() const {
    for (const TimeBounds& bounds : found_) {
      if (bounds.lower.has_value() && bounds.upper.has_value()) return &bounds;
    }
    return nullptr;
  }

 private:
  // low + gap <= high
  void AddLess(const ExprPtr& low, const ExprPtr& high, int64_t gap) {
    const std::optional<ShiftedTime> a = AsShiftedTime(low);
    const std::optional<ShiftedTime> b = AsShiftedTime(high);
    if (!a || !b || (a->column < left_count_) == (b->column < left_count_)) return;
    const int64_t distance = a->shift_ms - b->shift_ms + gap;  // a + distance <= b
    if (a->column < left_count_) {
      Narrow(&Of(a->column, b->column - left_count_), distance, std::nullopt);
    } else {
      Narrow(&Of(b->column, a->column - left_count_), std::nullopt, -distance);
    }
  }
  static void Narrow(TimeBounds* bounds, std::optional<int64_t> lower,
                     std::optional<int64_t> upper) {
    if (lower) bounds->lower = std::max(bounds->lower.value_or(*lower), *lower);
    if (upper) bounds->upper = std::min(bounds->upper.value_or(*upper), *upper);
  }
  TimeBounds& Of(int left, int right) {
    for (TimeBounds& bounds : found_) {
      if (bounds.left == left && bounds.right == right) return bounds;
    }
    return found_.emplace_back(TimeBounds{left, right, std::nullopt, std::nullopt});
  }

  const int left_count_;
  std::vector<TimeBounds> found_;
};

bool FindInterval(JoinNode* join) {
  if (!join->sends_right()) return false;
  BoundsFinder finder(*join);
  for (const ExprPtr& condition : join->conditions) finder.Add(condition);
  for (size_t i = 0; i < join->left_keys.size(); ++i) {
    if (IsEventTime(*join->inputs[0], join->left_keys[i]) &&
        IsEventTime(*join->inputs[1], join->right_keys[i])) {
      finder.AddEqual(join->left_keys[i], join->right_keys[i]);
    }
  }
  const TimeBounds* bounds = finder.Bounded();
  if (bounds == nullptr || *bounds->lower > *bounds->upper) return false;
  join->time = JoinTime::kInterval;
  join->left_time = bounds->left;
  join->right_time = bounds->right;
  join->lower_ms = *bounds->lower;
  join->upper_ms = *bounds->upper;
  return true;
}

bool FindWindow(JoinNode* join) {
  const std::optional<WindowBounds> left = WindowBoundsOf(*join->inputs[0]);
  const std::optional<WindowBounds> right = WindowBoundsOf(*join->inputs[1]);
  if (!left || !right || left->is_local != right->is_local) return false;
  const auto has_key = [&](int left_column, int right_column) {
    for (size_t i = 0; i < join->left_keys.size(); ++i) {
      if (join->left_keys[i] == left_column && join->right_keys[i] == right_column) return true;
    }
    return false;
  };
  if (!has_key(left->start, right->start) || !has_key(left->end, right->end)) return false;
  join->time = JoinTime::kWindow;
  join->left_time = left->end;
  join->right_time = right->end;
  join->windows_are_local = left->is_local;
  return true;
}

// ---- time attributes, from the sources up

class Settler {
 public:
  explicit Settler(const sql::SourceText& source) : source_(source) {}

  Status Settle(PlanNode* node) {
    switch (node->kind) {
      case NodeKind::kScan:
      case NodeKind::kValues:
      case NodeKind::kGroupAggregate:
      // GROUP BY TUMBLE(..) goes by the watermark, whatever became of the column: so does Flink's.
      case NodeKind::kWindowAggregate: return Status::OK();
      case NodeKind::kProject: return SettleProject(static_cast<ProjectNode*>(node));
      case NodeKind::kJoin: return SettleJoin(static_cast<JoinNode*>(node));
      case NodeKind::kWindowTable: {
        Inherit(node, node->inputs[0]->columns.size());
        const Window& window = static_cast<const WindowTableNode*>(node)->window;
        return NeedTime(*node, window.time_column);
      }
      case NodeKind::kMatch:
        return NeedTime(*node, static_cast<const MatchNode*>(node)->order[0].column);
      case NodeKind::kOver: {
        auto* over = static_cast<OverNode*>(node);
        Inherit(node, node->inputs[0]->columns.size());
        if (!over->order.empty() && !HasTime(*node, over->order[0].column)) {
          over->time = OverTime::kNone;
        }
        return Status::OK();
      }
      case NodeKind::kSort: {
        auto* sort = static_cast<SortNode*>(node);
        Inherit(node, node->inputs[0]->columns.size());
        if (!HasTime(*node, sort->order[0].column)) sort->time = OverTime::kNone;
        return Status::OK();
      }
      default:
        Inherit(node, std::min(node->columns.size(), node->inputs[0]->columns.size()));
        return Status::OK();
    }
  }

 private:
  static bool HasTime(const PlanNode& node, int column) {
    return TimeOf(*node.inputs[0], column) != TimeAttribute::kNone;
  }

  // The first columns are the inputs' own: what is no time there is none here.
  static void Inherit(PlanNode* node, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      for (const PlanNodePtr& input : node->inputs) {
        if (TimeOf(*input, static_cast<int>(i)) != TimeAttribute::kNone) continue;
        node->columns[i] = WithoutTime(node->columns[i]);
      }
    }
  }

  Status SettleProject(ProjectNode* project) {
    const PlanNode& input = *project->inputs[0];
    for (size_t i = 0; i < project->exprs.size(); ++i) {
      project->exprs[i] = ReplaceInputRefs(project->exprs[i], [&](const BoundExpr& ref) {
        const bool has_time = TimeOf(input, ref.index()) != TimeAttribute::kNone;
        const LogicalType type =
            has_time ? ref.type() : ref.type().WithTimeAttribute(TimeAttribute::kNone);
        return MakeInputRef(ref.index(), type, ref.name(), ref.span());
      });
      const BoundExpr& expr = *project->exprs[i];
      if (expr.kind() != ExprKind::kInputRef) continue;
      if (TimeOf(input, expr.index()) != TimeAttribute::kNone) continue;
      project->columns[i] = WithoutTime(project->columns[i]);
    }
    return Status::OK();
  }

  Status SettleJoin(JoinNode* join) {
    const size_t left_count = join->inputs[0]->columns.size();
    if (join->time == JoinTime::kTemporal) {
      RETURN_IF_ERROR(CheckTemporal(*join));
    } else if (join->time == JoinTime::kLookup) {
      RETURN_IF_ERROR(CheckLookup(*join));
    } else if (!FindWindow(join)) {
      FindInterval(join);
    }
    for (size_t i = 0; i < join->columns.size(); ++i) {
      const bool is_left = i < left_count;
      const PlanNode& side = *join->inputs[is_left ? 0 : 1];
      const auto column = static_cast<int>(is_left ? i : i - left_count);
      const bool loses = join->time == JoinTime::kNone || (HasVersions(*join) && !is_left) ||
                         TimeOf(side, column) == TimeAttribute::kNone;
      if (loses) join->columns[i] = WithoutTime(join->columns[i]);
    }
    return Status::OK();
  }

  Status CheckTemporal(const JoinNode& join) const {
    if (!IsEventTime(*join.inputs[0], join.left_time)) {
      return ErrorAtNode(source_, join,
                         "FOR SYSTEM_TIME AS OF takes a time attribute of the left side",
                         "give its table a WATERMARK on that column");
    }
    if (!IsEventTime(*join.inputs[1], join.right_time)) {
      return ErrorAtNode(
          source_, join, "the versioned table of a temporal join must keep its time attribute",
          "select the column with the WATERMARK, and join it only within an interval");
    }
    return Status::OK();
  }

  Status CheckLookup(const JoinNode& join) const {
    if (!join.right_keys.empty()) return Status::OK();
    return ErrorAtNode(source_, join,
                       "a look-up join needs an equality with a column of the looked-up table",
                       "such as ON a.id = b.id, of one type: CAST the left side where it differs");
  }

  Status NeedTime(const PlanNode& node, int column) const {
    if (HasTime(node, column)) return Status::OK();
    return ErrorAtNode(
        source_, node,
        fmt::format("'{}' is no time attribute any more: the join below keeps no order of time",
                    node.inputs[0]->columns[static_cast<size_t>(column)].name()),
        "bound the join by both sides' times (a.ts BETWEEN b.ts - INTERVAL '5' MINUTE AND b.ts), "
        "or join windows on window_start and window_end");
  }

  const sql::SourceText& source_;
};

}  // namespace

Status SettleTimes(Plan* plan, const sql::SourceText& source) {
  Settler settler(source);
  for (PlanNode* node : InTopologicalOrder(*plan)) RETURN_IF_ERROR(settler.Settle(node));
  return Status::OK();
}

namespace {

Status CheckTemporalKey(const JoinNode& join, const sql::SourceText& source) {
  const auto is_joined = [&](const std::vector<int>& key) {
    return std::all_of(key.begin(), key.end(), [&](int column) {
      return std::find(join.right_keys.begin(), join.right_keys.end(), column) !=
             join.right_keys.end();
    });
  };
  const auto& keys = join.inputs[1]->upsert_keys;
  if (std::any_of(keys.begin(), keys.end(), is_joined)) return Status::OK();
  return ErrorAtNode(source, join,
                     keys.empty() ? "the versioned table of a temporal join needs a PRIMARY KEY"
                                  : "a temporal join must compare the whole PRIMARY KEY of the "
                                    "versioned table",
                     "declare PRIMARY KEY (..) NOT ENFORCED and join on it with =");
}

std::string_view NameOf(JoinTime time) {
  switch (time) {
    case JoinTime::kInterval: return "an interval join";
    case JoinTime::kWindow: return "a window join";
    case JoinTime::kTemporal: return "the left side of a temporal join";
    case JoinTime::kLookup: return "a look-up join";
    case JoinTime::kNone: break;
  }
  return "a join";
}

}  // namespace

Status CheckTimedJoins(const Plan& plan, const sql::SourceText& source) {
  for (const PlanNode* node : InTopologicalOrder(plan)) {
    if (node->kind != NodeKind::kJoin) continue;
    const auto& join = static_cast<const JoinNode&>(*node);
    if (join.time == JoinTime::kNone || join.time == JoinTime::kLookup) continue;
    const bool takes_right_updates = join.time == JoinTime::kTemporal;
    if (takes_right_updates) RETURN_IF_ERROR(CheckTemporalKey(join, source));
    const bool inserts_only = join.inputs[0]->changelog.insert_only() &&
                              (takes_right_updates || join.inputs[1]->changelog.insert_only());
    if (inserts_only) continue;
    return ErrorAtNode(source, join,
                       fmt::format("{} takes new rows only, but its input updates or deletes rows",
                                   NameOf(join.time)),
                       "join before the aggregation, or without the bounds of time");
  }
  return Status::OK();
}

}  // namespace mainstem::process::plan
