// Leaves out columns that nobody downstream asks for, down to the scan: what is not asked for is
// not decoded. A node with several consumers keeps what any of them needs.
#include <unordered_map>

#include "process/plan/binder.h"
#include "process/plan/match_node.h"
#include "process/plan/rules.h"

namespace mainstem::process::plan {
namespace {

using Needed = std::vector<bool>;

class Pruner {
 public:
  explicit Pruner(Plan* plan) : order_(InTopologicalOrder(*plan)), version_(plan->version) {}

  void Run() {
    for (PlanNode* node : order_) needed_[node] = Needed(node->columns.size(), false);
    for (auto node = order_.rbegin(); node != order_.rend(); ++node) Ask(**node);
    for (PlanNode* node : order_) Shrink(*node);
  }

 private:
  Needed& Of(const PlanNode* node) { return needed_.at(node); }

  void Want(const PlanNodePtr& input, int column) {
    Of(input.get())[static_cast<size_t>(column)] = true;
  }
  void WantRefs(const PlanNodePtr& input, const BoundExpr& expr) {
    std::vector<int> refs;
    CollectInputRefs(expr, &refs);
    for (const int ref : refs) Want(input, ref);
  }
  void WantAggregates(const PlanNodePtr& input, const std::vector<int>& keys,
                      const std::vector<AggregateSpec>& aggregates) {
    for (const int key : keys) Want(input, key);
    for (const AggregateSpec& spec : aggregates) {
      for (const int arg : spec.args) Want(input, arg);
      if (spec.filter >= 0) Want(input, spec.filter);
    }
  }

  // Tells the inputs what `node` needs, given what its consumers need.
  void Ask(PlanNode& node) {
    Needed& needed = Of(&node);
    // A batch without columns is legal but nobody is used to it: keep one.
    if (!needed.empty() && std::find(needed.begin(), needed.end(), true) == needed.end()) {
      needed[0] = true;
    }
    if (node.inputs.empty()) return;
    const PlanNodePtr& input = node.inputs[0];
    switch (node.kind) {
      case NodeKind::kScan:
      case NodeKind::kValues: return;
      case NodeKind::kProject: {
        const auto& project = static_cast<const ProjectNode&>(node);
        for (size_t i = 0; i < needed.size(); ++i) {
          if (needed[i]) WantRefs(input, *project.exprs[i]);
        }
        return;
      }
      case NodeKind::kFilter:
        PassOn(node, input, needed.size());
        WantRefs(input, *static_cast<const FilterNode&>(node).predicate);
        return;
      case NodeKind::kWatermark: {
        const auto& watermark = static_cast<const WatermarkNode&>(node);
        PassOn(node, input, needed.size());
        Want(input, watermark.rowtime);
        WantRefs(input, *watermark.watermark);
        return;
      }
      case NodeKind::kWindowTable: {
        const Window& window = static_cast<const WindowTableNode&>(node).window;
        PassOn(node, input, input->columns.size());
        Want(input, window.time_column);
        for (const int key : window.partition_keys) Want(input, key);
        return;
      }
      case NodeKind::kWindowAggregate: {
        const auto& aggregate = static_cast<const WindowAggregateNode&>(node);
        WantAggregates(input, aggregate.keys, aggregate.aggregates);
        for (const int column :
             {aggregate.attached_start, aggregate.attached_end, aggregate.window.time_column}) {
          if (column >= 0) Want(input, column);
        }
        if (aggregate.attached_start < 0) {
          for (const int key : aggregate.window.partition_keys) Want(input, key);
        }
        return;
      }
      case NodeKind::kGroupAggregate: {
        const auto& aggregate = static_cast<const GroupAggregateNode&>(node);
        WantAggregates(input, aggregate.keys, aggregate.aggregates);
        return;
      }
      case NodeKind::kUnion:
        for (const PlanNodePtr& branch : node.inputs) PassOn(node, branch, needed.size());
        return;
      case NodeKind::kUnnest:
        if (const auto& unnest = static_cast<const UnnestNode&>(node); unnest.condition) {
          std::vector<int> refs;
          CollectInputRefs(*unnest.condition, &refs);
          for (const int ref : refs) {
            if (ref < unnest.first_own_column()) Want(input, ref);
          }
        }
        [[fallthrough]];
      case NodeKind::kExpand:
      case NodeKind::kRank:
      case NodeKind::kOver:
      case NodeKind::kSort:
        PassOn(node, input, input->columns.size());
        static_cast<ExtendingNode&>(node).VisitInputColumns(
            [&](int* column) { Want(input, *column); });
        return;
      case NodeKind::kSetOperation:
        needed.assign(needed.size(), true);
        for (size_t i = 0; i < input->columns.size(); ++i) Want(input, static_cast<int>(i));
        return;
      case NodeKind::kJoin: return AskJoin(static_cast<const JoinNode&>(node), needed);
      case NodeKind::kMatch:
        static_cast<MatchNode&>(node).VisitInputColumns([&](int* column) { Want(input, *column); });
        return;
      case NodeKind::kSink:
        for (size_t i = 0; i < node.columns.size(); ++i) Want(input, static_cast<int>(i));
        return;
    }
  }

  void AskJoin(const JoinNode& join, const Needed& needed) {
    const auto left_count = static_cast<int>(join.inputs[0]->columns.size());
    const auto want = [&](int column) {
      const bool is_left = column < left_count;
      Want(join.inputs[is_left ? 0 : 1], is_left ? column : column - left_count);
    };
    for (size_t i = 0; i < needed.size(); ++i) {
      if (needed[i]) want(static_cast<int>(i));
    }
    for (const int key : join.left_keys) Want(join.inputs[0], key);
    for (const int key : join.right_keys) Want(join.inputs[1], key);
    if (join.left_time >= 0) Want(join.inputs[0], join.left_time);
    if (join.right_time >= 0) Want(join.inputs[1], join.right_time);
    std::vector<int> refs;
    for (const ExprPtr& condition : join.conditions) CollectInputRefs(*condition, &refs);
    for (const int ref : refs) want(ref);
  }

  void PassOn(const PlanNode& node, const PlanNodePtr& input, size_t count) {
    const Needed& needed = Of(&node);
    for (size_t i = 0; i < count; ++i) {
      if (needed[i]) Want(input, static_cast<int>(i));
    }
  }

  // ---- second pass: inputs first

  int Moved(const PlanNodePtr& input, int column) const {
    return moved_.at(input.get())[static_cast<size_t>(column)];
  }
  ExprPtr Moved(const PlanNodePtr& input, const ExprPtr& expr) const {
    return Renumbered(expr, moved_.at(input.get()));
  }
  static ExprPtr Renumbered(const ExprPtr& expr, const std::vector<int>& moved) {
    return ReplaceInputRefs(expr, [&](const BoundExpr& ref) {
      return MakeInputRef(moved[static_cast<size_t>(ref.index())], ref.type(), ref.name(),
                          ref.span());
    });
  }
  void MoveAggregates(const PlanNodePtr& input, std::vector<int>* keys,
                      std::vector<AggregateSpec>* aggregates) const {
    for (int& key : *keys) key = Moved(input, key);
    for (AggregateSpec& spec : *aggregates) {
      for (int& arg : spec.args) arg = Moved(input, arg);
      if (spec.filter >= 0) spec.filter = Moved(input, spec.filter);
    }
  }

  // Keeps the needed ones of `items`, which stand for the columns; notes where columns went.
  template <typename T>
  void Keep(const PlanNode& node, std::vector<T>* items) const {
    const Needed& needed = needed_.at(&node);
    std::vector<T> kept;
    for (size_t i = 0; i < items->size(); ++i) {
      if (needed[i]) kept.push_back(std::move((*items)[i]));
    }
    *items = std::move(kept);
  }
  void NoteNeeded(const PlanNode& node) {
    std::vector<int>& moved = moved_[&node];
    int next = 0;
    for (const bool needed : needed_.at(&node)) moved.push_back(needed ? next++ : -1);
  }
  void NoteUnchanged(const PlanNode& node) {
    std::vector<int>& moved = moved_[&node];
    for (size_t i = 0; i < node.columns.size(); ++i) moved.push_back(static_cast<int>(i));
  }
  // The node gives all that its input gives, under the node's own names and types, and then `own`
  // columns more.
  void TakeInputColumns(PlanNode& node, size_t own) {
    const PlanNodePtr& input = node.inputs[0];
    const size_t old_count = node.columns.size() - own;
    std::vector<int> moved = moved_.at(input.get());
    Columns columns = input->columns;
    for (size_t i = 0; i < old_count; ++i) {
      if (moved[i] >= 0) columns[static_cast<size_t>(moved[i])] = node.columns[i];
    }
    for (size_t i = old_count; i < node.columns.size(); ++i) {
      moved.push_back(static_cast<int>(columns.size()));
      columns.push_back(node.columns[i]);
    }
    node.columns = std::move(columns);
    moved_[&node] = std::move(moved);
  }

  // An input whose columns are exactly the wanted ones, in order.
  PlanNodePtr Aligned(const PlanNodePtr& input, const Needed& wanted) const {
    std::vector<ExprPtr> exprs;
    Columns columns;
    bool exact = true;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!wanted[i]) continue;
      const int at = Moved(input, static_cast<int>(i));
      exact = exact && at == static_cast<int>(exprs.size());
      exprs.push_back(RefTo(input->columns, at));
      columns.push_back(input->columns[static_cast<size_t>(at)]);
    }
    if (exact && exprs.size() == input->columns.size()) return input;
    return MakeProject(input, std::move(exprs), std::move(columns), input->span);
  }

  void ShrinkExtending(ExtendingNode& node) {
    node.VisitInputColumns([&](int* column) { *column = Moved(node.inputs[0], *column); });
    // A row's number that nobody reads is not worked out.
    if (node.kind == NodeKind::kRank && node.own_columns == 1 && !needed_.at(&node).back()) {
      node.columns.pop_back();
      node.own_columns = 0;
      TakeInputColumns(node, 0);
      moved_[&node].push_back(-1);
      return;
    }
    TakeInputColumns(node, node.own_columns);
  }

  void ShrinkUnnest(UnnestNode& unnest) {
    ShrinkExtending(unnest);
    if (unnest.condition) unnest.condition = Renumbered(unnest.condition, moved_.at(&unnest));
  }

  // What a join below another gives and nobody asks for is kept in no state of the upper one.
  PlanNodePtr WithoutUnasked(const PlanNodePtr& input) {
    if (version_ < 3 || input->kind != NodeKind::kJoin) return input;
    PlanNodePtr aligned = Aligned(input, needed_.at(input.get()));
    if (aligned == input) return input;
    std::vector<int>& moved = moved_[aligned.get()];
    int next = 0;
    for (const bool needed : needed_.at(input.get())) moved.push_back(needed ? next++ : -1);
    return aligned;
  }

  // The node gives all that its inputs give, under its own names and types.
  void ShrinkJoin(JoinNode& join) {
    for (PlanNodePtr& input : join.inputs) input = WithoutUnasked(input);
    const PlanNodePtr& left = join.inputs[0];
    const PlanNodePtr& right = join.inputs[1];
    const std::vector<int>& left_moved = moved_.at(left.get());
    const std::vector<int>& right_moved = moved_.at(right.get());
    std::vector<int> moved = left_moved;
    for (const int column : right_moved) {
      moved.push_back(column < 0 ? -1 : column + static_cast<int>(left->columns.size()));
    }
    for (int& key : join.left_keys) key = left_moved[static_cast<size_t>(key)];
    for (int& key : join.right_keys) key = right_moved[static_cast<size_t>(key)];
    if (join.left_time >= 0) join.left_time = left_moved[static_cast<size_t>(join.left_time)];
    if (join.right_time >= 0) join.right_time = right_moved[static_cast<size_t>(join.right_time)];
    for (ExprPtr& condition : join.conditions) condition = Renumbered(condition, moved);
    Columns columns = left->columns;
    if (join.sends_right()) {
      columns.insert(columns.end(), right->columns.begin(), right->columns.end());
    } else {
      moved.resize(left_moved.size());
    }
    for (size_t i = 0; i < join.columns.size(); ++i) {
      if (moved[i] >= 0) columns[static_cast<size_t>(moved[i])] = join.columns[i];
    }
    // Columns that only the join itself reads have no name of its own.
    if (join.sends_right()) MakeJoinNullable(join.type, left->columns.size(), &columns);
    join.columns = std::move(columns);
    moved_[&join] = std::move(moved);
  }

  void Shrink(PlanNode& node) {
    switch (node.kind) {
      case NodeKind::kScan:
        Keep(node, &static_cast<ScanNode&>(node).projection);
        Keep(node, &node.columns);
        return NoteNeeded(node);
      case NodeKind::kValues:
        for (auto& row : static_cast<ValuesNode&>(node).rows) Keep(node, &row);
        Keep(node, &node.columns);
        return NoteNeeded(node);
      case NodeKind::kProject: {
        auto& project = static_cast<ProjectNode&>(node);
        Keep(node, &project.exprs);
        Keep(node, &node.columns);
        for (ExprPtr& expr : project.exprs) expr = Moved(node.inputs[0], expr);
        return NoteNeeded(node);
      }
      case NodeKind::kFilter: {
        ExprPtr& predicate = static_cast<FilterNode&>(node).predicate;
        predicate = Moved(node.inputs[0], predicate);
        return TakeInputColumns(node, 0);
      }
      case NodeKind::kWatermark: {
        auto& watermark = static_cast<WatermarkNode&>(node);
        watermark.rowtime = Moved(node.inputs[0], watermark.rowtime);
        watermark.watermark = Moved(node.inputs[0], watermark.watermark);
        return TakeInputColumns(node, 0);
      }
      case NodeKind::kWindowTable: {
        Window& window = static_cast<WindowTableNode&>(node).window;
        window.time_column = Moved(node.inputs[0], window.time_column);
        for (int& key : window.partition_keys) key = Moved(node.inputs[0], key);
        return TakeInputColumns(node, 3);
      }
      case NodeKind::kWindowAggregate: {
        auto& aggregate = static_cast<WindowAggregateNode&>(node);
        const PlanNodePtr& input = node.inputs[0];
        MoveAggregates(input, &aggregate.keys, &aggregate.aggregates);
        const bool attached = aggregate.attached_start >= 0;
        for (int* column :
             {&aggregate.attached_start, &aggregate.attached_end, &aggregate.window.time_column}) {
          if (*column >= 0) *column = Moved(input, *column);
        }
        for (int& key : aggregate.window.partition_keys) key = attached ? -1 : Moved(input, key);
        if (attached) aggregate.window.partition_keys.clear();
        return NoteUnchanged(node);
      }
      case NodeKind::kGroupAggregate: {
        auto& aggregate = static_cast<GroupAggregateNode&>(node);
        MoveAggregates(node.inputs[0], &aggregate.keys, &aggregate.aggregates);
        return NoteUnchanged(node);
      }
      case NodeKind::kUnion:
        for (PlanNodePtr& input : node.inputs) input = Aligned(input, needed_.at(&node));
        Keep(node, &node.columns);
        return NoteNeeded(node);
      case NodeKind::kUnnest: return ShrinkUnnest(static_cast<UnnestNode&>(node));
      case NodeKind::kExpand:
      case NodeKind::kRank:
      case NodeKind::kOver:
      case NodeKind::kSort: return ShrinkExtending(static_cast<ExtendingNode&>(node));
      case NodeKind::kSetOperation:
        node.inputs[0] = Aligned(node.inputs[0], Needed(node.columns.size() + 1, true));
        return NoteUnchanged(node);
      case NodeKind::kJoin: return ShrinkJoin(static_cast<JoinNode&>(node));
      case NodeKind::kMatch:
        static_cast<MatchNode&>(node).VisitInputColumns(
            [&](int* column) { *column = Moved(node.inputs[0], *column); });
        return NoteUnchanged(node);
      case NodeKind::kSink:
        node.inputs[0] = Aligned(node.inputs[0], Needed(node.columns.size(), true));
        return NoteUnchanged(node);
    }
  }

  std::vector<PlanNode*> order_;
  int version_;
  std::unordered_map<const PlanNode*, Needed> needed_;
  std::unordered_map<const PlanNode*, std::vector<int>> moved_;  // old column -> new, -1 gone
};

}  // namespace

void PruneColumns(Plan* plan) { Pruner(plan).Run(); }

}  // namespace mainstem::process::plan
