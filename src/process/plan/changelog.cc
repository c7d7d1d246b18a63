#include "process/plan/changelog.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "process/plan/binder.h"
#include "process/plan/check_ordered.h"
#include "process/plan/join_times.h"
#include "process/plan/node_error.h"
#include "process/plan/rank_rule.h"
#include "process/types/type_coercion.h"

namespace mainstem::process::plan {
namespace {

using Keys = std::vector<std::vector<int>>;

bool Contains(const std::vector<int>& set, int item) {
  return std::find(set.begin(), set.end(), item) != set.end();
}
bool IsSubset(const std::vector<int>& part, const std::vector<int>& whole) {
  return std::all_of(part.begin(), part.end(), [&](int item) { return Contains(whole, item); });
}

// ---- upsert keys

std::vector<int> TableKey(const ScanNode& scan) {
  std::vector<int> key;
  for (const std::string& name : scan.table.primary_key) {
    for (size_t i = 0; i < scan.columns.size(); ++i) {
      if (scan.columns[i].name() == name) key.push_back(static_cast<int>(i));
    }
  }
  // A part that is not read any more: what is left identifies nothing.
  if (key.size() != scan.table.primary_key.size()) key.clear();
  return key;
}

// The input column that an expression is, or a wider form of it (an INSERT's implicit cast); -1.
int KeptColumn(const BoundExpr& expr) {
  if (expr.kind() == ExprKind::kInputRef) return expr.index();
  bool is_wider =
      expr.kind() == ExprKind::kCast && KeepsDifferences(expr.args()[0]->type(), expr.type());
  return is_wider ? KeptColumn(*expr.args()[0]) : -1;
}

constexpr size_t kKeysMax = 16;  // of one node that gives columns several names

// Since version 3 by each name that a column gets; before by its first.
Keys ThroughProject(const ProjectNode& project, int version) {
  Keys out;
  for (const std::vector<int>& key : project.inputs[0]->upsert_keys) {
    Keys mapped(1);
    for (const int column : key) {
      Keys longer;
      for (size_t i = 0; i < project.exprs.size(); ++i) {
        if (KeptColumn(*project.exprs[i]) != column) continue;
        if (version < 3 && !longer.empty()) break;
        for (const std::vector<int>& begun : mapped) {
          if (longer.size() == kKeysMax) break;
          longer.push_back(begun);
          longer.back().push_back(static_cast<int>(i));
        }
      }
      mapped = std::move(longer);
    }
    const size_t room = std::max(kKeysMax, out.size() + 1) - out.size();
    mapped.resize(std::min(mapped.size(), room));
    std::move(mapped.begin(), mapped.end(), std::back_inserter(out));
  }
  return out;
}

// Of a group without those that are the same in all rows.
Keys GroupKeys(const GroupAggregateNode& node, int version) {
  const auto* input = dynamic_cast<const ProjectNode*>(node.inputs[0].get());
  std::vector<int> key;
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const bool is_constant =
        input != nullptr &&
        input->exprs[static_cast<size_t>(node.keys[i])]->kind() == ExprKind::kLiteral;
    if (!is_constant || version < 3) key.push_back(static_cast<int>(i));
  }
  return {key};
}

std::vector<int> FirstColumns(size_t count) {
  std::vector<int> out;
  for (size_t i = 0; i < count; ++i) out.push_back(static_cast<int>(i));
  return out;
}

// The group and one bound of the window; a cumulating window is told apart by its end only.
Keys WindowKeys(const WindowAggregateNode& node) {
  Keys out;
  const size_t begin = node.keys.size() + node.aggregates.size();
  for (size_t i = 0; i < node.properties.size(); ++i) {
    if (node.properties[i] == WindowProperty::kStart && node.window.kind == WindowKind::kCumulate) {
      continue;
    }
    std::vector<int> key = FirstColumns(node.keys.size());
    key.push_back(static_cast<int>(begin + i));
    out.push_back(std::move(key));
  }
  return out;
}

// Whether a row of the other side meets one row of this side at most.
bool IsUniqueBy(const PlanNode& side, const std::vector<int>& join_keys) {
  return std::any_of(side.upsert_keys.begin(), side.upsert_keys.end(),
                     [&](const std::vector<int>& key) { return IsSubset(key, join_keys); });
}

Keys JoinKeys(const JoinNode& join) {
  const PlanNode& left = *join.inputs[0];
  const PlanNode& right = *join.inputs[1];
  if (!join.sends_right()) return left.upsert_keys;
  const auto left_count = static_cast<int>(left.columns.size());
  Keys right_keys = right.upsert_keys;
  for (std::vector<int>& key : right_keys) {
    for (int& column : key) column += left_count;
  }
  const bool left_padded = join.type == JoinType::kRight || join.type == JoinType::kFull;
  const bool right_padded = join.type == JoinType::kLeft || join.type == JoinType::kFull;
  Keys out;
  if (!left_padded && IsUniqueBy(right, join.right_keys)) out = left.upsert_keys;
  if (!right_padded && IsUniqueBy(left, join.left_keys)) {
    out.insert(out.end(), right_keys.begin(), right_keys.end());
  }
  for (const std::vector<int>& left_key : left.upsert_keys) {
    for (const std::vector<int>& right_key : right_keys) {
      std::vector<int> both = left_key;
      both.insert(both.end(), right_key.begin(), right_key.end());
      out.push_back(std::move(both));
    }
  }
  return out;
}

Keys KeysOf(const PlanNode& node, int version) {
  switch (node.kind) {
    case NodeKind::kScan: {
      std::vector<int> key = TableKey(static_cast<const ScanNode&>(node));
      return key.empty() ? Keys{} : Keys{std::move(key)};
    }
    case NodeKind::kProject: return ThroughProject(static_cast<const ProjectNode&>(node), version);
    case NodeKind::kFilter:
    case NodeKind::kWatermark:
    case NodeKind::kSink: return node.inputs[0]->upsert_keys;
    case NodeKind::kWindowTable: {
      const WindowKind kind = static_cast<const WindowTableNode&>(node).window.kind;
      const bool copies = kind == WindowKind::kHop || kind == WindowKind::kCumulate;
      return copies ? Keys{} : node.inputs[0]->upsert_keys;
    }
    case NodeKind::kWindowAggregate:
      return WindowKeys(static_cast<const WindowAggregateNode&>(node));
    case NodeKind::kGroupAggregate:
      return GroupKeys(static_cast<const GroupAggregateNode&>(node), version);
    case NodeKind::kExpand:
    case NodeKind::kUnnest:
    case NodeKind::kRank:
    case NodeKind::kOver:
    case NodeKind::kSort:
    case NodeKind::kSetOperation: return OrderedKeys(node);
    case NodeKind::kJoin: return JoinKeys(static_cast<const JoinNode&>(node));
    case NodeKind::kMatch:
    case NodeKind::kValues:
    case NodeKind::kUnion: return {};
  }
  return {};
}

// ---- row kinds

// What a node would send if everybody downstream wanted -U.
ChangelogMode FullMode(const PlanNode& node) {
  switch (node.kind) {
    case NodeKind::kScan: return node.changelog;  // the source's, set by the binder
    case NodeKind::kValues:
    case NodeKind::kMatch:
    case NodeKind::kWindowAggregate: return {};
    case NodeKind::kGroupAggregate:
      return {.update_before = true,
              .update_after = true,
              .deletes = !node.inputs[0]->changelog.insert_only()};
    case NodeKind::kJoin: {
      const JoinNode& join = static_cast<const JoinNode&>(node);
      if (join.time == JoinTime::kLookup) return node.inputs[0]->changelog;
      if (join.time != JoinTime::kNone) return {};
      if (!join.inputs[0]->changelog.insert_only() || !join.inputs[1]->changelog.insert_only()) {
        return {.update_before = true, .update_after = true, .deletes = true};
      }
      const bool only_adds = join.type == JoinType::kInner || join.type == JoinType::kSemi;
      return {.deletes = !only_adds};
    }
    case NodeKind::kUnion: {
      ChangelogMode out;
      for (const PlanNodePtr& input : node.inputs) {
        out.update_before |= input->changelog.update_before;
        out.update_after |= input->changelog.update_after;
        out.deletes |= input->changelog.deletes;
      }
      return out;
    }
    case NodeKind::kExpand:
    case NodeKind::kUnnest:
    case NodeKind::kRank:
    case NodeKind::kOver:
    case NodeKind::kSort:
    case NodeKind::kSetOperation: return OrderedMode(node);
    default: return node.inputs[0]->changelog;
  }
}

// Whether `node` must get -U from its input, given that its own consumers want -U (`wanted`).
bool NeedsUpdateBefore(const PlanNode& node, bool wanted) {
  switch (node.kind) {
    case NodeKind::kGroupAggregate:
    case NodeKind::kWindowAggregate: return true;
    case NodeKind::kJoin: return static_cast<const JoinNode&>(node).time != JoinTime::kTemporal;
    // A row may stop passing: the consumer must hear of the old one.
    case NodeKind::kFilter: return true;
    case NodeKind::kExpand:
    case NodeKind::kUnnest:
    case NodeKind::kRank:
    case NodeKind::kOver:
    case NodeKind::kSort:
    case NodeKind::kSetOperation: return OrderedNeedsUpdateBefore(node, wanted);
    default: return wanted;
  }
}

std::string Producer(const PlanNode& node) {
  const PlanNode* at = &node;
  const auto begins_updates = [](const PlanNode& n) {
    return n.kind == NodeKind::kJoin &&
           std::all_of(n.inputs.begin(), n.inputs.end(),
                       [](const PlanNodePtr& input) { return input->changelog.insert_only(); });
  };
  while (at->kind != NodeKind::kGroupAggregate && at->kind != NodeKind::kScan &&
         !begins_updates(*at) && !at->inputs.empty()) {
    const PlanNode* next = at->inputs[0].get();
    for (const PlanNodePtr& input : at->inputs) {
      if (!input->changelog.insert_only()) next = input.get();
    }
    at = next;
  }
  if (at->kind == NodeKind::kScan) {
    return fmt::format("the changelog of table '{}'", static_cast<const ScanNode*>(at)->table_name);
  }
  if (at->kind == NodeKind::kJoin) {
    return fmt::format("a {} JOIN (what it padded with NULLs may match later)",
                       NameOf(static_cast<const JoinNode*>(at)->type));
  }
  if (at->kind != NodeKind::kGroupAggregate) return "the query";
  const auto& aggregate = static_cast<const GroupAggregateNode&>(*at);
  if (aggregate.keys.empty()) return "an aggregate over all rows";
  std::string keys;
  for (const int key : aggregate.keys) {
    keys +=
        (keys.empty() ? "" : ", ") + aggregate.inputs[0]->columns[static_cast<size_t>(key)].name();
  }
  return (aggregate.aggregates.empty() ? "DISTINCT on " : "GROUP BY ") + keys;
}

std::string ColumnNames(const SinkNode& sink, const std::vector<int>& columns) {
  std::string out;
  for (const int column : columns) {
    out += (out.empty() ? "" : ", ") + sink.columns[static_cast<size_t>(column)].name();
  }
  return out;
}

class SinkChecker {
 public:
  SinkChecker(SinkNode* sink, const Settings& settings, const sql::SourceText& source)
      : sink_(*sink), settings_(settings), source_(source) {}

  Status Check(bool batch) {
    // In batch mode each sink gets final rows; which of those of one key is the last, nobody says.
    if (sink_.collect || batch) return Status::OK();
    if (sink_.on_conflict != OnConflict::kNone && sink_.mode != connector::SinkMode::kUpsert) {
      return Fail(fmt::format("ON CONFLICT is only allowed for upsert sinks, and '{}' is none",
                              sink_.table_name),
                  "leave it out");
    }
    switch (sink_.mode) {
      case connector::SinkMode::kRetract: return Status::OK();
      case connector::SinkMode::kAppendOnly: return CheckAppendOnly();
      case connector::SinkMode::kUpsert: return CheckUpsert();
    }
    return Status::OK();
  }

  // An upsert sink overwrites by key; it must hear of old rows only if their key may differ.
  bool WantsUpdateBefore() const {
    if (sink_.collect || sink_.mode == connector::SinkMode::kRetract) return true;
    if (sink_.mode == connector::SinkMode::kAppendOnly) return false;
    return sink_.materialize || !HasExactKey();
  }

 private:
  bool HasExactKey() const {
    const Keys& keys = sink_.inputs[0]->upsert_keys;
    return std::any_of(keys.begin(), keys.end(), [&](const std::vector<int>& key) {
      return IsSubset(key, sink_.primary_key) && IsSubset(sink_.primary_key, key);
    });
  }

  Status CheckAppendOnly() {
    const PlanNode& input = *sink_.inputs[0];
    if (input.changelog.insert_only()) return Status::OK();
    return Fail(fmt::format("table '{}' takes new rows only, but {} updates rows already written",
                            sink_.table_name, Producer(input)),
                "write into a table that takes updates (jdbc or upsert-kafka with a PRIMARY KEY, "
                "print), or "
                "aggregate over windows (TABLE(TUMBLE(..))), which send each result once");
  }

  Status CheckUpsert() {
    if (sink_.primary_key.empty()) {
      return sink_.inputs[0]->changelog.insert_only()
                 ? Status::OK()
                 : Fail(fmt::format("table '{}' needs a PRIMARY KEY to take updates",
                                    sink_.table_name),
                        "add PRIMARY KEY (..) NOT ENFORCED to CREATE TABLE");
    }
    const Keys& keys = sink_.inputs[0]->upsert_keys;
    // Rows that share the primary key share this key: they are versions of one row.
    const bool safe = std::any_of(keys.begin(), keys.end(), [&](const std::vector<int>& key) {
      return IsSubset(key, sink_.primary_key);
    });
    const std::string materialize = settings_.Text("table.exec.sink.upsert-materialize");
    sink_.materialize =
        materialize == "force" ||
        (!safe && (sink_.on_conflict != OnConflict::kNone || materialize != "none"));
    if (safe || sink_.on_conflict != OnConflict::kNone) return CheckConflictAction();
    if (!settings_.Boolean("table.exec.sink.require-on-conflict")) {
      // The older rule: history decides, where there are updates at all.
      if (sink_.inputs[0]->changelog.insert_only()) sink_.materialize = false;
      return Status::OK();
    }
    std::string upsert_key;
    for (const std::vector<int>& key : keys) {
      upsert_key +=
          fmt::format("{}[{}]", upsert_key.empty() ? "" : " or ", ColumnNames(sink_, key));
    }
    const std::string primary = fmt::format(
        "primary key [{}] of table '{}'", ColumnNames(sink_, sink_.primary_key), sink_.table_name);
    return Fail(
        upsert_key.empty()
            ? fmt::format("the query's rows have no upsert key: several may fall on one {}",
                          primary)
            : fmt::format("the query's upsert key ({}) differs from the {}: rows of different keys "
                          "may fall on one",
                          upsert_key, primary),
        "say what shall happen then: add ON CONFLICT DO DEDUPLICATE (the latest row wins; keeps "
        "the history in state), DO ERROR or DO NOTHING; or group by the primary key");
  }

  // DO ERROR and DO NOTHING put rows in order by watermark.
  Status CheckConflictAction() {
    if (sink_.on_conflict != OnConflict::kError && sink_.on_conflict != OnConflict::kNothing) {
      return Status::OK();
    }
    if (!MissesWatermark(*sink_.inputs[0])) return Status::OK();
    return Fail("ON CONFLICT DO ERROR and DO NOTHING need a WATERMARK on every source",
                "declare one in CREATE TABLE, or use ON CONFLICT DO DEDUPLICATE");
  }

  static bool MissesWatermark(const PlanNode& node) {
    if (node.kind == NodeKind::kWatermark) return false;
    if (node.kind == NodeKind::kScan) return true;
    return std::any_of(node.inputs.begin(), node.inputs.end(),
                       [](const PlanNodePtr& input) { return MissesWatermark(*input); });
  }

  Status Fail(std::string message, std::string hint) const {
    return ErrorAtNode(source_, sink_, std::move(message), std::move(hint));
  }

  SinkNode& sink_;
  const Settings& settings_;
  const sql::SourceText& source_;
};

void InferUpwards(const std::vector<PlanNode*>& order, int version) {
  for (PlanNode* node : order) {
    if (node->kind == NodeKind::kRank) DecideStrategy(static_cast<RankNode*>(node));
    node->upsert_keys = KeysOf(*node, version);
    node->changelog = FullMode(*node);
  }
}

// Batch mode: what a query would update is sent once, at the end, sorted by what can be.
Status SendOnlyFinalRows(Plan* plan, const sql::SourceText& source) {
  for (const PlanNode* node : InTopologicalOrder(*plan)) {
    if (node->kind != NodeKind::kScan || node->changelog.insert_only()) continue;
    return ErrorAtNode(source, *node,
                       fmt::format("table '{}' updates or deletes rows: batch mode reads tables of "
                                   "new rows only",
                                   static_cast<const ScanNode*>(node)->table_name),
                       "SET 'execution.runtime-mode' = 'streaming'");
  }
  for (size_t i = 0; i < plan->sinks.size(); ++i) {
    PlanNodePtr& input = plan->sinks[i]->inputs[0];
    if (input->changelog.insert_only()) continue;
    auto sort = std::make_shared<SortNode>();
    for (size_t column = 0; column < input->columns.size(); ++column) {
      const LogicalType& type = input->columns[column].type();
      if (type.IsNested() || type.IsInterval()) continue;
      sort->order.push_back({.column = static_cast<int>(column)});
    }
    sort->id = fmt::format("final-rows-{}", i + 1);
    sort->span = input->span;
    sort->columns = input->columns;
    sort->inputs = {input};
    input = std::move(sort);
  }
  return Status::OK();
}

}  // namespace

Status InferChangelog(Plan* plan, const Settings& settings, const sql::SourceText& source) {
  InferUpwards(InTopologicalOrder(*plan), plan->version);
  if (plan->batch) RETURN_IF_ERROR(SendOnlyFinalRows(plan, source));
  const std::vector<PlanNode*> order = InTopologicalOrder(*plan);
  if (plan->batch) InferUpwards(order, plan->version);
  RETURN_IF_ERROR(CheckOrdered(order, source));
  RETURN_IF_ERROR(CheckTimedJoins(*plan, source));
  // Consumers first: is -U wanted from each node?
  std::unordered_map<const PlanNode*, bool> wanted;
  for (const auto& sink : plan->sinks) {
    SinkChecker checker(sink.get(), settings, source);
    RETURN_IF_ERROR(checker.Check(plan->batch));
    wanted[sink.get()] = checker.WantsUpdateBefore();
  }
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    const bool needs = NeedsUpdateBefore(**at, wanted[*at]);
    for (const PlanNodePtr& input : (*at)->inputs) wanted[input.get()] |= needs;
  }
  for (PlanNode* node : order) {
    node->changelog = FullMode(*node);
    const bool makes_updates = node->kind == NodeKind::kGroupAggregate ||
                               node->kind == NodeKind::kRank || node->kind == NodeKind::kOver;
    if (makes_updates) node->changelog.update_before &= wanted[node];
    std::vector<AggregateSpec>* aggregates = nullptr;
    if (node->kind == NodeKind::kGroupAggregate) {
      aggregates = &static_cast<GroupAggregateNode*>(node)->aggregates;
    } else if (node->kind == NodeKind::kWindowAggregate) {
      aggregates = &static_cast<WindowAggregateNode*>(node)->aggregates;
    }
    if (aggregates == nullptr) continue;
    for (AggregateSpec& spec : *aggregates) {
      spec.call.needs_retract = !node->inputs[0]->changelog.insert_only();
    }
  }
  return Status::OK();
}

}  // namespace mainstem::process::plan
