#include "process/plan/rules.h"

#include <arrow/scalar.h>
#include <functional>
#include <unordered_map>

#include <fmt/format.h>

#include "process/expr/evaluator.h"
#include "process/plan/binder.h"
#include "process/plan/join_times.h"
#include "process/plan/rank_rule.h"

namespace mainstem::process::plan {
namespace {

// An inner expression that is used more than once is copied only up to this many nodes: chains of
// subqueries could double its size at each step otherwise.
constexpr size_t kCopiedNodesMax = 32;
// A larger one stays where it is: merged over many subqueries it would get too deep to walk.
constexpr size_t kInlinedNodesMax = 1000;

size_t CountNodes(const BoundExpr& expr, size_t limit) {
  size_t count = 1;
  for (const ExprPtr& arg : expr.args()) {
    if (count > limit) break;
    count += CountNodes(*arg, limit - std::min(limit, count));
  }
  return count;
}

void CountRefs(const BoundExpr& expr, std::vector<int>* counts) {
  if (expr.kind() == ExprKind::kInputRef) ++(*counts)[static_cast<size_t>(expr.index())];
  for (const ExprPtr& arg : expr.args()) CountRefs(*arg, counts);
}

// Whether `outer`, over the output of a projection, can be written over the projection's input.
bool CanInline(const std::vector<ExprPtr>& inner, const std::vector<ExprPtr>& outer) {
  std::vector<int> counts(inner.size(), 0);
  for (const ExprPtr& expr : outer) CountRefs(*expr, &counts);
  for (size_t i = 0; i < inner.size(); ++i) {
    const ExprKind kind = inner[i]->kind();
    if (counts[i] == 0 || kind == ExprKind::kInputRef || kind == ExprKind::kLiteral) continue;
    if (CountNodes(*inner[i], kInlinedNodesMax) > kInlinedNodesMax) return false;
    if (counts[i] == 1) continue;
    if (!IsDeterministic(*inner[i])) return false;  // UUID() is one value for all who read it
    if (CountNodes(*inner[i], kCopiedNodesMax) > kCopiedNodesMax) return false;
  }
  return true;
}

ExprPtr Inline(const ExprPtr& outer, const std::vector<ExprPtr>& inner) {
  return ReplaceInputRefs(
      outer, [&inner](const BoundExpr& ref) { return inner[static_cast<size_t>(ref.index())]; });
}

std::vector<ExprPtr> InlineAll(const std::vector<ExprPtr>& outer,
                               const std::vector<ExprPtr>& inner) {
  std::vector<ExprPtr> out;
  for (const ExprPtr& expr : outer) out.push_back(Inline(expr, inner));
  return out;
}

// Nothing to compute and nothing to rename: the names of a result are the outermost projection's.
bool IsIdentity(const ProjectNode& project) {
  const Columns& input = project.inputs[0]->columns;
  if (project.exprs.size() != input.size()) return false;
  for (size_t i = 0; i < project.exprs.size(); ++i) {
    const BoundExpr& expr = *project.exprs[i];
    if (expr.kind() != ExprKind::kInputRef || expr.index() != static_cast<int>(i)) return false;
    if (project.columns[i].name() != input[i].name()) return false;
  }
  return true;
}

class Simplifier {
 public:
  explicit Simplifier(const Plan& plan) : shared_(plan), version_(plan.version) {}

  PlanNodePtr Simplify(const PlanNodePtr& node) {
    if (const auto done = done_.find(node.get()); done != done_.end()) return done->second;
    for (PlanNodePtr& input : node->inputs) input = Simplify(input);
    PlanNodePtr out = node;
    if (node->kind == NodeKind::kFilter) out = PushFilter(node);
    if (node->kind == NodeKind::kProject) out = MergeProject(node);
    if (node->kind == NodeKind::kGroupAggregate) out = AnswerOfNothing(node);
    kept_.push_back(node);  // addresses are keys: none may be used again
    done_[node.get()] = out;
    return out;
  }

 private:
  static bool MayBeCopied(const ProjectNode& project) {
    return std::all_of(project.exprs.begin(), project.exprs.end(),
                       [](const ExprPtr& expr) { return IsDeterministic(*expr); });
  }

  // Filter(Project(x)) -> Project(Filter(x)): rows that do not pass are not computed.
  PlanNodePtr PushFilter(const PlanNodePtr& node) {
    auto& filter = static_cast<FilterNode&>(*node);
    const PlanNodePtr below = filter.inputs[0];
    if (below->kind != NodeKind::kProject) return node;
    const auto& project = static_cast<const ProjectNode&>(*below);
    // What others read as well is computed once for all, but a Top-N is one for each bound.
    if (shared_.Contains(below.get()) &&
        !(version_ >= 2 && BoundsNumber(*below, filter.predicate) && MayBeCopied(project))) {
      return node;
    }
    std::vector<int> refs;
    CollectInputRefs(*filter.predicate, &refs);
    for (const int ref : refs) {
      const BoundExpr& expr = *project.exprs[static_cast<size_t>(ref)];
      if (!IsDeterministic(expr)) return node;
      if (CountNodes(expr, kCopiedNodesMax) > kCopiedNodesMax) return node;
    }
    PlanNodePtr pushed =
        MakeFilter(project.inputs[0], Inline(filter.predicate, project.exprs), filter.span);
    pushed = PushFilter(pushed);
    return MakeProject(std::move(pushed), project.exprs, project.columns, project.span);
  }

  // An aggregate of all rows where by constants there are none has its answer without running, as
  // in Flink: a COUNT is 0, the others NULL. (Where rows are filtered out it gives no row.)
  PlanNodePtr AnswerOfNothing(const PlanNodePtr& node) {
    const auto& aggregate = static_cast<const GroupAggregateNode&>(*node);
    if (!aggregate.keys.empty() || !PassesNothing(*node->inputs[0])) return node;
    std::vector<ExprPtr> row;
    for (size_t i = 0; i < aggregate.aggregates.size(); ++i) {
      const std::string& name = aggregate.aggregates[i].call.name;
      const LogicalType& type = node->columns[i].type();
      if (name == "COUNT") {
        row.push_back(MakeBigIntLiteral(0, node->span));
      } else if (name == "SUM" || name == "MIN" || name == "MAX") {
        row.push_back(MakeNullLiteral(type, node->span));
      } else {
        return node;
      }
    }
    auto values = std::make_shared<ValuesNode>();
    values->rows.push_back(std::move(row));
    values->columns = node->columns;
    values->span = node->span;
    return values;
  }

  static bool PassesNothing(const PlanNode& node) {
    if (node.kind == NodeKind::kProject) return PassesNothing(*node.inputs[0]);
    if (node.kind != NodeKind::kFilter) return false;
    const ExprPtr& predicate = static_cast<const FilterNode&>(node).predicate;
    std::vector<int> refs;
    CollectInputRefs(*predicate, &refs);
    if (!refs.empty() || !IsDeterministic(*predicate)) return PassesNothing(*node.inputs[0]);
    const auto value = EvaluateConstant(predicate, EvalContext{});
    if (!value.ok()) return false;
    return !(*value)->is_valid || !static_cast<const arrow::BooleanScalar&>(**value).value;
  }

  PlanNodePtr MergeProject(const PlanNodePtr& node) {
    auto& outer = static_cast<ProjectNode&>(*node);
    while (outer.inputs[0]->kind == NodeKind::kProject &&
           !shared_.Contains(outer.inputs[0].get())) {
      const auto& inner = static_cast<const ProjectNode&>(*outer.inputs[0]);
      if (!CanInline(inner.exprs, outer.exprs)) break;
      outer.exprs = InlineAll(outer.exprs, inner.exprs);
      const PlanNodePtr input = inner.inputs[0];
      outer.inputs[0] = input;
    }
    return IsIdentity(outer) ? outer.inputs[0] : node;
  }

  const SharedNodes shared_;
  const int version_;
  std::unordered_map<const PlanNode*, PlanNodePtr> done_;
  std::vector<PlanNodePtr> kept_;
};

// ---- windows

// Tries to put the windows of TABLE(TUMBLE(..)) into the aggregate above it.
class WindowFuser {
 public:
  explicit WindowFuser(WindowAggregateNode* aggregate) : aggregate_(*aggregate) {}

  void Fuse() {
    if (aggregate_.attached_start < 0 || !Descend()) return;
    const auto& table = static_cast<const WindowTableNode&>(*at_);
    first_window_column_ = static_cast<int>(table.inputs[0]->columns.size());
    if (!IsRef(aggregate_.attached_start, first_window_column_) ||
        !IsRef(aggregate_.attached_end, first_window_column_ + 1) || UsesWindow()) {
      return;
    }
    if (table.window.kind == WindowKind::kSession && !KeysAreThePartition(table.window)) return;
    Rebuild(table);
  }

 private:
  // Down to the window table, writing everything over its columns.
  bool Descend() {
    at_ = aggregate_.inputs[0];
    for (size_t i = 0; i < at_->columns.size(); ++i) {
      exprs_.push_back(RefTo(at_->columns, static_cast<int>(i)));
    }
    while (at_->kind == NodeKind::kProject || at_->kind == NodeKind::kFilter) {
      if (at_->kind == NodeKind::kFilter) {
        filters_.push_back(static_cast<const FilterNode&>(*at_).predicate);
      } else {
        const auto& project = static_cast<const ProjectNode&>(*at_);
        if (!CanInline(project.exprs, exprs_) || !CanInline(project.exprs, filters_)) return false;
        exprs_ = InlineAll(exprs_, project.exprs);
        filters_ = InlineAll(filters_, project.exprs);
      }
      at_ = at_->inputs[0];
    }
    return at_->kind == NodeKind::kWindowTable;
  }

  bool IsRef(int column, int index) const {
    const BoundExpr& expr = *exprs_[static_cast<size_t>(column)];
    return expr.kind() == ExprKind::kInputRef && expr.index() == index;
  }

  std::vector<int> UsedColumns() const {
    std::vector<int> used = aggregate_.keys;
    for (const AggregateSpec& spec : aggregate_.aggregates) {
      used.insert(used.end(), spec.args.begin(), spec.args.end());
      if (spec.filter >= 0) used.push_back(spec.filter);
    }
    return used;
  }

  bool UsesWindow() const {
    std::vector<int> refs;
    for (const int column : UsedColumns()) {
      CollectInputRefs(*exprs_[static_cast<size_t>(column)], &refs);
    }
    for (const ExprPtr& filter : filters_) CollectInputRefs(*filter, &refs);
    return !refs.empty() && refs.back() >= first_window_column_;
  }

  bool KeysAreThePartition(const Window& window) const {
    std::vector<int> keys;
    for (const int key : aggregate_.keys) {
      const BoundExpr& expr = *exprs_[static_cast<size_t>(key)];
      if (expr.kind() != ExprKind::kInputRef) return false;
      keys.push_back(expr.index());
    }
    std::vector<int> partition = window.partition_keys;
    std::sort(keys.begin(), keys.end());
    std::sort(partition.begin(), partition.end());
    return keys == partition;
  }

  void Rebuild(const WindowTableNode& table) {
    PlanNodePtr input = table.inputs[0];
    const Columns& columns = input->columns;
    for (auto filter = filters_.rbegin(); filter != filters_.rend(); ++filter) {
      input = MakeFilter(input, *filter, aggregate_.span);
    }
    std::vector<ExprPtr> below;
    Columns below_columns;
    const auto add = [&](const ExprPtr& expr, const std::string& name) {
      for (size_t i = 0; i < below.size(); ++i) {
        if (below[i]->Equals(*expr)) return static_cast<int>(i);
      }
      below.push_back(expr);
      below_columns.emplace_back(name, expr->type());
      return static_cast<int>(below.size()) - 1;
    };
    const auto move = [&](int column) {
      const auto at = static_cast<size_t>(column);
      return add(exprs_[at], aggregate_.inputs[0]->columns[at].name());
    };
    for (int& key : aggregate_.keys) key = move(key);
    for (AggregateSpec& spec : aggregate_.aggregates) {
      for (int& arg : spec.args) arg = move(arg);
      if (spec.filter >= 0) spec.filter = move(spec.filter);
    }
    aggregate_.window = table.window;
    const int time = table.window.time_column;
    aggregate_.window.time_column =
        add(RefTo(columns, time), columns[static_cast<size_t>(time)].name());
    for (int& key : aggregate_.window.partition_keys) {
      key = add(RefTo(columns, key), columns[static_cast<size_t>(key)].name());
    }
    aggregate_.attached_start = aggregate_.attached_end = -1;
    aggregate_.inputs = {
        MakeProject(std::move(input), std::move(below), std::move(below_columns), table.span)};
  }

  WindowAggregateNode& aggregate_;
  PlanNodePtr at_;
  std::vector<ExprPtr> exprs_;    // the aggregate's input, over at_
  std::vector<ExprPtr> filters_;  // over at_
  int first_window_column_ = 0;
};

std::string_view KindName(NodeKind kind) {
  switch (kind) {
    case NodeKind::kScan: return "scan";
    case NodeKind::kValues: return "values";
    case NodeKind::kProject: return "project";
    case NodeKind::kFilter: return "filter";
    case NodeKind::kWatermark: return "watermark";
    case NodeKind::kWindowTable: return "window-table";
    case NodeKind::kWindowAggregate: return "window-aggregate";
    case NodeKind::kGroupAggregate: return "group-aggregate";
    case NodeKind::kUnion: return "union";
    case NodeKind::kExpand: return "expand";
    case NodeKind::kUnnest: return "unnest";
    case NodeKind::kRank: return "rank";
    case NodeKind::kOver: return "over";
    case NodeKind::kSort: return "sort";
    case NodeKind::kSetOperation: return "set-operation";
    case NodeKind::kJoin: return "join";
    case NodeKind::kMatch: return "match";
    case NodeKind::kSink: return "sink";
  }
  return "node";
}

}  // namespace

void SimplifyProjections(Plan* plan) {
  Simplifier simplifier(*plan);
  for (const auto& sink : plan->sinks) {
    sink->inputs[0] = simplifier.Simplify(sink->inputs[0]);
  }
}

void FuseWindows(Plan* plan) {
  for (PlanNode* node : InTopologicalOrder(*plan)) {
    if (node->kind == NodeKind::kWindowAggregate) {
      WindowFuser(static_cast<WindowAggregateNode*>(node)).Fuse();
    }
  }
}

void AssignIds(Plan* plan) {
  std::unordered_map<std::string_view, int> counts;
  for (PlanNode* node : InTopologicalOrder(*plan)) {
    const std::string_view name = KindName(node->kind);
    node->id = fmt::format("{}-{}", name, ++counts[name]);
  }
}

Status Optimize(Plan* plan, const FunctionRegistry& functions, const sql::SourceText& source) {
  // What comes through a join may go on through a projection, bound a row number, or meet another
  // join. Conditions only go down, so that this ends.
  for (bool has_moved = true; has_moved;) {
    SimplifyProjections(plan);
    has_moved = FormRanks(plan);
    has_moved = PlanJoins(plan) || has_moved;
    has_moved = has_moved && plan->version >= 2;
  }
  SimplifyProjections(plan);
  RETURN_IF_ERROR(SettleTimes(plan, source));
  FuseWindows(plan);
  RETURN_IF_ERROR(ExpandSessions(plan, functions));
  SimplifyProjections(plan);
  PruneColumns(plan);
  SimplifyProjections(plan);
  NarrowRows(plan);
  AssignIds(plan);
  return Status::OK();
}

}  // namespace mainstem::process::plan
