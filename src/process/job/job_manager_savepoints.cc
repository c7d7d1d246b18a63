// The part of the job manager that keeps account of savepoints. Before one is begun its folder is
// kept with the job, so that a start after a crash removes what is not whole, or goes on with the
// stop that it belongs to.
#include <arrow/api.h>

#include "core/durable_folder.h"
#include "core/run_to_end.h"
#include "process/checkpoint/savepoint_store.h"
#include "process/job/job_manager_impl.h"
#include "process/job/job_settings.h"

namespace mainstem::process {

StopRequest JobManagerImpl::RequestOf(const JobRecord& record) {
  StopRequest request;
  request.savepoint = record.pending_savepoint;
  request.options.drain = record.pending_stop == JobRecord::PendingStop::kDrain;
  request.options.at_last_epoch = record.pending_stop == JobRecord::PendingStop::kAtLastEpoch;
  return request;
}

Status JobManagerImpl::StopOutcome(const JobRunner& runner, const Status& status) {
  if (runner.state() == JobState::kStopped) return runner.savepoint_outcome();
  if (!status.ok()) return status;
  return MakeError(
      ErrorCode::kInvalidArgument,
      "the job was " + std::string(ToString(runner.state())) + " before the savepoint was taken");
}

void JobManagerImpl::SettleSavepoint(Job* job, std::string path, Status outcome) {
  if (job->record.pending_savepoint != path) return;
  if (outcome.ok()) {
    job->record.savepoint = std::move(path);
    job->record.savepoint_at_ms = env()->WallTime().value();
  } else {
    logger_.Warning("savepoint failed", {{"job", job->record.id}, {"error", outcome}});
  }
  job->savepoint_failure = std::move(outcome);
  job->record.pending_savepoint.clear();
  job->record.pending_stop = JobRecord::PendingStop::kNone;
}

Task<> JobManagerImpl::DropPending(Job* job, Status why) {
  const std::string path = job->record.pending_savepoint;
  if (path.empty()) co_return Status::OK();
  SavepointStore savepoints(env(), state_);
  auto whole = co_await savepoints.RemoveUnlessWhole(path);
  if (Is(whole.status(), ErrorCode::kCancelled)) co_return whole.status();
  SettleSavepoint(job, path, whole.ok() && *whole ? Status::OK() : why);
  co_return Status::OK();
}

Task<> JobManagerImpl::SettleAfterCrash(Job* job) {
  JobRecord& record = job->record;
  if (record.pending_savepoint.empty()) co_return Status::OK();
  SavepointStore savepoints(env(), state_);
  auto whole = co_await savepoints.RemoveUnlessWhole(record.pending_savepoint);
  const bool is_whole = whole.ok() && *whole;
  const bool stops = record.pending_stop != JobRecord::PendingStop::kNone;
  if (stops && !is_whole && !IsTerminal(record.state)) co_return Status::OK();
  if (stops && is_whole) {
    record.state = JobState::kStopped;
    record.finished_at_ms = env()->WallTime().value();
  }
  Status lost = MakeError(ErrorCode::kCancelled, "the node ended before it was whole");
  SettleSavepoint(job, record.pending_savepoint, is_whole ? Status::OK() : std::move(lost));
  co_return co_await Persist(job);
}

Task<> JobManagerImpl::CloseSavepoint(Job* job) {
  if (!job->savepoint) co_return Status::OK();
  co_return co_await RunToEnd(home_, job->savepoint->Close());
}

Task<std::string> JobManagerImpl::NewSavepoint(Job* job, std::string folder) {
  const JobRecord& record = job->record;
  if (!job->durable || !options_.recovers_jobs) {
    co_return MakeError(ErrorCode::kUnsupported,
                        {.message = "this job keeps no checkpoints, so it has no savepoint",
                         .hint = "submit it to a node with a data folder"});
  }
  if (!record.pending_savepoint.empty()) {
    co_return MakeError(ErrorCode::kAlreadyExists,
                        fmt::format("a savepoint of job '{}' is being taken: {}", record.id,
                                    record.pending_savepoint));
  }
  if (record.state == JobState::kFinished || record.state == JobState::kCancelled) {
    co_return MakeError(ErrorCode::kInvalidArgument,
                        fmt::format("job '{}' is {}: there is nothing to go on with", record.id,
                                    ToString(record.state)));
  }
  CO_ASSIGN_OR_RETURN(plan::Answer answer, PlanOf(record));
  if (answer.plan.batch) {
    co_return MakeError(ErrorCode::kUnsupported,
                        {.message = "a job in batch mode has no savepoints",
                         .hint = "it ends by itself; STOP JOB without a savepoint cancels it"});
  }
  CO_ASSIGN_OR_RETURN(std::string parent, SavepointFolderOf(options_, answer.plan, folder));
  CO_RETURN_IF_ERROR(co_await MakeDurableFolder(&env()->files(), parent));
  co_return fmt::format("{}/savepoint-{}-{:08x}", parent, record.id, env()->Random() & 0xffffffff);
}

Task<std::string> JobManagerImpl::TakeSavepointHere(std::string id, SavepointOptions options) {
  CO_ASSIGN_OR_RETURN(HeldJob held, co_await Hold(id));
  Job* job = held.get();
  CO_ASSIGN_OR_RETURN(std::string path, co_await NewSavepoint(job, options.folder));
  if (IsTerminal(job->record.state)) {
    co_return co_await StopAt(std::move(held), path, JobRecord::PendingStop::kAtLastEpoch);
  }
  job->record.pending_savepoint = path;
  Status begun = co_await CloseSavepoint(job);
  if (begun.ok()) begun = co_await Persist(job);
  if (job->record.pending_savepoint != path) {
    co_return MakeError(ErrorCode::kCancelled, "the job has ended meanwhile");
  }
  if (!begun.ok()) {
    SettleSavepoint(job, path, begun);
    co_return begun;
  }
  auto outcome = std::make_shared<ChangeOutcome>(home_);
  job->savepoint = std::make_unique<TaskScope>(home_, "savepoint/" + id,
                                               [](const std::string&, const Status&) {});
  job->savepoint->Spawn("savepoint", RunSavepoint(job, path, outcome));
  held.LetGo();
  while (!outcome->status) {
    CO_ASSIGN_OR_RETURN(bool notified, co_await outcome->ended.Wait());
    (void)notified;
  }
  CO_RETURN_IF_ERROR(*outcome->status);
  co_return path;
}

Task<> JobManagerImpl::RunSavepoint(Job* job, std::string path,
                                    std::shared_ptr<ChangeOutcome> outcome) {
  Status status = co_await job->runner->TakeSavepoint(path);
  if (!Is(status, ErrorCode::kCancelled)) {
    if (status.ok()) {
      SettleSavepoint(job, path, status);
    } else {
      status = co_await DropFailed(job, std::move(status));
    }
    Status kept = co_await Persist(job);
    if (status.ok()) status = kept;
  }
  outcome->status = status;
  outcome->ended.NotifyAll();
  co_return Status::OK();
}

Task<> JobManagerImpl::DropFailed(Job* job, Status why) {
  CO_RETURN_IF_ERROR(co_await DropPending(job, why));
  co_return why;
}

Task<std::string> JobManagerImpl::StopWithSavepointHere(std::string id, StopJobOptions options) {
  CO_ASSIGN_OR_RETURN(HeldJob held, co_await Hold(id));
  CO_ASSIGN_OR_RETURN(std::string path, co_await NewSavepoint(held.get(), options.folder));
  auto how = options.drain ? JobRecord::PendingStop::kDrain : JobRecord::PendingStop::kStop;
  if (IsTerminal(held->record.state)) {
    if (options.drain) {
      co_return MakeError(ErrorCode::kInvalidArgument,
                          {.message = "job '" + id + "' does not run: nothing can be drained",
                           .hint = "resume it first, or leave out the drain"});
    }
    how = JobRecord::PendingStop::kAtLastEpoch;
  }
  co_return co_await StopAt(std::move(held), std::move(path), how);
}

Task<std::string> JobManagerImpl::StopAt(HeldJob held, std::string path,
                                         JobRecord::PendingStop how) {
  const bool is_running = how != JobRecord::PendingStop::kAtLastEpoch;
  if (!is_running && held->scope) CO_RETURN_IF_ERROR(co_await held->scope->Join());
  const JobState state = held->record.state;
  held->record.pending_savepoint = path;
  held->record.pending_stop = how;
  // Why it has failed is still of interest when it is stopped.
  if (!is_running) held->record.state = JobState::kRunning;
  Status begun = co_await Persist(held.get());
  if (begun.ok() && !is_running) begun = Relaunch(held.get());
  if (!begun.ok()) {
    if (!is_running) held->record.state = state;
    SettleSavepoint(held.get(), path, begun);
    Status kept = co_await Persist(held.get());
    if (!kept.ok()) {
      // The next start of the node goes on with what was written down.
      logger_.Warning("a stop is not taken back", {{"job", held->record.id}, {"error", kept}});
    }
    co_return begun;
  }
  if (is_running) held->runner->RequestStop(RequestOf(held->record));
  std::shared_ptr<Job> job = held.LetGo();
  std::shared_ptr<TaskScope> scope = job->scope;
  CO_RETURN_IF_ERROR(co_await scope->Join());
  if (job->record.savepoint == path) co_return path;
  CO_RETURN_IF_ERROR(job->savepoint_failure);
  co_return MakeError(ErrorCode::kCancelled,
                      "the node ends; it goes on with the stop when it starts");
}

}  // namespace mainstem::process
