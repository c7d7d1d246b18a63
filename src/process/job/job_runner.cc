#include "process/job/job_runner.h"

#include <arrow/api.h>

#include "core/run_to_end.h"
#include "process/job/job_topics.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;
constexpr Backoff::Bounds kRestartPauses{.first = milliseconds(400),
                                         .last = std::chrono::seconds(30)};
constexpr size_t kSampleCount = 6;

// Errors that come back with the same input, however often it is tried.
bool IsPermanent(const Status& status) {
  switch (CodeOf(status)) {
    case ErrorCode::kSemanticError:
    case ErrorCode::kSyntaxError:
    case ErrorCode::kDecodeError:
    case ErrorCode::kEvaluationError:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kInvalidConfig:
    case ErrorCode::kUnsupported:
    case ErrorCode::kCorruptStorage: return true;
    default: return false;
  }
}

Task<std::vector<SourceWatermarks>> NoSources() { co_return std::vector<SourceWatermarks>(); }

Task<storage::TopicPartition> MakeQuarantine(storage::Log* log, std::string name) {
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await FindOrMakeJobTopic(log, std::move(name), 1));
  co_return storage::TopicPartition{topic.id, PartitionId(0)};
}

}  // namespace

JobRunner::JobRunner(const JobEnvironment* environment, std::shared_ptr<const plan::Plan> plan,
                     JobRunnerOptions options)
    : environment_(environment),
      plan_(std::move(plan)),
      options_(std::move(options)),
      stop_(options_.stop),
      stop_requested_(environment->env->shard(0)),
      savepoint_moved_(environment->env->shard(0)) {
  description_.id = options_.job_id;
  description_.name = options_.name;
  description_.statement = options_.statement;
  description_.parallelism = options_.parallelism;
  description_.created_at_ms = options_.created_at_ms;
}

JobRunner::~JobRunner() = default;

void JobRunner::RequestStop(StopRequest request) {
  if (stop_ && !stop_->savepoint.empty()) return;
  stop_ = std::move(request);
  if (execution_) execution_->RequestStop(stop_->options);
  stop_requested_.NotifyAll();
}

Task<> JobRunner::PrepareQuarantine() {
  std::string name = QuarantineTopicName(options_.job_id);
  CO_ASSIGN_OR_RETURN(quarantine_, co_await MakeQuarantine(environment_->log, std::move(name)));
  co_return Status::OK();
}

Task<> JobRunner::PrepareLateRows() {
  if (options_.late_rows_topic.empty() || !options_.durable) co_return Status::OK();
  std::string name = options_.late_rows_topic;
  CO_ASSIGN_OR_RETURN(storage::TopicInfo topic,
                      co_await FindOrMakeLateRowsTopic(environment_->log, std::move(name)));
  late_rows_ = storage::TopicPartition{topic.id, PartitionId(0)};
  co_return Status::OK();
}

Task<> JobRunner::PrepareDelivery(JobSink* sink) {
  sink->retention_holder = options_.job_id + "." + sink->node_id;
  const std::string& name = options_.delivery_name;
  sink->delivery_id = (name.empty() ? options_.job_id : name) + "." + sink->node_id;
  if (options_.generation > 0) sink->delivery_id += fmt::format(".{}", options_.generation);
  sink->begins_late = options_.generation > 0;
  sink->topic_name = JobTopicName("__mainstem.", options_.job_id, sink->node_id);
  sink->quarantine.topic = QuarantineTopicName(options_.job_id);
  sink->quarantine.delivery_id = sink->delivery_id;
  std::string topic_name = sink->topic_name;
  CO_ASSIGN_OR_RETURN(
      storage::TopicInfo topic,
      co_await FindOrMakeJobTopic(environment_->log, std::move(topic_name), sink->partition_count));
  sink->topic = topic.id;
  sink->partition_count = topic.partition_count;
  co_return Status::OK();
}

Task<> JobRunner::Prepare() {
  deliveries_.clear();  // of a try that failed
  GraphOptions graph;
  graph.job_id = options_.job_id;
  graph.parallelism = options_.parallelism;
  graph.fold_updates = options_.fold_updates;
  graph.registry = environment_->registry;
  graph.context = environment_->context;
  graph.context.time_zone = plan_->time_zone;
  graph.make_collector = options_.make_collector;
  CO_ASSIGN_OR_RETURN(graph_, BuildJobGraph(*plan_, graph));
  if (plan_->batch && !graph_.bounded) {
    co_return MakeError(
        ErrorCode::kSemanticError,
        {.message = "a query in batch mode reads tables that end, and one does not",
         .hint = "bound it, as with 'scan.bounded.mode' or 'number-of-rows', or SET "
                 "'execution.runtime-mode' = 'streaming'"});
  }
  description_.bounded = graph_.bounded;
  WatchRejected();
  bool needs_quarantine = false;
  for (const GraphVertex& vertex : graph_.vertices) {
    needs_quarantine |=
        vertex.source && vertex.source->feed.rejects.policy == RejectPolicy::kQuarantine;
  }
  if (needs_quarantine && options_.durable) CO_RETURN_IF_ERROR(co_await PrepareQuarantine());
  for (auto& sink : graph_.sinks) {
    if (sink->kind == connector::SinkKind::kInline) continue;
    if (!options_.durable) {
      co_return MakeError(ErrorCode::kUnsupported,
                          {.message = "table " + sink->name + " can't be written without a log",
                           .hint = "run the script on a node"});
    }
    sink->keep_refused = [log = environment_->log, name = QuarantineTopicName(options_.job_id)] {
      return MakeQuarantine(log, name);
    };
    if (sink->kind == connector::SinkKind::kLog) continue;
    CO_RETURN_IF_ERROR(co_await PrepareDelivery(sink.get()));
  }
  store_.emplace(environment_->env, environment_->state, options_.checkpoint_directory);
  for (auto& sink : graph_.sinks) {
    deliveries_.push_back(std::make_unique<SinkDelivery>(environment_->env, environment_->log, sink,
                                                         environment_->logger));
    CO_RETURN_IF_ERROR(co_await deliveries_.back()->Prepare());
  }
  is_prepared_ = true;
  co_return Status::OK();
}

Task<> JobRunner::LetGoOfDelivered() {
  if (!is_prepared_) CO_RETURN_IF_ERROR(co_await Prepare());
  for (auto& delivery : deliveries_) CO_RETURN_IF_ERROR(co_await delivery->LetGoOfDelivered());
  co_return Status::OK();
}

Task<ExecutionOutcome> JobRunner::RunAttempt() {
  // Each time: somebody may have deleted the topic.
  CO_RETURN_IF_ERROR(co_await PrepareLateRows());
  ExecutionOptions options;
  options.job_id = options_.job_id;
  options.checkpoint_interval = options_.checkpoint_interval;
  options.checkpoint_timeout = options_.checkpoint_timeout;
  options.retained_checkpoints = options_.retained_checkpoints;
  options.state_memory = environment_->state_memory;
  options.column_memory = environment_->column_memory;
  options.durable = options_.durable;
  options.quarantine = quarantine_;
  options.late_rows = late_rows_;
  options.statement = options_.statement;
  options.restore_from = options_.restore_from;
  options.ignore_unclaimed_state = options_.ignore_unclaimed_state;
  options.on_epoch = [this](int64_t epoch) { OnEpoch(epoch); };
  execution_ = std::make_unique<Execution>(environment_->env, environment_->log, &graph_,
                                           environment_->state, &*store_, std::move(options));
  samples_.clear();
  if (stop_) execution_->RequestStop(stop_->options);
  if (wants_savepoint_) wanted_epoch_ = execution_->RequestCheckpoint();
  description_.state = JobState::kRunning;
  is_attempting_ = true;
  auto outcome = co_await execution_->Run();
  is_attempting_ = false;
  const bool is_failure = !outcome.ok() && !Is(outcome.status(), ErrorCode::kCancelled);
  if (is_failure && execution_->is_in_checkpoint()) ++failed_checkpoints_;
  co_return outcome;
}

// Attempt after attempt, until the job has ended or stopped.
Task<> JobRunner::RunAttempts() {
  Backoff backoff(kRestartPauses);
  for (;;) {
    TimePoint began = environment_->env->Now();
    auto outcome = co_await RunAttempt();
    if (outcome.ok()) {
      description_.state =
          *outcome == ExecutionOutcome::kStopped ? JobState::kStopped : JobState::kFinishing;
      co_return Status::OK();
    }
    if (!TriesAgain(outcome.status(), IsPermanent(outcome.status()))) co_return outcome.status();
    // A while of good work forgives what was before.
    if (environment_->env->Now() - began > std::chrono::minutes(1)) backoff.Reset();
    CO_RETURN_IF_ERROR(co_await AwaitRestart(outcome.status(), &backoff));
    if (description_.state == JobState::kStopped) co_return Status::OK();
  }
}

bool JobRunner::TriesAgain(const Status& failure, bool is_permanent) const {
  if (options_.fail_fast || !options_.durable || Is(failure, ErrorCode::kCancelled)) return false;
  return options_.restarts_always || !is_permanent;
}

Task<> JobRunner::AwaitRestart(Status failure, Backoff* backoff) {
  description_.state = JobState::kRestarting;
  description_.error = mainstem::Describe(failure);
  ++description_.restart_count;
  environment_->logger.Warning("job restarts", {{"job", options_.job_id}, {"error", failure}});
  Env* env = environment_->env;
  const TimePoint deadline = env->Now() + backoff->Next(env);
  while (!StopsAtOnce() && env->Now() < deadline) {
    CO_RETURN_IF_ERROR(co_await stop_requested_.Wait(deadline));
  }
  if (StopsAtOnce()) description_.state = JobState::kStopped;
  co_return Status::OK();
}

bool JobRunner::StopsAtOnce() const { return stop_ && stop_->savepoint.empty(); }

// What is wrong with the script itself is told at once; a disk that is full, say, passes.
Task<> JobRunner::PrepareUntilItWorks() {
  Backoff backoff(kRestartPauses);
  for (;;) {
    Status prepared = co_await Prepare();
    if (prepared.ok() || !TriesAgain(prepared, !IsRetriable(prepared))) co_return prepared;
    CO_RETURN_IF_ERROR(co_await AwaitRestart(prepared, &backoff));
    if (description_.state == JobState::kStopped) co_return Status::OK();
  }
}

Task<> JobRunner::DrainDeliveries(bool input_has_ended) {
  for (auto& delivery : deliveries_) {
    SinkDelivery::DrainOptions drain;
    drain.give_up = options_.fail_fast;
    drain.input_has_ended = input_has_ended;
    CO_RETURN_IF_ERROR(co_await delivery->Drain(drain));
  }
  co_return Status::OK();
}

Task<> JobRunner::RunUntilDone() {
  CO_RETURN_IF_ERROR(co_await PrepareUntilItWorks());
  if (description_.state == JobState::kStopped) co_return Status::OK();
  for (auto& delivery : deliveries_) delivery->Start();
  description_.started_at_ms = environment_->env->WallTime().value();
  CO_RETURN_IF_ERROR(co_await RunAttempts());
  savepoint_moved_.NotifyAll();
  if (description_.state == JobState::kStopped) {
    if (stop_->savepoint.empty()) co_return Status::OK();
    description_.state = JobState::kFinishing;
    CO_RETURN_IF_ERROR(co_await LeaveStopSavepoint());
    description_.state = JobState::kStopped;
    co_return Status::OK();
  }
  CO_RETURN_IF_ERROR(co_await DrainDeliveries(true));
  description_.state = JobState::kFinished;
  co_return Status::OK();
}

Task<> JobRunner::Run() {
  Status status = co_await RunUntilDone();
  savepoint_moved_.NotifyAll();
  Status closed = co_await RunToEnd(environment_->env->shard(0), CloseDeliveries());
  if (status.ok()) status = closed;
  if (!status.ok() && !Is(status, ErrorCode::kCancelled)) {
    failure_ = status;
    description_.state = JobState::kFailed;
    description_.error = mainstem::Describe(status);
  }
  if (IsTerminal(description_.state)) {
    description_.finished_at_ms = environment_->env->WallTime().value();
  }
  co_return status;
}

Status JobRunner::AcceptLostPositions() {
  bool any = false;
  for (auto& delivery : deliveries_) any |= delivery->AcceptLostPositions();
  if (any) return Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   "no destination of job '" + options_.job_id + "' has lost its position");
}

Task<> JobRunner::CloseDeliveries() {
  for (auto& delivery : deliveries_) CO_RETURN_IF_ERROR(co_await delivery->Close());
  co_return Status::OK();
}

void JobRunner::Sample() {
  if (!execution_) return;
  const ExecutionMetrics& metrics = execution_->metrics();
  SampleSet set{environment_->env->Now(), {}};
  for (const auto& entry : metrics.operators) {
    SampleRow& row = set.rows.emplace_back();
    for (const auto& counters : entry.subtasks) {
      row.rows_in += counters->rows_in;
      row.rows_out += counters->rows_out;
      row.bytes_in += counters->bytes_in;
    }
    // The busiest subtask tells how loaded a vertex is.
    for (const auto& times : metrics.subtasks[static_cast<size_t>(entry.vertex)]) {
      row.busy_ns = std::max<int64_t>(row.busy_ns, times->busy_ns);
      row.blocked_ns = std::max<int64_t>(row.blocked_ns, times->blocked_ns);
    }
  }
  samples_.push_back(std::move(set));
  if (samples_.size() > kSampleCount) samples_.pop_front();
}

void JobRunner::DescribeOperators(JobDescription* out) const {
  const ExecutionMetrics& metrics = execution_->metrics();
  std::vector<int> last_of_vertex(graph_.vertices.size(), -1);
  for (const GraphVertex& vertex : graph_.vertices) {
    last_of_vertex[static_cast<size_t>(vertex.id)] =
        vertex.operators.empty() ? -1 : vertex.operators.back().id;
  }
  for (const auto& entry : metrics.operators) {
    const GraphVertex& vertex = graph_.vertices[static_cast<size_t>(entry.vertex)];
    OperatorDescription& op = out->operators.emplace_back();
    op.id = entry.op.id;
    op.name = entry.op.name;
    op.detail = entry.op.detail;
    op.parallelism = vertex.parallelism;
    for (size_t i = 0; i < vertex.operators.size(); ++i) {
      if (vertex.operators[i].id != op.id) continue;
      if (i > 0) {
        op.inputs.push_back(vertex.operators[i - 1].id);
        op.exchanges.push_back("chained");
        break;
      }
      for (const GraphEdge& edge : vertex.inputs) {
        // An empty vertex only splits a stream: show what stands before it.
        int from = edge.from;
        while (last_of_vertex[static_cast<size_t>(from)] < 0 &&
               !graph_.vertices[static_cast<size_t>(from)].inputs.empty()) {
          from = graph_.vertices[static_cast<size_t>(from)].inputs[0].from;
        }
        op.inputs.push_back(last_of_vertex[static_cast<size_t>(from)]);
        op.exchanges.push_back(edge.kind == ExchangeKind::kHash     ? "hash"
                               : edge.kind == ExchangeKind::kGather ? "gather"
                                                                    : "forward");
      }
    }
    int64_t watermark = kEndOfTime;
    for (const auto& counters : entry.subtasks) {
      op.rows_in += counters->rows_in;
      op.rows_out += counters->rows_out;
      op.state_entries += counters->state_entries;
      op.state_bytes += counters->state_bytes;
      op.late_rows += counters->late_rows;
      op.rejected_rows += counters->rejected_rows;
      watermark = std::min<int64_t>(watermark, counters->watermark_ms);
      int64_t lag = counters->lag_records;
      if (lag >= 0) op.lag_records = std::max<int64_t>(op.lag_records, 0) + lag;
    }
    if (watermark != kNoWatermark && watermark != kEndOfTime) op.watermark_ms = watermark;
    if (samples_.size() < 2) continue;
    const SampleSet& first = samples_.front();
    const SampleSet& last = samples_.back();
    auto index = static_cast<size_t>(op.id);
    double seconds = std::chrono::duration<double>(last.when - first.when).count();
    if (seconds <= 0) continue;
    const SampleRow& a = first.rows[index];
    const SampleRow& b = last.rows[index];
    op.rows_in_per_second = static_cast<double>(b.rows_in - a.rows_in) / seconds;
    op.rows_out_per_second = static_cast<double>(b.rows_out - a.rows_out) / seconds;
    op.bytes_in_per_second = static_cast<double>(b.bytes_in - a.bytes_in) / seconds;
    op.busy_ratio = std::min(1.0, static_cast<double>(b.busy_ns - a.busy_ns) / 1e9 / seconds);
    op.backpressured_ratio =
        std::min(1.0, static_cast<double>(b.blocked_ns - a.blocked_ns) / 1e9 / seconds);
  }
}

// Topics are written by the sink's operator, not by a delivery, which never gets what its topic
// can't take.
void JobRunner::DescribeTopicSinks(JobDescription* out) const {
  for (size_t i = 0; i < graph_.sinks.size() && i < out->sinks.size(); ++i) {
    const bool is_log = graph_.sinks[i]->kind == connector::SinkKind::kLog;
    SinkDescription& sink = out->sinks[i];
    for (const auto& entry : execution_->metrics().operators) {
      const bool is_sink = entry.op.name.starts_with("Sink: ");
      if (!is_sink || entry.op.node_id != graph_.sinks[i]->node_id) continue;
      for (const auto& counters : entry.subtasks) {
        if (is_log) sink.rows_delivered += counters->rows_in - counters->rejected_rows;
        sink.rejected_rows += counters->rejected_rows;
      }
    }
  }
}

// Asks before it returns: the runner may go while the answer is awaited.
Task<std::vector<SourceWatermarks>> JobRunner::GatherWatermarks() const {
  if (is_attempting_) return execution_->GatherWatermarks();
  return NoSources();
}

// Of each table the first record that is passed over is told, once in the runner's life.
void JobRunner::WatchRejected() {
  for (GraphVertex& vertex : graph_.vertices) {
    if (!vertex.source || vertex.operators.empty()) continue;
    vertex.source->feed.on_first_rejected = [first = first_rejected_, logger = environment_->logger,
                                             job = options_.job_id,
                                             logs = options_.durable && !options_.fail_fast,
                                             table = vertex.operators[0].name](
                                                const connector::RejectedRecord& record) {
      std::lock_guard lock(first->mutex);
      if (!first->tables.insert(table).second) return;
      if (first->text.empty()) first->text = record.origin + ": " + TextOf(record.cause).message;
      if (!logs) return;  // who runs a script in the foreground is told at its end
      logger.Warning(
          "records cannot be decoded; this is the first",
          {{"job", job}, {"operator", table}, {"record", record.origin}, {"error", record.cause}});
    };
  }
}

JobDescription JobRunner::Describe() const {
  JobDescription out = description_;
  for (const auto& delivery : deliveries_) out.sinks.push_back(delivery->Describe());
  if (!execution_) return out;
  out.checkpoint = execution_->metrics().checkpoint;
  out.checkpoint.failed_count = failed_checkpoints_;
  DescribeOperators(&out);
  DescribeTopicSinks(&out);
  for (const OperatorDescription& op : out.operators) {
    if (!op.name.starts_with("Sink: ")) out.rejected_rows += op.rejected_rows;
  }
  for (const SinkDescription& sink : out.sinks) out.rejected_rows += sink.rejected_rows;
  {
    std::lock_guard lock(first_rejected_->mutex);
    out.first_rejected = first_rejected_->text;
  }
  // Of a bounded input whose sources know what is unread.
  double read = 0, unread = 0, rate = 0;
  bool known = out.bounded;
  for (const OperatorDescription& op : out.operators) {
    if (!op.inputs.empty() || !op.name.starts_with("Source")) continue;
    known &= op.lag_records >= 0;
    read += static_cast<double>(op.rows_out);
    unread += static_cast<double>(std::max<int64_t>(op.lag_records, 0));
    rate += op.rows_out_per_second;
  }
  if (known && read + unread > 0) {
    out.progress.ratio = read / (read + unread);
    if (rate > 0) out.progress.eta_ms = static_cast<int64_t>(unread / rate * 1000);
  }
  return out;
}

}  // namespace mainstem::process
