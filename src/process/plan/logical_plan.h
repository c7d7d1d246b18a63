// The bound, optimised plan of a job: what the engine turns into tasks. A DAG: inputs may be shared
// by several nodes (a source read once for several sinks). Nodes refer to input columns by index;
// every computation is a bound expression in a Project, a Filter, a Values or a Watermark, so the
// stateful nodes see plain columns only.
// Built by the planner (plan/planner.h), immutable afterwards; safe to read from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/table.h"
#include "process/expr/aggregate.h"
#include "process/expr/bound_expr.h"
#include "process/plan/settings.h"
#include "process/types/logical_type.h"

namespace mainstem::process::plan {

// Name and type of each column; a type carries its time attribute.
using Columns = std::vector<RowField>;

// Which row kinds an edge carries besides +I.
struct ChangelogMode {
  bool update_before = false;
  bool update_after = false;
  bool deletes = false;
  bool insert_only() const { return !update_before && !update_after && !deletes; }
  friend bool operator==(const ChangelogMode&, const ChangelogMode&) = default;
};
std::string ToString(const ChangelogMode& mode);  // "[I]", "[I,UB,UA,D]"

enum class NodeKind : uint8_t {
  kScan,
  kValues,
  kProject,
  kFilter,
  kWatermark,
  kWindowTable,
  kWindowAggregate,
  kGroupAggregate,
  kUnion,
  // ordered_nodes.h
  kExpand,
  kUnnest,
  kRank,
  kOver,
  kSort,
  kSetOperation,
  kJoin,
  kMatch,  // match_node.h
  kSink,
};

struct PlanNode;
using PlanNodePtr = std::shared_ptr<PlanNode>;

struct PlanNode {
  explicit PlanNode(NodeKind k) : kind(k) {}
  virtual ~PlanNode() = default;

  const NodeKind kind;
  std::vector<PlanNodePtr> inputs;
  Columns columns;  // of the output
  // Sets of output columns that each identify a row of the result, if any. Empty: none known.
  std::vector<std::vector<int>> upsert_keys;
  // What this node sends. For a Sink: what it receives.
  ChangelogMode changelog;
  // The clause that this node comes from.
  SourceSpan span;
  // Unique in the plan and the same for the same script: "window-aggregate-1". Names of state
  // tables begin with it.
  std::string id;
};

// A table as read. Column i of the output is `projection[i]` of table.schema.
struct ScanNode : PlanNode {
  ScanNode() : PlanNode(NodeKind::kScan) {}
  std::string table_name;  // default_catalog.default_database.t
  connector::TableDescriptor table;
  std::vector<int> projection;
  bool reads_rows_by_name = false;  // see TableSource
  bool can_look_up = false;         // likewise
  bool is_narrowed = false;         // fields of ROW columns are left out, in table.schema too
};

// Rows of constants; every row has one expression for each column.
struct ValuesNode : PlanNode {
  ValuesNode() : PlanNode(NodeKind::kValues) {}
  std::vector<std::vector<ExprPtr>> rows;
};

struct ProjectNode : PlanNode {
  ProjectNode() : PlanNode(NodeKind::kProject) {}
  std::vector<ExprPtr> exprs;  // one for each output column, over the input's columns
};

struct FilterNode : PlanNode {
  FilterNode() : PlanNode(NodeKind::kFilter) {}
  ExprPtr predicate;  // rows where it is TRUE pass
};

// Event time begins here. Stands above a Scan, with at most Projects between them, so that the
// engine can evaluate it for each split apart and take the minimum.
struct WatermarkNode : PlanNode {
  WatermarkNode() : PlanNode(NodeKind::kWatermark) {}
  int rowtime = 0;              // TIMESTAMP(0..3) or TIMESTAMP_LTZ(0..3); NULL fails the job
  ExprPtr watermark;            // same type; NULL is ignored
  bool on_event = false;        // scan.watermark.emit.strategy
  int64_t interval_ms = 200;    // pipeline.auto-watermark-interval; 0: after every row
  int64_t idle_timeout_ms = 0;  // 0: never idle
  std::string alignment_group;  // empty: none
  int64_t alignment_max_drift_ms = 0;
};

enum class WindowKind : uint8_t { kTumble, kHop, kCumulate, kSession };
struct Window {
  WindowKind kind = WindowKind::kTumble;
  int time_column = 0;     // of the input
  bool event_time = true;  // false: processing time
  // TIMESTAMP_LTZ: windows align to the session's time zone (Plan::time_zone).
  bool local_time_zone = false;
  int64_t size_ms = 0;              // SESSION: the gap; CUMULATE: the largest size
  int64_t slide_ms = 0;             // HOP: slide; CUMULATE: step; else 0
  int64_t offset_ms = 0;            // may be negative
  std::vector<int> partition_keys;  // SESSION .. PARTITION BY; columns of the input
};
std::string ToString(const Window& window, const Columns& input);
// "a, b": of these columns.
std::string NamesOf(const Columns& columns, const std::vector<int>& indexes);

// TABLE(TUMBLE(..)) whose windows are not aggregated at once: the input's columns plus
// window_start, window_end, window_time.
struct WindowTableNode : PlanNode {
  WindowTableNode() : PlanNode(NodeKind::kWindowTable) {}
  Window window;
};

struct AggregateSpec {
  AggregateCall call;
  std::vector<int> args;  // columns of the input, one for each of call.args
  int filter = -1;        // BOOLEAN column of the input; -1: none
  LogicalType result;
};
std::string ToString(const AggregateSpec& aggregate, const Columns& input);

enum class WindowProperty : uint8_t { kStart, kEnd, kTime };

// Output: the keys, the aggregates, the properties, in this order. Sends +I only, when a window
// closes; rows that come after that are late and dropped.
struct WindowAggregateNode : PlanNode {
  WindowAggregateNode() : PlanNode(NodeKind::kWindowAggregate) {}
  Window window;
  // The rows come with their windows in these columns (of TIMESTAMP(3)): `window` tells only the
  // kind and time_column (window_time). -1: windows are assigned here from window.time_column.
  int attached_start = -1;
  int attached_end = -1;
  std::vector<int> keys;
  std::vector<AggregateSpec> aggregates;
  std::vector<WindowProperty> properties;
};
// "TUMBLE(time_col=[ts], size=[10 s])", or the columns that hold the windows.
std::string DescribeWindow(const WindowAggregateNode& node);

// Output: the keys, then the aggregates. No keys: one group, which appears with its first row.
// No aggregates: SELECT DISTINCT.
struct GroupAggregateNode : PlanNode {
  GroupAggregateNode() : PlanNode(NodeKind::kGroupAggregate) {}
  std::vector<int> keys;
  std::vector<AggregateSpec> aggregates;
  int64_t state_ttl_ms = 0;  // 0: kept for ever
};

// UNION ALL of its inputs, which all have the output's types.
struct UnionNode : PlanNode {
  UnionNode() : PlanNode(NodeKind::kUnion) {}
};

enum class JoinType : uint8_t { kInner, kLeft, kRight, kFull, kSemi, kAnti };
std::string_view NameOf(JoinType type);  // "INNER"

// What bounds the state of a join, and keeps its rows in the order of their time.
enum class JoinTime : uint8_t {
  kNone,      // nothing: a regular join
  kInterval,  // right time - left time is between two bounds
  kWindow,    // the keys hold the bounds of both sides' windows
  kTemporal,  // the right side as it was at the left row's time (FOR SYSTEM_TIME AS OF)
  kLookup,    // the right side as it is when the left row comes: a scan that is asked by key
};
std::string_view OperatorNameOf(JoinTime time);  // "IntervalJoin"

// Output: the left columns, then the right ones; SEMI and ANTI: the left columns. Rows meet where
// left_keys[i] = right_keys[i] for all i (NULL equals nothing) and all conditions are TRUE.
struct JoinNode : PlanNode {
  JoinNode() : PlanNode(NodeKind::kJoin) {}
  JoinType type = JoinType::kInner;
  std::vector<int> left_keys;             // of inputs[0]
  std::vector<int> right_keys;            // of inputs[1]
  std::vector<ExprPtr> conditions;        // over the left columns and then the right ones
  std::array<int64_t, 2> state_ttl_ms{};  // of inputs[i]; 0: rows are kept for ever
  JoinTime time = JoinTime::kNone;
  // kInterval, kTemporal: the time attributes; kWindow: the ends of the windows. Of inputs[i].
  int left_time = -1;
  int right_time = -1;
  bool windows_are_local = false;  // kWindow: ends are in the session's time zone
  int64_t lower_ms = 0;            // kInterval
  int64_t upper_ms = 0;
  // kLookup, the hint LOOKUP: a key that was not found is asked for again, so often in all.
  int attempts = 1;
  int64_t retry_delay_ms = 0;

  bool sends_right() const { return type != JoinType::kSemi && type != JoinType::kAnti; }
};

// The right side stands for the values that it has, or had, at some time: what does not pass a
// condition of it is not gone.
inline bool HasVersions(const JoinNode& join) {
  return join.time == JoinTime::kTemporal || join.time == JoinTime::kLookup;
}

enum class NotNullEnforcer : uint8_t { kError, kDrop };
enum class OnConflict : uint8_t { kNone, kError, kNothing, kDeduplicate };

struct SinkNode : PlanNode {
  SinkNode() : PlanNode(NodeKind::kSink) {}
  // A query's result goes to the caller: no table, retract mode.
  bool collect = false;
  std::string table_name;
  connector::TableDescriptor table;  // the input's columns are those of table.schema, in order
  connector::SinkMode mode = connector::SinkMode::kAppendOnly;
  std::vector<int> primary_key;  // columns of the input
  std::vector<int> not_null;     // columns that the enforcer watches
  NotNullEnforcer not_null_enforcer = NotNullEnforcer::kError;
  OnConflict on_conflict = OnConflict::kNone;
  int64_t state_ttl_ms = 0;  // of what it keeps for `on_conflict`; 0: for ever
  // The upsert key of the input is not the primary key: the sink must put conflicting rows in
  // order by `on_conflict` (or by history, under the older settings).
  bool materialize = false;
};

// One job: an INSERT, a statement set, or a query (one collecting sink).
struct Plan {
  std::vector<std::shared_ptr<SinkNode>> sinks;
  std::map<std::string, std::string> settings;  // as SET when it was planned, defaults left out
  std::string time_zone = "UTC";                // table.local-time-zone
  bool batch = false;                           // execution.runtime-mode = batch
  int version = kPlanVersion;
};

// Every node once, inputs before their consumers.
std::vector<PlanNode*> InTopologicalOrder(const Plan& plan);

// Which nodes of a plan, as it is when this is made, have several consumers.
class SharedNodes {
 public:
  explicit SharedNodes(const Plan& plan);
  bool Contains(const PlanNode* node) const;
  // Below `node`, a filter, and (from version 2 on) the filters directly below it that nobody else
  // reads; adds their conjuncts, the lowest one's first.
  PlanNodePtr BelowFilters(const PlanNodePtr& node, std::vector<ExprPtr>* conjuncts) const;

 private:
  std::map<const PlanNode*, int> consumers_;
  bool merges_filters_;
};

}  // namespace mainstem::process::plan
