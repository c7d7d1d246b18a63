// How JobManager is made: the jobs of a node, scripts that run now, and savepoints, each in a file
// of its own. Lives on shard 0; the public calls hop there.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sync.h"
#include "process/expr/function_registry.h"
#include "process/job/job_manager.h"
#include "process/job/job_record_format.h"
#include "process/job/job_runner.h"
#include "process/plan/session.h"
#include "process/state/state_memory.h"

namespace mainstem::process {

// A job known to this node, running or not. Shared by the manager and by calls that wait for it,
// which may outlast it; changed through HeldJob only, and by its own tasks.
struct Job {
  explicit Job(Executor home) : let_go(home) {}
  JobRecord record;
  std::string statement;
  bool durable = false;       // kept in the log's meta values
  bool is_forgotten = false;  // what is left of it is being removed
  std::unique_ptr<JobRunner> runner;
  std::shared_ptr<TaskScope> scope;  // whoever waits for it shares it: a resumed job has another
  std::unique_ptr<TaskScope> savepoint;  // the one that is being taken beside the job's work
  Status savepoint_failure;              // of the last one, if it failed
  bool is_held = false;
  Event let_go;  // is_held may be false now
};

// The only right to change a job, over all that the change waits for: commands come one after the
// other. Those that wait for the job's own work (a stop, a savepoint) let go of it before, so that
// a cancellation can end them. Home shard.
class HeldJob {
 public:
  explicit HeldJob(std::shared_ptr<Job> job);
  HeldJob(HeldJob&&) = default;
  HeldJob& operator=(HeldJob&&) = delete;
  ~HeldJob();
  Job* get() const { return job_.get(); }
  Job* operator->() const { return job_.get(); }
  // The job stays alive with the caller.
  std::shared_ptr<Job> LetGo();

 private:
  std::shared_ptr<Job> job_;  // null when let go of
};

// How a savepoint, or a change of a job, ended, for whoever waits for it; outlives the job.
struct ChangeOutcome {
  explicit ChangeOutcome(Executor executor) : ended(executor) {}
  Event ended;
  std::optional<Status> status;
};

class JobManagerImpl final : public JobManager {
 public:
  JobManagerImpl(Env* env, storage::Log* log, const connector::ConnectorRegistry* registry,
                 JobManagerOptions options, Logger logger);

  Task<> Start() override { return RunOn(home_, StartHere()); }
  Task<> Stop() override { return RunOn(home_, StopHere()); }
  Task<std::vector<std::string>> Submit(std::string script, SubmitOptions options) override {
    return RunOn(home_, SubmitHere(std::move(script), std::move(options)));
  }
  Task<> Execute(std::string script, ExecuteOptions options, ResultListener* listener) override {
    return RunOn(home_, ExecuteHere(std::move(script), std::move(options), listener));
  }
  Task<std::string> Explain(std::string script) override {
    return RunOn(home_, ExplainHere(std::move(script)));
  }
  Task<std::vector<JobDescription>> ListJobs() override { return RunOn(home_, ListHere()); }
  Task<JobDescription> DescribeJob(std::string id) override {
    return RunOn(home_, DescribeHere(std::move(id)));
  }
  Task<WatermarkReport> ExplainWatermark(std::string id) override {
    return RunOn(home_, WatermarkHere(std::move(id)));
  }
  Task<std::vector<TableCheck>> CheckScript(std::string script, CheckOptions options) override {
    return RunOn(home_, CheckHere(std::move(script), std::move(options)));
  }
  Task<> CancelJob(std::string id) override { return RunOn(home_, CancelHere(std::move(id))); }
  Task<> StopJob(std::string id) override { return RunOn(home_, StopJobHere(std::move(id))); }
  Task<> ResumeJob(std::string id, ResumeMode mode) override {
    return RunOn(home_, ResumeHere(std::move(id), mode));
  }
  Task<> AcceptLostPositions(std::string id) override {
    return RunOn(home_, AcceptLostHere(std::move(id)));
  }
  Task<> DeleteJob(std::string id) override { return RunOn(home_, DeleteHere(std::move(id))); }
  Task<> CheckJob(connector::KeptJob job) override {
    return RunOn(home_, CheckKept(std::move(job)));
  }
  Task<> PutJob(connector::KeptJob job) override {
    return RunOn(home_, Change(PutHere(std::move(job))));
  }
  Task<> DropJob(std::string id) override { return RunOn(home_, Change(DropHere(std::move(id)))); }
  Task<bool> HasJob(std::string id) override { return RunOn(home_, HasHere(std::move(id))); }
  Task<std::string> TakeSavepoint(std::string id, SavepointOptions options) override {
    return RunOn(home_, TakeSavepointHere(std::move(id), std::move(options)));
  }
  Task<std::string> StopJobWithSavepoint(std::string id, StopJobOptions options) override {
    return RunOn(home_, StopWithSavepointHere(std::move(id), std::move(options)));
  }

 private:
  Env* env() const { return environment_.env; }
  storage::Log* log() const { return environment_.log; }

  // ---- scripts (job_scripts.cc)
  std::unique_ptr<plan::Session> NewSession() const;
  Status ApplySettings(const std::map<std::string, std::string>& settings,
                       plan::Session* session) const;
  // The plan of one statement of a script, by running the statements before it.
  Result<plan::Answer> PlanOf(const JobRecord& record) const;

  // ---- jobs (job_manager.cc)
  std::string NewId(const std::string& name);
  Task<> Persist(Job* job);
  JobRecord MakeRecord(const plan::Plan& plan, const std::string& script, size_t index,
                       const SubmitOptions& options);
  Result<JobRunnerOptions> OptionsFor(const JobRecord& record, const plan::Plan& plan) const;
  Status Launch(Job* job, plan::Plan plan, bool fail_fast);
  // Keeps the record in step with how the job ended. A job cut off by Stop stays as it was.
  Task<> RunJob(Job* job);
  Result<std::shared_ptr<Job>> Find(const std::string& id) const;
  // Waits until nobody else changes it. kNotFound, also when it was forgotten meanwhile.
  Task<HeldJob> Hold(std::string id);
  Task<> StartHere();
  using PlannedJobs = std::vector<std::pair<size_t, plan::Answer>>;  // with the statement's index
  Result<PlannedJobs> PlanJobs(const std::string& text,
                               const std::map<std::string, std::string>& settings) const;
  Status Relaunch(Job* job);
  // One that can't be is kFailed, and says why.
  Task<> RelaunchOrFail(Job* job);
  Task<> FinishForgetting();
  // `stored`: the records of all jobs that are kept.
  Task<> RemoveOrphans(const std::map<std::string, std::string>& stored);
  // Of a job that has ended: what it worked with. Its checkpoints stay until it is forgotten, since
  // a job that is kept for others goes on even when it was cancelled.
  Task<> RemoveUnusedState(const Job& job);
  Task<> SampleAll();
  Task<> StopHere();
  Task<std::vector<std::string>> SubmitHere(std::string text, SubmitOptions options);
  Task<std::shared_ptr<Job>> AddJob(std::string script, size_t index, plan::Answer answer,
                                    SubmitOptions options, bool durable, bool fail_fast);

  Task<> ExecuteHere(std::string text, ExecuteOptions options, ResultListener* listener);
  Task<> ExecuteStatement(const sql::Statement& statement, size_t index, const std::string& script,
                          const ExecuteOptions& options, plan::Session* session,
                          ResultListener* listener, std::vector<std::string>* temporary);
  Task<> Carry(plan::Answer answer, size_t index, const std::string& script,
               const ExecuteOptions& options, ResultListener* listener,
               std::vector<std::string>* temporary, std::string* message);
  Task<> ShowJobs(const plan::Answer& answer, ResultListener* listener);
  Task<> ShowWatermark(const plan::Answer& answer, ResultListener* listener);
  Task<> StopBySql(const plan::Answer& answer, ResultListener* listener);
  // `message`: what is to be said at the end.
  Task<> RunQuery(plan::Answer answer, ResultListener* listener, std::string* message);
  Task<> RemoveTemporary(std::string id);
  Task<std::string> ExplainHere(std::string text);
  Task<std::vector<TableCheck>> CheckHere(std::string text, CheckOptions options);

  JobDescription DescriptionOf(const Job& job) const;
  Task<std::vector<JobDescription>> ListHere();
  Task<JobDescription> DescribeHere(std::string id);
  Task<WatermarkReport> WatermarkHere(std::string id);
  Task<> CancelHere(std::string id);
  Task<> Cancel(Job* job);
  // Cuts its tasks off; the record stays.
  Task<> EndWork(Job* job);
  Task<> StopJobHere(std::string id);
  Task<> ResumeHere(std::string id, ResumeMode mode);
  Status CheckNoSuccessor(const JobRecord& record) const;
  Task<> AcceptLostHere(std::string id);
  Task<> DeleteHere(std::string id);

  // ---- kept for others (job_manager_kept.cc)
  // Goes on when the caller goes away, until Stop.
  Task<> Change(Task<> change);
  Task<> RunChange(Task<> change, std::shared_ptr<ChangeOutcome> outcome);
  Task<> CheckKept(connector::KeptJob kept);
  Task<> PutHere(connector::KeptJob kept);
  Task<> Replace(Job* job, connector::KeptJob kept);
  // Durable when it returns; else the record is as it was.
  Task<> ChangeScript(Job* job, connector::KeptJob kept, size_t statement_index);
  Task<> LetGoOfDelivered(Job* job);
  Task<> DropHere(std::string id);
  Task<bool> HasHere(std::string id);

  // ---- savepoints (job_manager_savepoints.cc)
  static StopRequest RequestOf(const JobRecord& record);
  static Status StopOutcome(const JobRunner& runner, const Status& status);
  // The savepoint at `path` has ended, well or not. Nothing if it is not the pending one any more.
  void SettleSavepoint(Job* job, std::string path, Status outcome);
  // Removes what is there of the pending savepoint, unless there is none or it is whole after all.
  Task<> DropPending(Job* job, Status why);
  // A stop goes on with the job that is launched, unless its savepoint, and so all, is done.
  Task<> SettleAfterCrash(Job* job);
  Task<> CloseSavepoint(Job* job);
  // The path of a new savepoint of a job that can give one; its parent folder is there.
  Task<std::string> NewSavepoint(Job* job, std::string folder);
  Task<std::string> TakeSavepointHere(std::string id, SavepointOptions options);
  // Goes on when the caller goes away. What Stop or a cancellation of the job cuts off is cleared
  // away by them.
  Task<> RunSavepoint(Job* job, std::string path, std::shared_ptr<ChangeOutcome> outcome);
  Task<> DropFailed(Job* job, Status why);
  Task<std::string> StopWithSavepointHere(std::string id, StopJobOptions options);
  Task<std::string> StopAt(HeldJob held, std::string path, JobRecord::PendingStop how);
  // Removes everything the job has left: epochs, internal topics, checkpoints, at last the record.
  // What is cut off goes on with the next call, or the next start.
  Task<> Forget(Job* job);
  // All but the record. May be repeated.
  Task<> RemoveTraces(std::string id);

  JobManagerOptions options_;
  Executor home_;
  StateMemory state_memory_;
  FunctionRegistry functions_;
  std::unique_ptr<StateBackendFactory> owned_state_;
  StateBackendFactory* state_ = nullptr;
  Logger logger_;
  JobEnvironment environment_{nullptr, nullptr, nullptr, nullptr, {}, Logger::Silent()};
  std::unique_ptr<plan::ConnectorTableFacts> facts_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  std::unique_ptr<TaskScope> sampler_;
  std::unique_ptr<TaskScope> changes_;  // of jobs that are kept for others
};

}  // namespace mainstem::process
