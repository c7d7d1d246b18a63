#include "process/job/job_graph.h"

#include <algorithm>
#include <map>
#include <set>

#include <arrow/api.h>

#include "connector/overwrite.h"
#include "process/job/bad_records.h"
#include "process/job/operator_details.h"
#include "process/job/ordered_operators.h"
#include "process/job/state_names.h"
#include "process/job/values_source.h"
#include "process/operator/conflict_check.h"
#include "process/operator/group_aggregate.h"
#include "process/operator/interval_join.h"
#include "process/operator/lookup_join.h"
#include "process/operator/pane_aggregate.h"
#include "process/operator/processing_time.h"
#include "process/operator/regular_join.h"
#include "process/operator/row_columns.h"
#include "process/operator/session_aggregate.h"
#include "process/operator/temporal_join.h"
#include "process/operator/upsert_materialize.h"
#include "process/operator/window_aggregate.h"
#include "process/operator/window_join.h"
#include "process/operator/window_table.h"
#include "process/state/key_group.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

using plan::NodeKind;
using plan::PlanNode;

Status Unsupported(const std::string& what) {
  return MakeError(ErrorCode::kUnsupported, what + " can't be run yet");
}

std::vector<int> Sorted(std::vector<int> indexes) {
  std::sort(indexes.begin(), indexes.end());
  return indexes;
}

// Builds bottom-up; each plan node ends up at the end of some vertex's chain.
class Builder {
 public:
  Builder(const plan::Plan& plan, const GraphOptions& options) : plan_(plan), options_(options) {
    graph_.time_zone = plan.time_zone;
  }

  Result<JobGraph> Run() {
    ASSIGN_OR_RETURN(eval_.time_zone, ParseTimeZone(plan_.time_zone));
    if (Env* env = options_.context.env) eval_.random = [env] { return env->Random(); };
    for (PlanNode* node : plan::InTopologicalOrder(plan_)) {
      for (const auto& input : node->inputs) ++consumer_count_[input.get()];
    }
    // Who keeps only the last value of a key does not miss the values between.
    for (const auto& sink : plan_.sinks) {
      if (sink->collect || sink->mode != connector::SinkMode::kUpsert) WantEveryChange(*sink);
    }
    for (const auto& sink : plan_.sinks) RETURN_IF_ERROR(BuildSink(*sink));
    NameStates(plan_, &graph_);
    return std::move(graph_);
  }

 private:
  GraphVertex& vertex(int id) { return graph_.vertices[static_cast<size_t>(id)]; }

  void WantEveryChange(const PlanNode& node) {
    if (!every_change_wanted_.insert(&node).second) return;
    for (const auto& input : node.inputs) WantEveryChange(*input);
  }

  GraphVertex& NewVertex(int parallelism) {
    GraphVertex& made = graph_.vertices.emplace_back();
    made.id = static_cast<int>(graph_.vertices.size()) - 1;
    made.parallelism = parallelism;
    return made;
  }

  void AddOperator(int vertex_id, const PlanNode& node, std::string name, std::string detail,
                   OperatorFactory make) {
    GraphOperator op;
    op.id = next_operator_id_++;
    op.node_id = node.id;
    op.name = std::move(name);
    op.detail = std::move(detail);
    op.make = std::move(make);
    vertex(vertex_id).operators.push_back(std::move(op));
  }

  // The vertex in which an operator over `input` may go on: the input's own when nobody else reads
  // it, else a new one.
  Result<int> Continue(const PlanNode& input) {
    ASSIGN_OR_RETURN(int from, Build(input));
    if (consumer_count_[&input] <= 1) return from;
    GraphVertex& made = NewVertex(vertex(from).parallelism);
    made.inputs.push_back(
        {.from = from, .kind = ExchangeKind::kForward, .key_columns = {}, .key_types = {}});
    return made.id;
  }

  // The same, with all rows of a key in one subtask. No keys: all rows in one.
  Result<int> Exchange(const PlanNode& input, const std::vector<int>& keys) {
    int parallelism = keys.empty() ? 1 : options_.parallelism;
    ASSIGN_OR_RETURN(int from, Build(input));
    if (vertex(from).parallelism == 1 && parallelism == 1) return Continue(input);
    return ExchangeFrom(from, input.columns, keys, parallelism);
  }

  int ExchangeFrom(int from, const plan::Columns& columns, const std::vector<int>& keys,
                   int parallelism) {
    GraphVertex& made = NewVertex(parallelism);
    GraphEdge edge{.from = from,
                   .kind = keys.empty() ? ExchangeKind::kGather : ExchangeKind::kHash,
                   .key_columns = keys,
                   .key_types = TypesOf(columns, keys)};
    made.inputs.push_back(std::move(edge));
    return made.id;
  }

  // Id of the vertex at whose end the node's rows come out.
  Result<int> Build(const PlanNode& node) {
    if (auto it = built_.find(&node); it != built_.end()) return it->second;
    ASSIGN_OR_RETURN(int id, BuildNode(node));
    built_.emplace(&node, id);
    return id;
  }

  Result<int> BuildNode(const PlanNode& node) {
    switch (node.kind) {
      case NodeKind::kScan: return BuildScan(static_cast<const plan::ScanNode&>(node), nullptr, {});
      case NodeKind::kValues: return BuildValues(static_cast<const plan::ValuesNode&>(node));
      case NodeKind::kWatermark:
        return BuildWatermark(static_cast<const plan::WatermarkNode&>(node));
      case NodeKind::kProject: return BuildProject(static_cast<const plan::ProjectNode&>(node));
      case NodeKind::kFilter: return BuildFilter(static_cast<const plan::FilterNode&>(node));
      case NodeKind::kWindowTable:
        return BuildWindowTable(static_cast<const plan::WindowTableNode&>(node));
      case NodeKind::kWindowAggregate:
        return BuildWindowAggregate(static_cast<const plan::WindowAggregateNode&>(node));
      case NodeKind::kGroupAggregate:
        return BuildGroupAggregate(static_cast<const plan::GroupAggregateNode&>(node));
      case NodeKind::kUnion: return BuildUnion(node);
      case NodeKind::kExpand:
      case NodeKind::kUnnest:
      case NodeKind::kRank:
      case NodeKind::kOver:
      case NodeKind::kSort:
      case NodeKind::kMatch:
      case NodeKind::kSetOperation: return BuildOrdered(node);
      case NodeKind::kJoin: return BuildJoin(static_cast<const plan::JoinNode&>(node));
      case NodeKind::kSink: break;
    }
    return MakeError(ErrorCode::kInternal, "a sink inside a plan");
  }

  Result<int> BuildOrdered(const PlanNode& node) {
    ASSIGN_OR_RETURN(OrderedOperator made, OrderedOperatorOf(node));
    const PlanNode& input = *node.inputs[0];
    ASSIGN_OR_RETURN(const int id, made.exchanges ? Exchange(input, made.keys) : Continue(input));
    AddOperator(id, node, std::move(made.name), DescribeOrdered(node), std::move(made.make));
    return id;
  }

  CalcOptions ProjectOf(const plan::ProjectNode& node) {
    CalcOptions calc;
    calc.projections = node.exprs;
    calc.output_schema = ToArrowSchema(node.columns);
    return calc;
  }

  Result<int> AddSource(const PlanNode& node, std::string name, std::string detail,
                        std::shared_ptr<connector::TableSource> source, SourceFeedOptions feed,
                        int parallelism) {
    GraphVertex& made = NewVertex(parallelism);
    GraphSource& graph_source = made.source.emplace();
    graph_source.bounded = source->bounded();
    graph_.bounded &= source->bounded();
    feed.source = source.get();
    graph_source.source = std::move(source);
    graph_source.feed = std::move(feed);
    graph_source.operator_id = next_operator_id_;
    graph_source.node_id = node.id;
    int id = made.id;
    AddOperator(id, node, std::move(name), std::move(detail), nullptr);
    return id;
  }

  // `projects` stand between the scan and its watermark, nearest to the scan first.
  Result<int> BuildScan(const plan::ScanNode& node, const plan::WatermarkNode* watermark,
                        std::vector<const plan::ProjectNode*> projects) {
    connector::TableDescriptor table = node.table;
    SourceFeedOptions feed;
    feed.projection = node.projection;
    ASSIGN_OR_RETURN(feed.rejects, RejectRuleOf(table, "scan.bad-records", {}));
    int parallelism = options_.parallelism;
    if (auto it = table.options.find("scan.parallelism"); it != table.options.end()) {
      parallelism = std::clamp(std::atoi(it->second.c_str()), 1, kKeyGroupCount);
    }
    for (const plan::ProjectNode* project : projects) feed.calcs.push_back(ProjectOf(*project));
    std::string detail = "columns=[";
    for (const RowField& column : node.columns) {
      detail += (detail.back() == '[' ? "" : ", ") + column.name();
    }
    detail += "]";
    const PlanNode* top = &node;
    if (watermark) {
      top = watermark;
      feed.watermark = watermark->watermark;
      feed.rowtime = watermark->rowtime;
      feed.watermark_on_event = watermark->on_event;
      feed.watermark_interval_ms = watermark->interval_ms;
      feed.idle_timeout_ms = watermark->idle_timeout_ms;
      detail += ", watermark=" + watermark->watermark->ToString();
    }
    ASSIGN_OR_RETURN(auto made, options_.registry->MakeSource(table, options_.context));
    std::shared_ptr<connector::TableSource> source = std::move(made);
    return AddSource(*top, "Source: " + table.name, std::move(detail), std::move(source),
                     std::move(feed), parallelism);
  }

  Result<int> BuildValues(const plan::ValuesNode& node) {
    ASSIGN_OR_RETURN(auto made, ValuesSource::Make(node, eval_));
    std::shared_ptr<connector::TableSource> source = std::move(made);
    return AddSource(node, "Source: VALUES", fmt::format("{} rows", node.rows.size()),
                     std::move(source), {}, 1);
  }

  Result<int> BuildWatermark(const plan::WatermarkNode& node) {
    std::vector<const plan::ProjectNode*> projects;
    const PlanNode* below = node.inputs[0].get();
    while (below->kind == NodeKind::kProject) {
      projects.insert(projects.begin(), static_cast<const plan::ProjectNode*>(below));
      below = below->inputs[0].get();
    }
    if (below->kind != NodeKind::kScan) return Unsupported("a watermark that is not at a table");
    return BuildScan(static_cast<const plan::ScanNode&>(*below), &node, std::move(projects));
  }

  Result<int> BuildProject(const plan::ProjectNode& node) {
    ASSIGN_OR_RETURN(int id, Continue(*node.inputs[0]));
    std::string detail;
    for (const ExprPtr& expr : node.exprs)
      detail += (detail.empty() ? "" : ", ") + expr->ToString();
    AddOperator(
        id, node, "Calc", "select=[" + detail + "]",
        [calc = ProjectOf(node)](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
          return std::make_unique<CalcOperator>(calc);
        });
    return id;
  }

  Result<int> BuildFilter(const plan::FilterNode& node) {
    ASSIGN_OR_RETURN(int id, Continue(*node.inputs[0]));
    CalcOptions calc;
    calc.predicate = node.predicate;
    AddOperator(id, node, "Calc", "where=[" + node.predicate->ToString() + "]",
                [calc](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  return std::make_unique<CalcOperator>(calc);
                });
    return id;
  }

  Result<int> BuildWindowTable(const plan::WindowTableNode& node) {
    if (node.window.kind == plan::WindowKind::kSession || !node.window.event_time) {
      return Unsupported("SESSION and processing-time windows");
    }
    ASSIGN_OR_RETURN(int id, Continue(*node.inputs[0]));
    auto schema = ToArrowSchema(node.columns);
    AddOperator(id, node, "WindowTable", ToString(node.window, node.inputs[0]->columns),
                [window = node.window,
                 schema](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  return std::make_unique<WindowTableOperator>(window, schema);
                });
    return id;
  }

  Result<int> BuildWindowAggregate(const plan::WindowAggregateNode& node) {
    // Windows that came with the rows have their clock in the watermark that follows these.
    const bool by_clock = !node.window.event_time && node.attached_end < 0;
    bool is_session = node.window.kind == plan::WindowKind::kSession && node.attached_end < 0;
    if (is_session && Sorted(node.keys) != Sorted(node.window.partition_keys)) {
      return Unsupported("a SESSION window grouped by other columns than its PARTITION BY");
    }
    const bool by_panes = node.attached_end < 0 && Panes::Fit(node.window);
    const plan::Columns& input = node.inputs[0]->columns;
    WindowAggregateOptions window;
    window.window = node.window;
    window.attached_start = node.attached_start;
    window.attached_end = node.attached_end;
    window.keys = node.keys;
    window.key_types = TypesOf(input, node.keys);
    window.aggregates = node.aggregates;
    window.properties = node.properties;
    window.output_schema = ToArrowSchema(node.columns);
    const std::vector<int> exchanged = node.keys.empty() ? node.keys : window.state_keys();
    ASSIGN_OR_RETURN(int id, Exchange(*node.inputs[0], exchanged));
    std::string detail = DescribeWindow(node) + ", keys=[" + plan::NamesOf(input, node.keys) +
                         "], select=[" + DescribeAggregates(node.aggregates, input) + "]";
    // Named, because the state has another layout: a checkpoint of before must not be taken for it.
    if (by_panes) detail += ", by panes";
    const auto make = [window, is_session, by_panes]() -> std::unique_ptr<Operator> {
      if (is_session) return std::make_unique<SessionAggregateOperator>(window);
      if (by_panes) return std::make_unique<PaneAggregateOperator>(window);
      return std::make_unique<WindowAggregateOperator>(window);
    };
    AddOperator(id, node, "WindowAggregate", std::move(detail),
                [make, by_clock, column = window.window.time_column](
                    const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  if (!by_clock) return make();
                  return std::make_unique<ProcessingTimeOperator>(make(), column);
                });
    return id;
  }

  Result<int> BuildGroupAggregate(const plan::GroupAggregateNode& node) {
    const plan::Columns& input = node.inputs[0]->columns;
    GroupAggregateOptions group;
    group.keys = node.keys;
    group.key_types = TypesOf(input, node.keys);
    group.aggregates = node.aggregates;
    group.output_schema = ToArrowSchema(node.columns);
    group.send_update_before = node.changelog.update_before;
    group.state_ttl_ms = node.state_ttl_ms;
    group.counts_nothing = plan_.batch && node.keys.empty();
    group.fold = options_.fold_updates || !every_change_wanted_.contains(&node);
    ASSIGN_OR_RETURN(int id, Exchange(*node.inputs[0], node.keys));
    std::string detail = "keys=[" + plan::NamesOf(input, node.keys) + "], select=[" +
                         DescribeAggregates(node.aggregates, input) + "]";
    AddOperator(id, node, "GroupAggregate", std::move(detail),
                [group](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  return std::make_unique<GroupAggregateOperator>(group);
                });
    return id;
  }

  // No rows of the right side come by themselves: the operator goes on in the left side's chain.
  Result<int> BuildLookupJoin(const plan::JoinNode& node) {
    const auto& scan = static_cast<const plan::ScanNode&>(*node.inputs[1]);
    ASSIGN_OR_RETURN(std::shared_ptr<connector::TableSource> source,
                     options_.registry->MakeSource(scan.table, options_.context));
    std::vector<int> key_columns;
    for (const int key : node.right_keys) {
      key_columns.push_back(scan.projection[static_cast<size_t>(key)]);
    }
    ASSIGN_OR_RETURN(const int id, Continue(*node.inputs[0]));
    AddOperator(id, node, "LookupJoin", DescribeJoin(node),
                [node, source, key_columns, projection = scan.projection](
                    const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  ASSIGN_OR_RETURN(auto lookup, source->MakeLookup(key_columns, projection));
                  return std::make_unique<LookupJoinOperator>(node, std::move(lookup));
                });
    return id;
  }

  Result<int> BuildJoin(const plan::JoinNode& node) {
    if (node.time == plan::JoinTime::kLookup) return BuildLookupJoin(node);
    const std::vector<int>* keys[] = {&node.left_keys, &node.right_keys};
    int from[2];
    for (size_t i = 0; i < 2; ++i) {
      ASSIGN_OR_RETURN(from[i], Build(*node.inputs[i]));
    }
    GraphVertex& made = NewVertex(node.left_keys.empty() ? 1 : options_.parallelism);
    const int id = made.id;
    for (size_t i = 0; i < 2; ++i) {
      made.inputs.push_back(
          {.from = from[i],
           .kind = node.left_keys.empty() ? ExchangeKind::kGather : ExchangeKind::kHash,
           .key_columns = *keys[i],
           .key_types = TypesOf(node.inputs[i]->columns, *keys[i])});
    }
    AddOperator(id, node, std::string(plan::OperatorNameOf(node.time)), DescribeJoin(node),
                [node](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  switch (node.time) {
                    case plan::JoinTime::kInterval:
                      return std::make_unique<IntervalJoinOperator>(node);
                    case plan::JoinTime::kWindow: return std::make_unique<WindowJoinOperator>(node);
                    case plan::JoinTime::kTemporal:
                      return std::make_unique<TemporalJoinOperator>(node);
                    case plan::JoinTime::kLookup:
                    case plan::JoinTime::kNone: break;
                  }
                  return std::make_unique<RegularJoinOperator>(node);
                });
    return id;
  }

  Result<int> BuildUnion(const PlanNode& node) {
    std::vector<int> inputs;
    int parallelism = 1;
    for (const auto& input : node.inputs) {
      ASSIGN_OR_RETURN(int from, Build(*input));
      inputs.push_back(from);
      parallelism = std::max(parallelism, vertex(from).parallelism);
    }
    GraphVertex& made = NewVertex(parallelism);
    int id = made.id;
    for (int from : inputs) {
      made.inputs.push_back(
          {.from = from, .kind = ExchangeKind::kForward, .key_columns = {}, .key_types = {}});
    }
    // The inputs' columns differ in name and nullability at most.
    CalcOptions rename;
    for (size_t i = 0; i < node.columns.size(); ++i) {
      const RowField& column = node.columns[i];
      rename.projections.push_back(MakeInputRef(static_cast<int>(i), column.type(), column.name()));
    }
    rename.output_schema = ToArrowSchema(node.columns);
    AddOperator(id, node, "Union", "",
                [rename](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  return std::make_unique<CalcOperator>(rename);
                });
    return id;
  }

  Status AddNotNull(int id, const plan::SinkNode& node) {
    const plan::Columns& input = node.inputs[0]->columns;
    std::vector<NotNullOperator::Column> columns;
    for (int index : node.not_null) {
      columns.push_back({index, input[static_cast<size_t>(index)].name()});
    }
    if (columns.empty()) return Status::OK();
    bool drop = node.not_null_enforcer == plan::NotNullEnforcer::kDrop;
    std::string table_name = node.table_name;
    AddOperator(
        id, node, "NotNull", plan::NamesOf(input, node.not_null),
        [columns, drop, table_name](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
          return std::make_unique<NotNullOperator>(columns, drop, table_name);
        });
    return Status::OK();
  }

  // The vertex at whose end rows are as the sink writes them: those of one key in one subtask.
  Result<int> BuildSinkInput(const plan::SinkNode& node, const std::vector<int>& keys) {
    const PlanNode& input = *node.inputs[0];
    if (node.materialize && (node.on_conflict == plan::OnConflict::kError ||
                             node.on_conflict == plan::OnConflict::kNothing)) {
      return BuildConflictCheck(node, keys);
    }
    // What is replaced is replaced by one writer.
    const bool overwrites = node.table.options.contains(std::string(connector::kOverwriteOption));
    const bool is_plain = keys.empty() && !overwrites;
    ASSIGN_OR_RETURN(const int id, is_plain ? Continue(input) : Exchange(input, keys));
    RETURN_IF_ERROR(AddNotNull(id, node));
    if (node.materialize) {
      UpsertMaterializeOperator::Options options{
          .columns = input.columns, .primary_key = keys, .state_ttl_ms = node.state_ttl_ms};
      AddOperator(id, node, "UpsertMaterialize", plan::NamesOf(input.columns, keys),
                  [options](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                    return std::make_unique<UpsertMaterializeOperator>(options);
                  });
    }
    return id;
  }

  Result<int> BuildConflictCheck(const plan::SinkNode& node, const std::vector<int>& keys) {
    const PlanNode& input = *node.inputs[0];
    ASSIGN_OR_RETURN(const int from, Continue(input));
    RETURN_IF_ERROR(AddNotNull(from, node));
    plan::Columns stamped = input.columns;
    stamped.emplace_back("$watermark", LogicalType::BigInt().NotNull());
    AddOperator(from, node, "StampWatermark", "",
                [schema = ToArrowSchema(stamped)](
                    const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  return std::make_unique<StampWatermarkOperator>(schema);
                });
    const int id = ExchangeFrom(from, stamped, keys, options_.parallelism);
    ConflictCheckOperator::Options options{.columns = input.columns,
                                           .primary_key = keys,
                                           .upsert_key = SmallestKey(input.upsert_keys),
                                           .fail = node.on_conflict == plan::OnConflict::kError,
                                           .table_name = node.table_name,
                                           .state_ttl_ms = node.state_ttl_ms};
    AddOperator(id, node, "ConflictCheck", plan::NamesOf(input.columns, keys),
                [options](const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  return std::make_unique<ConflictCheckOperator>(options);
                });
    return id;
  }

  static std::vector<int> SmallestKey(const std::vector<std::vector<int>>& keys) {
    const auto smaller = [](const std::vector<int>& a, const std::vector<int>& b) {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    };
    const auto least = std::min_element(keys.begin(), keys.end(), smaller);
    return least == keys.end() ? std::vector<int>{} : *least;
  }

  Status BuildSink(const plan::SinkNode& node) {
    auto sink = std::make_shared<JobSink>();
    sink->node_id = node.id;
    graph_.sinks.push_back(sink);
    if (node.collect) return BuildCollect(node, sink);
    ASSIGN_OR_RETURN(auto made, options_.registry->MakeSink(node.table, options_.context));
    sink->sink = std::move(made);
    sink->name = node.table.name;
    sink->connector = node.table.options.at("connector");
    sink->kind = sink->sink->kind();
    sink->mode = node.mode;
    if (sink->sink->writes_at_once()) sink->at_once = options_.context.log;
    sink->quarantine.table = sink->name;
    RejectRule refusals{.policy = RejectPolicy::kQuarantine, .max = kRefusedRowsMax};
    ASSIGN_OR_RETURN(sink->quarantine.rule, RejectRuleOf(node.table, "sink.bad-records", refusals));
    std::vector<int> keys =
        node.mode == connector::SinkMode::kUpsert ? node.primary_key : std::vector<int>{};
    ASSIGN_OR_RETURN(const int id, BuildSinkInput(node, keys));
    sink->partition_count = vertex(id).parallelism;
    auto key_types = TypesOf(node.inputs[0]->columns, keys);
    AddOperator(id, node, "Sink: " + sink->name, sink->connector + ", " + sink->sink->guarantee(),
                [sink, keys, key_types](const MakeOperatorArgs& args) {
                  return MakeSinkOperator(*sink, keys, key_types, args);
                });
    return Status::OK();
  }

  static Result<std::unique_ptr<Operator>> MakeSinkOperator(
      JobSink& sink, const std::vector<int>& keys,
      const std::vector<std::shared_ptr<arrow::DataType>>& key_types,
      const MakeOperatorArgs& args) {
    switch (sink.kind) {
      case connector::SinkKind::kInline: {
        ASSIGN_OR_RETURN(auto writer, sink.sink->MakeInlineWriter(args.subtask));
        return std::make_unique<InlineSinkOperator>(std::move(writer), keys);
      }
      case connector::SinkKind::kLog:
        return std::make_unique<LogSinkOperator>(LogSinkOptions{.sink = sink.sink.get(),
                                                                .upsert_key = keys,
                                                                .rejects = sink.quarantine.rule,
                                                                .quarantine = sink.keep_refused,
                                                                .at_once = sink.at_once},
                                                 args.pending);
      case connector::SinkKind::kDelivery: break;
    }
    DeliverySinkOptions delivery{.topic = sink.topic,
                                 .table = sink.name,
                                 .partition_count = sink.partition_count,
                                 .key_columns = keys,
                                 .key_types = key_types,
                                 .mode = sink.mode,
                                 .rejects = sink.quarantine.rule,
                                 .quarantine = sink.keep_refused};
    return std::make_unique<DeliverySinkOperator>(std::move(delivery), args.pending);
  }

  Status BuildCollect(const plan::SinkNode& node, const std::shared_ptr<JobSink>& sink) {
    if (!options_.make_collector) return MakeError(ErrorCode::kInternal, "nobody takes the result");
    sink->name = "result";
    sink->connector = "collect";
    sink->mode = connector::SinkMode::kRetract;
    ASSIGN_OR_RETURN(int id, Exchange(*node.inputs[0], {}));
    AddOperator(id, node, "Sink: result", "",
                [make = options_.make_collector](
                    const MakeOperatorArgs&) -> Result<std::unique_ptr<Operator>> {
                  return std::make_unique<InlineSinkOperator>(make(), std::vector<int>{});
                });
    return Status::OK();
  }

  const plan::Plan& plan_;
  const GraphOptions& options_;
  EvalContext eval_;
  JobGraph graph_;
  std::map<const PlanNode*, int> consumer_count_;
  std::set<const PlanNode*> every_change_wanted_;
  std::map<const PlanNode*, int> built_;
  int next_operator_id_ = 0;
};

}  // namespace

Result<JobGraph> BuildJobGraph(const plan::Plan& plan, const GraphOptions& options) {
  return Builder(plan, options).Run();
}

}  // namespace mainstem::process
