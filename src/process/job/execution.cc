#include "process/job/execution.h"

#include <algorithm>

#include <arrow/api.h>

#include "connector/retention.h"
#include "core/run_to_end.h"
#include "process/checkpoint/savepoint_store.h"

namespace mainstem::process {
namespace {

// How often what is pinned for sources moves: a pin that lags only keeps more.
constexpr Duration kHoldInterval = std::chrono::seconds(5);

std::string PartName(int vertex, int subtask) { return fmt::format("v{}-{}", vertex, subtask); }

CheckpointManifest::Split SavedSplit(const std::string& node_id, const SplitProgress& split) {
  return {node_id, split.id, split.position, split.watermark_ms, split.ended, split.rejected_count};
}

}  // namespace

Execution::Execution(Env* env, storage::Log* log, const JobGraph* graph,
                     StateBackendFactory* factory, CheckpointStore* store, ExecutionOptions options)
    : env_(env),
      log_(log),
      graph_(graph),
      factory_(factory),
      store_(store),
      options_(std::move(options)),
      home_(env->shard(0)),
      mailbox_(std::make_shared<Mailbox>(home_)) {
  // An empty report only wakes the coordinator.
  pending_output_.request_checkpoint = [mailbox = mailbox_] {
    SubtaskReport wake;
    wake.kind = SubtaskReport::Kind::kSnapshot;
    wake.vertex = -1;
    mailbox->Send(std::move(wake));
  };
  for (const GraphVertex& vertex : graph_->vertices) {
    auto& row = metrics_.subtasks.emplace_back();
    for (int i = 0; i < vertex.parallelism; ++i) row.push_back(std::make_shared<SubtaskMetrics>());
    for (const GraphOperator& op : vertex.operators) {
      auto& entry = metrics_.operators.emplace_back();
      entry.vertex = vertex.id;
      entry.op = op;
      for (int i = 0; i < vertex.parallelism; ++i) {
        entry.subtasks.push_back(std::make_shared<OperatorMetrics>());
      }
    }
  }
  std::sort(metrics_.operators.begin(), metrics_.operators.end(),
            [](const auto& a, const auto& b) { return a.op.id < b.op.id; });
}

Execution::~Execution() = default;

Executor Execution::ShardOf(int index) const {
  return env_->shard(static_cast<size_t>(index) % env_->shard_count());
}

const std::string& Execution::NodeIdOf(int operator_id) const {
  return metrics_.operators[static_cast<size_t>(operator_id)].op.node_id;
}

void Execution::RequestStop(StopOptions options) {
  stop_ = options;
  mailbox_->arrived().NotifyAll();
}

int64_t Execution::RequestCheckpoint() {
  early_requested_ = true;
  mailbox_->arrived().NotifyAll();
  return (pending_ ? pending_->id : epoch_) + 1;
}

Task<ExecutionOutcome> Execution::Run() {
  auto outcome = co_await Supervise();
  Status closed = co_await RunToEnd(home_, CloseSubtasks());
  if (outcome.ok()) CO_RETURN_IF_ERROR(closed);
  co_return outcome;
}

Task<> Execution::LoadLastEpoch() {
  if (!options_.durable) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(storage::JobEpoch last, co_await log_->LastEpoch(options_.job_id));
  epoch_ = last.epoch;
  if (last.epoch == 0) co_return co_await LoadSavepoint();
  if (last.metadata == kFinishedMetadata) {
    outcome_before_ = ExecutionOutcome::kFinished;
    co_return Status::OK();
  }
  CO_ASSIGN_OR_RETURN(CheckpointManifest manifest, co_await store_->Load(last.epoch));
  metrics_.checkpoint.id = last.epoch;
  const bool was_drained = manifest.drained;
  restored_directory_ = store_->DirectoryOf(last.epoch);
  const FitOptions fit{.what = "job's last checkpoint", .is_same_job = true};
  CO_RETURN_IF_ERROR(Restore(std::move(manifest), fit));
  if (!stop_) co_return Status::OK();
  const bool is_stop = last.metadata.starts_with(kStopPrefix) && was_drained == stop_->drain;
  if (is_stop || stop_->at_last_epoch) outcome_before_ = ExecutionOutcome::kStopped;
  co_return Status::OK();
}

Task<> Execution::LoadSavepoint() {
  if (stop_ && stop_->at_last_epoch) {
    co_return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = "the job has no checkpoint yet",
         .detail = options_.restore_from.empty() ? "" : "it begins with " + options_.restore_from});
  }
  if (options_.restore_from.empty()) co_return Status::OK();
  SavepointStore savepoints(env_, factory_);
  restored_directory_ = options_.restore_from;
  CO_ASSIGN_OR_RETURN(CheckpointManifest manifest, co_await savepoints.Load(restored_directory_));
  const FitOptions fit{.what = "savepoint " + restored_directory_,
                       .ignore_unclaimed = options_.ignore_unclaimed_state};
  co_return Restore(std::move(manifest), fit);
}

Status Execution::Restore(CheckpointManifest manifest, const FitOptions& options) {
  if (manifest.fingerprint == graph_->fingerprint) {
    for (const auto& entry : metrics_.operators) {
      operator_before_[std::to_string(entry.op.id)] = std::to_string(entry.op.id);
    }
    restored_ = std::move(manifest);
    return Status::OK();
  }
  if (manifest.source_names.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "the " + options.what + " does not fit: the plan has changed",
                      .hint = "submit the script as a new job"});
  }
  ASSIGN_OR_RETURN(FittedManifest fitted, FitManifest(std::move(manifest), graph_->state_names,
                                                      graph_->source_names, options));
  restored_ = std::move(fitted.manifest);
  operator_before_ = std::move(fitted.operator_before);
  return Status::OK();
}

Task<ExecutionOutcome> Execution::Supervise() {
  CO_RETURN_IF_ERROR(co_await LoadLastEpoch());
  if (outcome_before_) co_return *outcome_before_;
  CO_RETURN_IF_ERROR(co_await MakeSubtasks());
  CO_RETURN_IF_ERROR(co_await StartSubtasks());
  size_t total = 0;
  for (const auto& row : subtasks_) total += row.size();
  next_checkpoint_ = env_->Now() + options_.checkpoint_interval;
  for (;;) {
    for (SubtaskReport& report : mailbox_->TakeAll()) {
      CO_RETURN_IF_ERROR(Handle(std::move(report)));
    }
    if (pending_ && pending_->waiting_for.empty()) {
      const bool is_stop = pending_->stop.has_value();
      CO_RETURN_IF_ERROR(co_await Complete(false));
      if (is_stop) co_return ExecutionOutcome::kStopped;
      continue;
    }
    CO_RETURN_IF_ERROR(CheckTimeout());
    if (!pending_ && finished_.size() == total) {
      CO_RETURN_IF_ERROR(co_await Complete(true));
      co_return ExecutionOutcome::kFinished;
    }
    if (!pending_ && stop_ && !options_.durable) co_return ExecutionOutcome::kStopped;
    if (!pending_ && WantsCheckpoint()) {
      CO_RETURN_IF_ERROR(co_await Trigger());
      continue;
    }
    if (env_->Now() >= next_discovery_) {
      for (const GraphVertex& vertex : graph_->vertices) {
        if (vertex.source) CO_RETURN_IF_ERROR(co_await AssignSplits(vertex, true));
      }
    }
    if (!to_hold_.empty() && env_->Now() >= next_hold_) {
      CO_RETURN_IF_ERROR(co_await HoldRetention());
    }
    TimePoint deadline = next_discovery_;
    if (!to_hold_.empty()) deadline = std::min(deadline, next_hold_);
    if (options_.durable && !pending_) {
      if (env_->Now() >= next_checkpoint_) {
        next_checkpoint_ = env_->Now() + options_.checkpoint_interval;
      }
      deadline = std::min(deadline, next_checkpoint_);
    }
    if (pending_) deadline = std::min(deadline, pending_->began + options_.checkpoint_timeout);
    CO_ASSIGN_OR_RETURN(bool notified, co_await mailbox_->arrived().Wait(deadline));
    (void)notified;
  }
}

// What the subtasks have handed over is in no later checkpoint: there is no going on without it.
Status Execution::CheckTimeout() const {
  if (!pending_ || env_->Now() < pending_->began + options_.checkpoint_timeout) return Status::OK();
  std::string missing;
  for (const auto& [vertex, subtask] : pending_->waiting_for) {
    const auto& operators = graph_->vertices[static_cast<size_t>(vertex)].operators;
    if (!missing.empty()) missing += ", ";
    missing += operators.empty() ? PartName(vertex, subtask)
                                 : fmt::format("{} ({})", operators.back().name, subtask);
  }
  const auto limit =
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.checkpoint_timeout);
  return MakeError(ErrorCode::kTimedOut,
                   {.message = fmt::format("checkpoint {} was not done within {} ms", pending_->id,
                                           limit.count()),
                    .detail = "it waits for " + missing,
                    .hint = "'execution.checkpointing.timeout' gives it more time"});
}

Status Execution::Handle(SubtaskReport report) {
  if (report.vertex < 0) {
    early_requested_ = true;
    return Status::OK();
  }
  if (report.kind == SubtaskReport::Kind::kFailed) return report.error;
  std::pair<int, int> who(report.vertex, report.subtask);
  if (report.kind == SubtaskReport::Kind::kSnapshot) {
    if (!pending_ || pending_->id != report.checkpoint) return Status::OK();
    pending_->waiting_for.erase(who);
    pending_->reports.push_back(std::move(report));
    return Status::OK();
  }
  finished_.insert(who);
  // One that ends before the barrier reaches it takes part with all it has done.
  if (pending_ && pending_->waiting_for.erase(who) > 0) {
    pending_->reports.push_back(std::move(report));
  } else {
    final_reports_.push_back(std::move(report));
  }
  return Status::OK();
}

// Moves with everything that a checkpoint would keep.
int64_t Execution::ProgressToken() const {
  int64_t token = pending_output_.bytes.load();
  for (const auto& entry : metrics_.operators) {
    for (const auto& metrics : entry.subtasks) {
      token += metrics->rows_out.load() + metrics->rows_in.load() + metrics->bytes_in.load() +
               metrics->rejected_rows.load();
    }
  }
  return token + static_cast<int64_t>(finished_.size());
}

bool Execution::WantsCheckpoint() const {
  if (!options_.durable) return false;
  if (stop_ || early_requested_) return true;
  if (pending_output_.bytes > PendingOutput::kSoftLimitBytes) return true;
  return env_->Now() >= next_checkpoint_ && ProgressToken() != committed_token_;
}

Task<> Execution::Trigger() {
  Pending pending;
  pending.id = begun_epoch_ = epoch_ + 1;
  pending.began = env_->Now();
  pending.stop = stop_;
  // Those that ended before this checkpoint are a part of it; those that end after their barrier
  // are a part of the next one.
  pending.reports = std::exchange(final_reports_, {});
  early_requested_ = false;
  committed_token_ = ProgressToken();
  CO_RETURN_IF_ERROR(co_await store_->Prepare(pending.id));
  for (const GraphVertex& vertex : graph_->vertices) {
    for (int i = 0; i < vertex.parallelism; ++i) {
      if (!finished_.contains({vertex.id, i})) pending.waiting_for.emplace(vertex.id, i);
    }
  }
  pending_ = std::move(pending);
  for (const GraphVertex& vertex : graph_->vertices) {
    auto& row = subtasks_[static_cast<size_t>(vertex.id)];
    for (size_t i = 0; i < row.size(); ++i) {
      Subtask* subtask = row[i].get();
      std::string directory =
          store_->StateDirectory(pending_->id, PartName(vertex.id, static_cast<int>(i)));
      // In order: every subtask knows its directory before a barrier can reach it, because a
      // barrier is first posted after all of these.
      subtask->executor().scheduler()->Post(
          UniqueFunction([subtask, directory = std::move(directory)]() mutable {
            subtask->SetCheckpointDirectory(std::move(directory));
          }));
    }
  }
  SourceFeed::BarrierOptions barrier;
  barrier.last = pending_->stop.has_value();
  barrier.drain = pending_->stop && pending_->stop->drain;
  for (const GraphVertex& vertex : graph_->vertices) {
    if (!vertex.source) continue;
    for (auto& owned : subtasks_[static_cast<size_t>(vertex.id)]) {
      Subtask* subtask = owned.get();
      subtask->executor().scheduler()->Post(UniqueFunction(
          [subtask, id = pending_->id, barrier] { subtask->feed()->TriggerBarrier(id, barrier); }));
    }
  }
  co_return Status::OK();
}

CheckpointManifest Execution::MakeManifest(const Pending& pending) const {
  CheckpointManifest manifest;
  manifest.id = pending.id;
  manifest.job_id = options_.job_id;
  manifest.fingerprint = graph_->fingerprint;
  manifest.drained = pending.stop && pending.stop->drain;
  manifest.made_at_ms = env_->WallTime().value();
  manifest.statement = options_.statement;
  manifest.state_names = graph_->state_names;
  manifest.source_names = graph_->source_names;
  manifest.splits = ended_splits_;
  std::map<std::string, std::vector<std::string>> blobs;
  for (const SubtaskReport& report : pending.reports) {
    if (report.kind != SubtaskReport::Kind::kSnapshot) continue;
    const GraphVertex& vertex = graph_->vertices[static_cast<size_t>(report.vertex)];
    for (const auto& [operator_id, blob] : report.blobs) {
      blobs[std::to_string(operator_id)].push_back(blob);
    }
    auto& state = manifest.states.emplace_back();
    state.directory = PartName(report.vertex, report.subtask);
    for (const GraphOperator& op : vertex.operators) {
      state.node_ids.push_back(std::to_string(op.id));
    }
    if (!vertex.source) continue;
    for (const SplitProgress& split : report.splits) {
      manifest.splits.push_back(SavedSplit(vertex.source->node_id, split));
    }
  }
  for (auto& [node_id, parts] : blobs) manifest.operators.push_back({node_id, std::move(parts)});
  return manifest;
}

// A subtask that has ended is in no later checkpoint; where its splits ended is kept here.
void Execution::KeepEndedSplits(const Pending& pending) {
  for (const SubtaskReport& report : pending.reports) {
    const auto& source = graph_->vertices[static_cast<size_t>(report.vertex)].source;
    if (!source || report.kind != SubtaskReport::Kind::kFinished) continue;
    for (const SplitProgress& split : report.splits) {
      ended_splits_.push_back(SavedSplit(source->node_id, split));
    }
  }
}

Task<> Execution::Complete(bool final_one) {
  Pending pending;
  if (pending_) {
    pending = std::move(*pending_);
  } else {
    pending.id = begun_epoch_ = epoch_ + 1;
    pending.began = env_->Now();
    pending.reports = std::exchange(final_reports_, {});
  }
  pending_.reset();
  KeepEndedSplits(pending);
  storage::EpochCommit commit;
  commit.job_id = options_.job_id;
  commit.epoch = pending.id;
  commit.metadata = final_one
                        ? kFinishedMetadata
                        : fmt::format("{}{}", pending.stop ? kStopPrefix : "chk-", pending.id);
  int64_t bytes = 0;
  for (SubtaskReport& report : pending.reports) {
    for (auto& append : report.appends) {
      bytes += static_cast<int64_t>(append.batch.size());
      commit.appends.push_back(std::move(append));
    }
  }
  if (!options_.durable) {
    if (!commit.appends.empty()) {
      co_return MakeError(ErrorCode::kUnsupported, "a sink of the log needs a durable job");
    }
    co_return Status::OK();
  }
  CheckpointManifest manifest = MakeManifest(pending);
  if (!final_one) CO_RETURN_IF_ERROR(co_await store_->Complete(manifest));
  env_->CrashPoint("checkpoint.commit");
  // The one write that makes the epoch happen.
  CO_RETURN_IF_ERROR(co_await log_->CommitEpoch(std::move(commit)));
  epoch_ = pending.id;
  pending_output_.bytes -= bytes;
  metrics_.checkpoint.id = pending.id;
  metrics_.checkpoint.completed_at_ms = env_->WallTime().value();
  metrics_.checkpoint.duration_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(env_->Now() - pending.began).count();
  next_checkpoint_ = std::max(pending.began + options_.checkpoint_interval, env_->Now());
  if (options_.on_epoch && !final_one) options_.on_epoch(epoch_);
  CO_RETURN_IF_ERROR(co_await NotifySources(manifest));
  IgnoreError(co_await store_->Prune(epoch_, options_.retained_checkpoints),
              "an old checkpoint that stays is removed by the next one");
  co_return Status::OK();
}

Task<> Execution::NotifySources(const CheckpointManifest& manifest) {
  SourcePositions all;
  for (const auto& split : manifest.splits) {
    all[split.node_id].push_back({split.split_id, split.position});
  }
  for (const GraphVertex& vertex : graph_->vertices) {
    if (!vertex.source) continue;
    std::vector<connector::SourceSplit> positions = all[vertex.source->node_id];
    CO_RETURN_IF_ERROR(co_await vertex.source->source->OnCheckpointComplete(std::move(positions)));
  }
  NoteHolds(all);
  co_return Status::OK();
}

// A topic that several sources read is held for the one that is least far.
void Execution::NoteHolds(const SourcePositions& positions) {
  if (!options_.durable) return;
  to_hold_.clear();
  for (const GraphVertex& vertex : graph_->vertices) {
    if (!vertex.source) continue;
    auto* holding = dynamic_cast<connector::HoldingSource*>(vertex.source->source.get());
    const auto read = positions.find(vertex.source->node_id);
    if (holding == nullptr || read == positions.end()) continue;
    for (const auto& [partition, from] : holding->HeldFrom(read->second)) {
      auto [it, is_first] = to_hold_.emplace(partition, from);
      if (!is_first) it->second = std::min(it->second, from);
    }
  }
}

Task<> Execution::HoldRetention() {
  next_hold_ = env_->Now() + kHoldInterval;
  const auto wanted = std::exchange(to_hold_, {});
  for (const auto& [partition, from] : wanted) {
    const auto held = held_.find(partition);
    if (held != held_.end() && held->second == from) continue;
    Status pinned =
        co_await log_->PinRetention(connector::SourcesHolderOf(options_.job_id), partition, from);
    // Gone meanwhile: whoever reads it says so.
    if (Is(pinned, ErrorCode::kUnknownTopicId)) continue;
    CO_RETURN_IF_ERROR(pinned);
    held_[partition] = from;
  }
  co_return Status::OK();
}

}  // namespace mainstem::process
