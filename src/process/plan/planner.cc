#include "process/plan/planner.h"

#include <unordered_set>

#include <fmt/format.h>

#include "process/plan/changelog.h"
#include "process/plan/ordered_nodes.h"
#include "process/plan/rules.h"

namespace mainstem::process::plan {
namespace {

std::string Names(const Columns& columns) {
  std::string out;
  for (const RowField& column : columns) out += (out.empty() ? "" : ", ") + column.name();
  return out;
}

// "a, person.name, person.address.city": the fields that a scan reads of each ROW.
void AddScannedFields(const std::string& prefix, const Columns& fields, std::string* out) {
  for (const RowField& field : fields) {
    if (field.type().root() == TypeRoot::kRow) {
      AddScannedFields(prefix + field.name() + ".", field.type().fields(), out);
    } else {
      *out += (out->empty() ? "" : ", ") + prefix + field.name();
    }
  }
}

std::string ScannedFields(const ScanNode& scan) {
  if (!scan.is_narrowed) return Names(scan.columns);
  std::string out;
  AddScannedFields("", scan.columns, &out);
  return out;
}

std::string Exprs(const std::vector<ExprPtr>& exprs, const Columns& columns) {
  std::string out;
  for (size_t i = 0; i < exprs.size(); ++i) {
    const std::string text = exprs[i]->ToString();
    out += (i > 0 ? ", " : "") + text;
    if (text != columns[i].name()) out += " AS " + columns[i].name();
  }
  return out;
}

std::string Aggregates(const std::vector<AggregateSpec>& aggregates, const PlanNode& node,
                       size_t keys) {
  const Columns& input = node.inputs[0]->columns;
  std::string out;
  for (size_t i = 0; i < aggregates.size(); ++i) {
    out += ", " + ToString(aggregates[i], input) + " AS " + node.columns[keys + i].name();
  }
  return out;
}

std::string DescribeWindowAggregate(const WindowAggregateNode& node) {
  const Columns& input = node.inputs[0]->columns;
  const std::string window = DescribeWindow(node);
  std::string select =
      NamesOf(input, node.keys) + Aggregates(node.aggregates, node, node.keys.size());
  for (size_t i = node.keys.size() + node.aggregates.size(); i < node.columns.size(); ++i) {
    select += ", " + node.columns[i].name();
  }
  if (select.starts_with(", ")) select = select.substr(2);
  const std::string group =
      node.keys.empty() ? "" : fmt::format("groupBy=[{}], ", NamesOf(input, node.keys));
  return fmt::format("WindowAggregate({}window=[{}], select=[{}])", group, window, select);
}

std::string DescribeSink(const SinkNode& sink) {
  if (sink.collect) return fmt::format("Collect(fields=[{}])", Names(sink.columns));
  std::string out =
      fmt::format("Sink(table=[{}], fields=[{}]", sink.table_name, Names(sink.columns));
  if (!sink.primary_key.empty()) {
    out += fmt::format(", primaryKey=[{}]", NamesOf(sink.columns, sink.primary_key));
  }
  if (sink.materialize) out += ", upsertMaterialize=[true]";
  switch (sink.on_conflict) {
    case OnConflict::kNone: break;
    case OnConflict::kError: out += ", conflictStrategy=[ERROR]"; break;
    case OnConflict::kNothing: out += ", conflictStrategy=[NOTHING]"; break;
    case OnConflict::kDeduplicate: out += ", conflictStrategy=[DEDUPLICATE]"; break;
  }
  return out + ")";
}

std::string TimeName(const JoinNode& join, size_t side) {
  const int column = side == 0 ? join.left_time : join.right_time;
  return join.inputs[side]->columns[static_cast<size_t>(column)].name();
}

std::string DescribeJoin(const JoinNode& join) {
  std::string out = fmt::format("{}(joinType=[{}], ", OperatorNameOf(join.time), NameOf(join.type));
  if (join.time == JoinTime::kInterval) {
    out += fmt::format("windowBounds=[{} + {} ms <= {} <= {} + {} ms], ", TimeName(join, 0),
                       join.lower_ms, TimeName(join, 1), TimeName(join, 0), join.upper_ms);
  } else if (join.time == JoinTime::kTemporal) {
    out += fmt::format("asOf=[{}], versionsFrom=[{}], ", TimeName(join, 0), TimeName(join, 1));
  }
  out += "where=[";
  for (size_t i = 0; i < join.left_keys.size(); ++i) {
    out += fmt::format("{}({} = {})", i > 0 ? " AND " : "",
                       join.inputs[0]->columns[static_cast<size_t>(join.left_keys[i])].name(),
                       join.inputs[1]->columns[static_cast<size_t>(join.right_keys[i])].name());
  }
  for (size_t i = 0; i < join.conditions.size(); ++i) {
    out += (i + join.left_keys.size() > 0 ? " AND " : "") + join.conditions[i]->ToString();
  }
  return out + fmt::format("], select=[{}])", Names(join.columns));
}

std::string DescribeNode(const PlanNode& node) {
  switch (node.kind) {
    case NodeKind::kScan: {
      const auto& scan = static_cast<const ScanNode&>(node);
      return fmt::format("TableSourceScan(table=[{}], fields=[{}])", scan.table_name,
                         ScannedFields(scan));
    }
    case NodeKind::kValues:
      return fmt::format("Values(rows=[{}], fields=[{}])",
                         static_cast<const ValuesNode&>(node).rows.size(), Names(node.columns));
    case NodeKind::kProject:
      return fmt::format("Project(select=[{}])",
                         Exprs(static_cast<const ProjectNode&>(node).exprs, node.columns));
    case NodeKind::kFilter:
      return fmt::format("Filter(where=[{}])",
                         static_cast<const FilterNode&>(node).predicate->ToString());
    case NodeKind::kJoin: return DescribeJoin(static_cast<const JoinNode&>(node));
    case NodeKind::kWatermark: {
      const auto& watermark = static_cast<const WatermarkNode&>(node);
      return fmt::format("WatermarkAssigner(rowtime=[{}], watermark=[{}])",
                         node.columns[static_cast<size_t>(watermark.rowtime)].name(),
                         watermark.watermark->ToString());
    }
    case NodeKind::kWindowTable:
      return fmt::format(
          "WindowTableFunction(window=[{}])",
          ToString(static_cast<const WindowTableNode&>(node).window, node.inputs[0]->columns));
    case NodeKind::kWindowAggregate:
      return DescribeWindowAggregate(static_cast<const WindowAggregateNode&>(node));
    case NodeKind::kGroupAggregate: {
      const auto& aggregate = static_cast<const GroupAggregateNode&>(node);
      const std::string keys = NamesOf(node.inputs[0]->columns, aggregate.keys);
      std::string select = keys + Aggregates(aggregate.aggregates, node, aggregate.keys.size());
      if (select.starts_with(", ")) select = select.substr(2);
      return fmt::format("GroupAggregate({}select=[{}])",
                         keys.empty() ? "" : fmt::format("groupBy=[{}], ", keys), select);
    }
    case NodeKind::kUnion:
      return fmt::format("Union(all=[true], fields=[{}])", Names(node.columns));
    case NodeKind::kExpand:
    case NodeKind::kUnnest:
    case NodeKind::kRank:
    case NodeKind::kOver:
    case NodeKind::kSort:
    case NodeKind::kMatch:
    case NodeKind::kSetOperation: return DescribeOrdered(node);
    case NodeKind::kSink: return DescribeSink(static_cast<const SinkNode&>(node));
  }
  return "?";
}

class Printer {
 public:
  explicit Printer(bool with_changelog) : with_changelog_(with_changelog) {}

  void Print(const PlanNode& node, const std::string& lead, bool last, bool root) {
    out_ += lead + (root ? "" : last ? "+- " : ":- ");
    const bool again = !printed_.insert(&node).second;
    if (again) {
      out_ += fmt::format("Reused(reference=[{}])\n", node.id);
      return;
    }
    std::string line = DescribeNode(node);
    if (with_changelog_) {
      line.insert(line.size() - 1,
                  ", changelogMode=" + ToString(node.changelog) + ", id=" + node.id);
    }
    out_ += line + "\n";
    const std::string inner = root ? lead : lead + (last ? "   " : ":  ");
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      Print(*node.inputs[i], inner, i + 1 == node.inputs.size(), false);
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  const bool with_changelog_;
  std::string out_;
  std::unordered_set<const PlanNode*> printed_;
};

}  // namespace

std::string DescribeWindow(const WindowAggregateNode& node) {
  const Columns& input = node.inputs[0]->columns;
  if (node.attached_start < 0) return ToString(node.window, input);
  return fmt::format("win_start=[{}], win_end=[{}]",
                     input[static_cast<size_t>(node.attached_start)].name(),
                     input[static_cast<size_t>(node.attached_end)].name());
}

std::string PrintPlan(const Plan& plan, bool with_changelog) {
  Printer printer(with_changelog);
  for (const auto& sink : plan.sinks) printer.Print(*sink, "", true, true);
  return printer.Take();
}

Result<Plan> FinishPlan(std::vector<std::shared_ptr<SinkNode>> sinks,
                        const FunctionRegistry& functions, const Settings& settings,
                        const sql::SourceText& source) {
  Plan plan;
  plan.sinks = std::move(sinks);
  plan.settings = settings.values();
  plan.time_zone = TimeZoneOf(settings);
  plan.batch = settings.Text("execution.runtime-mode") == "batch";
  plan.version = static_cast<int>(settings.Integer(kPlanVersionKey));
  RETURN_IF_ERROR(Optimize(&plan, functions, source));
  RETURN_IF_ERROR(InferChangelog(&plan, settings, source));
  return plan;
}

}  // namespace mainstem::process::plan
