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
  Status status;
  while (is_changing_ && status.ok()) status = (co_await change_ended_.Wait()).status();
  if (status.ok()) {
    is_changing_ = true;
    status = co_await std::move(change);
    is_changing_ = false;
    change_ended_.NotifyAll();
  }
  outcome->status = status;
  outcome->ended.NotifyAll();
  co_return status;
}

Task<> JobManagerImpl::CheckKept(connector::KeptJob kept) {
  co_return PlanJobs(kept.script, kept.settings).status();
}

Task<> JobManagerImpl::PutHere(connector::KeptJob kept) {
  auto found = jobs_.find(kept.id);
  if (found == jobs_.end()) {
    SubmitOptions options{
        .id = std::move(kept.id), .name = std::move(kept.name), .settings = kept.settings};
    co_return (co_await SubmitHere(std::move(kept.script), std::move(options))).status();
  }
  Job* job = found->second.get();
  if (job->record.script == kept.script) co_return Status::OK();
  co_return co_await Replace(job, std::move(kept));
}

// The checkpoint, and the topic with what is not delivered, are by the job's id: they stay. Cut off
// before the record is written, the old script goes on.
Task<> JobManagerImpl::Replace(Job* job, connector::KeptJob kept) {
  CO_ASSIGN_OR_RETURN(PlannedJobs planned, PlanJobs(kept.script, kept.settings));
  Result<plan::Answer> before = PlanOf(job->record);
  if (planned.size() != 1 || (before.ok() && !HasSameSinks(before->plan, planned[0].second.plan))) {
    co_return MakeError(ErrorCode::kUnsupported,
                        "job '" + job->record.id + "' can't go on with other sinks than it has");
  }
  CO_RETURN_IF_ERROR(co_await CloseSavepoint(job));
  if (job->scope) CO_RETURN_IF_ERROR(co_await RunToEnd(home_, job->scope->Close()));
  Status let_go = co_await LetGoOfDelivered(job);
  if (Is(let_go, ErrorCode::kCancelled)) co_return let_go;
  if (!let_go.ok()) {
    logger_.Warning("a job leaves its destinations as they are",
                    {{"job", job->record.id}, {"error", let_go}});
  }
  env()->CrashPoint("job.replace");
  job->record.script = std::move(kept.script);
  job->record.settings = std::move(kept.settings);
  job->record.name = std::move(kept.name);
  job->record.statement_index = static_cast<uint32_t>(planned[0].first);
  ++job->record.generation;
  job->record.state = JobState::kRunning;
  job->record.finished_at_ms = 0;
  CO_RETURN_IF_ERROR(co_await Persist(job));
  co_return Relaunch(job);
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

Task<> JobManagerImpl::DropHere(std::string id) {
  if (!jobs_.contains(id)) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await CancelHere(id));
  co_return co_await DeleteHere(std::move(id));
}

Task<bool> JobManagerImpl::HasHere(std::string id) { co_return jobs_.contains(id); }

}  // namespace mainstem::process
