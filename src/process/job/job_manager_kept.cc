// The part of the job manager that keeps jobs for others (connector/job_service.h).
#include <arrow/api.h>

#include "core/run_to_end.h"
#include "process/job/job_manager_impl.h"

namespace mainstem::process {
namespace {

// What is not delivered lies in a topic of the sink: it must be one of the new plan, too.
bool HasSameSinks(const plan::Plan& before, const plan::Plan& after) {
  if (before.sinks.size() != after.sinks.size()) return false;
  for (size_t i = 0; i < before.sinks.size(); ++i) {
    if (before.sinks[i]->id != after.sinks[i]->id) return false;
  }
  return true;
}

bool IsTopicGone(const Status& status) {
  return Is(status, ErrorCode::kUnknownTopic) || Is(status, ErrorCode::kUnknownTopicId);
}

}  // namespace

Task<> JobManagerImpl::Change(Task<> change) {
  if (!changes_ || changes_->cancelled()) {
    co_return MakeError(ErrorCode::kCancelled, "the node starts or stops");
  }
  auto outcome = std::make_shared<ChangeOutcome>(home_);
  changes_->Spawn("change", RunChange(std::move(change), outcome));
  while (!outcome->status) CO_RETURN_IF_ERROR(co_await outcome->ended.Wait());
  co_return *outcome->status;
}

Task<> JobManagerImpl::RunChange(Task<> change, std::shared_ptr<ChangeOutcome> outcome) {
  Status status = co_await std::move(change);
  outcome->status = status;
  outcome->ended.NotifyAll();
  co_return status;
}

Task<> JobManagerImpl::CheckKept(connector::KeptJob kept) {
  co_return PlanJobs(kept.script, kept.settings).status();
}

Task<> JobManagerImpl::PutHere(connector::KeptJob kept) {
  Result<HeldJob> held = co_await Hold(kept.id);
  if (held.ok() && !(*held)->is_forgotten) {
    Job* job = held->get();
    if (job->record.script == kept.script) co_return Status::OK();
    co_return co_await Replace(job, std::move(kept));
  }
  if (held.ok()) {
    CO_RETURN_IF_ERROR(co_await Forget(held->get()));
  } else if (!Is(held.status(), ErrorCode::kNotFound)) {
    co_return held.status();
  }
  SubmitOptions options{
      .id = std::move(kept.id), .name = std::move(kept.name), .settings = kept.settings};
  co_return (co_await SubmitHere(std::move(kept.script), std::move(options))).status();
}

// The checkpoint, and the topic with what is not delivered, are by the job's id: they stay. Cut off
// before the record is written, or when it can't be, the old script goes on.
Task<> JobManagerImpl::Replace(Job* job, connector::KeptJob kept) {
  const std::string version(plan::kPlanVersionKey);
  kept.settings[version] = job->record.settings.at(version);
  CO_ASSIGN_OR_RETURN(PlannedJobs planned, PlanJobs(kept.script, kept.settings));
  Result<plan::Answer> before = PlanOf(job->record);
  if (planned.size() != 1 || (before.ok() && !HasSameSinks(before->plan, planned[0].second.plan))) {
    co_return MakeError(ErrorCode::kUnsupported,
                        "job '" + job->record.id + "' can't go on with other sinks than it has");
  }
  CO_RETURN_IF_ERROR(co_await EndWork(job));
  // A stop goes on with the new script; a savepoint that was taken beside the work can't.
  if (job->record.pending_stop == JobRecord::PendingStop::kNone) {
    CO_RETURN_IF_ERROR(co_await DropPending(
        job, MakeError(ErrorCode::kCancelled, "the job was changed before it was whole")));
  }
  const bool is_running = !IsTerminal(job->record.state);
  Status changed = co_await ChangeScript(job, std::move(kept), planned[0].first);
  if (changed.ok()) co_return co_await RelaunchOrFail(job);
  if (is_running && !Is(changed, ErrorCode::kCancelled)) {
    CO_RETURN_IF_ERROR(co_await RelaunchOrFail(job));
  }
  co_return changed;
}

Task<> JobManagerImpl::ChangeScript(Job* job, connector::KeptJob kept, size_t statement_index) {
  Status let_go = co_await LetGoOfDelivered(job);
  // The log's own trouble passes; without it the new destination would get what the old one has.
  if (!let_go.ok() && IsRetriable(let_go) && !IsTopicGone(let_go)) co_return let_go;
  if (!let_go.ok()) {
    logger_.Warning("a job leaves its destinations as they are",
                    {{"job", job->record.id}, {"error", let_go}});
  }
  env()->CrashPoint("job.replace");
  JobRecord before = job->record;
  job->record.script = std::move(kept.script);
  job->record.settings = std::move(kept.settings);
  job->record.name = std::move(kept.name);
  job->record.statement_index = static_cast<uint32_t>(statement_index);
  ++job->record.generation;
  job->record.state = JobState::kRunning;
  job->record.finished_at_ms = 0;
  Status persisted = co_await Persist(job);
  if (!persisted.ok()) job->record = std::move(before);
  co_return persisted;
}

Task<> JobManagerImpl::LetGoOfDelivered(Job* job) {
  if (job->runner == nullptr) {  // had ended before the node was started
    CO_ASSIGN_OR_RETURN(plan::Answer answer, PlanOf(job->record));
    CO_ASSIGN_OR_RETURN(JobRunnerOptions options, OptionsFor(job->record, answer.plan));
    auto plan = std::make_shared<const plan::Plan>(std::move(answer.plan));
    job->runner = std::make_unique<JobRunner>(&environment_, std::move(plan), std::move(options));
  }
  co_return co_await job->runner->LetGoOfDelivered();
}

// Of one that is not there something may be left: an earlier version removed its record first.
Task<> JobManagerImpl::DropHere(std::string id) {
  Result<HeldJob> job = co_await Hold(id);
  if (Is(job.status(), ErrorCode::kNotFound)) co_return co_await RemoveTraces(std::move(id));
  CO_RETURN_IF_ERROR(job.status());
  CO_RETURN_IF_ERROR(co_await Cancel(job->get()));
  CO_RETURN_IF_ERROR(co_await EndWork(job->get()));
  co_return co_await Forget(job->get());
}

Task<bool> JobManagerImpl::HasHere(std::string id) {
  Result<std::shared_ptr<Job>> job = Find(id);
  co_return job.ok() && !(*job)->is_forgotten;
}

}  // namespace mainstem::process
