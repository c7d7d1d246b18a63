// The physical form of a plan: operators chained into vertices, vertices joined by exchanges. Built
// from the logical plan once for each start of a job; execution.h makes subtasks of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/registry.h"
#include "process/checkpoint/state_match.h"
#include "process/job/sink_quarantine.h"
#include "process/operator/exchange.h"
#include "process/operator/sink_operator.h"
#include "process/operator/source_feed.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process {

// One sink of a job and, for kDelivery, its internal topic. Filled in before operators are made.
struct JobSink {
  std::string node_id;
  std::string name;       // of the table
  std::string connector;  // 'jdbc'
  std::shared_ptr<connector::TableSink> sink;
  connector::SinkKind kind = connector::SinkKind::kInline;
  connector::SinkMode mode = connector::SinkMode::kAppendOnly;
  std::string delivery_id;       // what the destination knows the delivery by
  std::string retention_holder;  // what the log does
  // What the topic holds no more was delivered by an earlier script of the job, elsewhere.
  bool begins_late = false;
  std::string topic_name;
  int partition_count = 1;
  storage::TopicId topic{};
  SinkQuarantineOptions quarantine;  // a log sink's has the rule only
  // Makes the place where rows are kept that the topic can't take.
  std::function<Task<storage::TopicPartition>()> keep_refused;
  storage::Log* at_once = nullptr;  // of a log sink that writes at least once
};

struct MakeOperatorArgs {
  int subtask = 0;
  PendingOutput* pending = nullptr;
};
using OperatorFactory =
    std::function<Result<std::unique_ptr<Operator>>(const MakeOperatorArgs& args)>;

struct GraphOperator {
  int id = 0;           // unique in the job; state tables are numbered by it
  std::string node_id;  // of the plan: stable for the same script
  std::string name;
  std::string detail;
  OperatorFactory make;  // empty: the source itself
};

struct GraphSource {
  std::shared_ptr<connector::TableSource> source;
  // Without `source` pointer, quarantine and pending, which the execution fills in.
  SourceFeedOptions feed;
  int operator_id = 0;
  std::string node_id;
  bool bounded = false;
};

struct GraphEdge {
  int from = 0;  // vertex
  ExchangeKind kind = ExchangeKind::kForward;
  std::vector<int> key_columns;
  std::vector<std::shared_ptr<arrow::DataType>> key_types;
};

// Operators that run as one chain, `parallelism` times.
struct GraphVertex {
  int id = 0;
  int parallelism = 1;
  std::optional<GraphSource> source;
  std::vector<GraphOperator> operators;  // the source's, if any, is listed first, without factory
  std::vector<GraphEdge> inputs;
};

struct JobGraph {
  std::vector<GraphVertex> vertices;  // inputs before their consumers
  std::vector<std::shared_ptr<JobSink>> sinks;
  bool bounded = true;
  // Equal: every state of the one belongs to the operator with the same id of the other.
  std::string fingerprint;
  // By which their state is found again in another plan (state_names.h).
  StateNames state_names;   // node_id: the operator's id
  StateNames source_names;  // node_id: the plan's
  std::string time_zone = "UTC";
};

struct GraphOptions {
  std::string job_id;
  int parallelism = 1;
  bool fold_updates = false;  // mini-batch: aggregates send one change a group and batch
  const connector::ConnectorRegistry* registry = nullptr;
  connector::ConnectorContext context;
  // The writer of the collecting sink of a query; called once.
  std::function<std::unique_ptr<connector::InlineWriter>()> make_collector;
};

// Makes the connectors' sources and sinks; no I/O. Unsupported for what can't be run yet.
Result<JobGraph> BuildJobGraph(const plan::Plan& plan, const GraphOptions& options);

}  // namespace mainstem::process
