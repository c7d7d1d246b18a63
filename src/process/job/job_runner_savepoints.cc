// The part of JobRunner that takes savepoints. A savepoint is complete when everything before it
// has been delivered: rows that a job has committed for a destination lie in its internal topic,
// which no other job reads.
#include "process/checkpoint/savepoint_store.h"
#include "process/job/job_runner.h"

namespace mainstem::process {
namespace {

constexpr Duration kDeliveryPoll = std::chrono::milliseconds(5);

bool IsOver(JobState state) { return IsTerminal(state) || state == JobState::kFinishing; }

Status OverBefore(const JobDescription& job) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("job '{}' is {}, before the savepoint was taken", job.id,
                                           ToString(job.state)),
                    .detail = job.error});
}

}  // namespace

void JobRunner::OnEpoch(int64_t epoch) {
  if (wanted_epoch_ == 0 || epoch < wanted_epoch_) return;
  wanted_epoch_ = 0;
  wants_savepoint_ = false;
  held_epoch_ = epoch;
  store_->Hold(epoch);
  savepoint_moved_.NotifyAll();
}

Task<> JobRunner::AwaitHeldCheckpoint(TimePoint deadline) {
  wants_savepoint_ = true;
  if (is_attempting_) wanted_epoch_ = execution_->RequestCheckpoint();
  while (held_epoch_ == 0) {
    if (IsOver(description_.state)) co_return OverBefore(description_);
    CO_ASSIGN_OR_RETURN(bool notified, co_await savepoint_moved_.Wait(deadline));
    if (!notified && held_epoch_ == 0) {
      co_return MakeError(ErrorCode::kTimedOut,
                          {.message = "the job took no checkpoint for the savepoint in time",
                           .detail = description_.error,
                           .hint = "'execution.checkpointing.timeout' says how long it may take"});
    }
  }
  co_return Status::OK();
}

Task<> JobRunner::AwaitDeliveries(TimePoint deadline) {
  for (auto& delivery : deliveries_) CO_RETURN_IF_ERROR(co_await delivery->AskToCatchUp());
  for (auto& delivery : deliveries_) {
    while (!delivery->HasCaughtUp()) {
      if (IsTerminal(description_.state)) co_return OverBefore(description_);
      if (environment_->env->Now() >= deadline) {
        const SinkDescription sink = delivery->Describe();
        co_return MakeError(
            ErrorCode::kTimedOut,
            {.message = fmt::format(
                 "table {} has not taken in time what comes before the savepoint", sink.name),
             .detail = sink.last_error,
             .hint = "'execution.checkpointing.timeout' says how long it may take"});
      }
      CO_RETURN_IF_ERROR(co_await Sleep(kDeliveryPoll));
    }
  }
  co_return Status::OK();
}

Task<> JobRunner::WriteSavepoint(int64_t epoch, std::string directory) {
  SavepointStore savepoints(environment_->env, environment_->state);
  CO_ASSIGN_OR_RETURN(auto written,
                      co_await savepoints.Write(&*store_, epoch, std::move(directory)));
  (void)written;  // one of before is of the same stop
  co_return Status::OK();
}

Task<> JobRunner::TakeSavepoint(std::string directory) {
  const TimePoint deadline = environment_->env->Now() + options_.checkpoint_timeout;
  Status status = co_await AwaitHeldCheckpoint(deadline);
  if (status.ok()) status = co_await AwaitDeliveries(deadline);
  if (status.ok()) status = co_await WriteSavepoint(held_epoch_, std::move(directory));
  wants_savepoint_ = false;
  wanted_epoch_ = 0;
  if (held_epoch_ != 0) store_->Release(held_epoch_);
  held_epoch_ = 0;
  co_return status;
}

// The job is still stopped when this fails: its checkpoint is there, and can become a savepoint
// elsewhere.
Task<> JobRunner::LeaveStopSavepoint() {
  std::string directory = stop_->savepoint;
  CO_RETURN_IF_ERROR(co_await DrainDeliveries(false));
  const int64_t epoch = execution_->metrics().checkpoint.id;
  savepoint_outcome_ = co_await WriteSavepoint(epoch, std::move(directory));
  if (Is(savepoint_outcome_, ErrorCode::kCancelled)) co_return savepoint_outcome_;
  co_return Status::OK();
}

Task<> CheckSavepointFits(const JobEnvironment& environment, const plan::Plan& plan,
                          JobRunnerOptions options) {
  if (options.restore_from.empty()) co_return Status::OK();
  SavepointStore savepoints(environment.env, environment.state);
  CO_ASSIGN_OR_RETURN(CheckpointManifest manifest, co_await savepoints.Load(options.restore_from));
  GraphOptions graph_options;
  graph_options.job_id = options.job_id;
  graph_options.parallelism = options.parallelism;
  graph_options.registry = environment.registry;
  graph_options.context = environment.context;
  graph_options.context.time_zone = plan.time_zone;
  CO_ASSIGN_OR_RETURN(JobGraph graph, BuildJobGraph(plan, graph_options));
  const FitOptions fit{.what = "savepoint " + options.restore_from,
                       .ignore_unclaimed = options.ignore_unclaimed_state};
  co_return FitManifest(std::move(manifest), graph.state_names, graph.source_names, fit).status();
}

}  // namespace mainstem::process
