#include "process/job/job_manager.h"

#include <algorithm>

#include <absl/strings/str_replace.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error_context.h"
#include "core/run_to_end.h"
#include "core/suggest.h"
#include "process/job/job_manager_impl.h"
#include "process/job/job_settings.h"
#include "process/job/job_topics.h"
#include "process/sql/parser.h"
#include "process/state/rocksdb_backend.h"

namespace mainstem::process {
namespace {

constexpr std::string_view kRecordPrefix = "jobs/";  // job_record_format.h

// Of the memory for state, what RocksDB gets; the rest is for hot state.
size_t DatabaseBytes(const JobManagerOptions& options) { return options.state_memory_bytes / 4; }

}  // namespace

HeldJob::HeldJob(std::shared_ptr<Job> job) : job_(std::move(job)) {
  CHECK(!job_->is_held);
  job_->is_held = true;
}

HeldJob::~HeldJob() { LetGo(); }

std::shared_ptr<Job> HeldJob::LetGo() {
  if (job_ == nullptr) return nullptr;
  job_->is_held = false;
  job_->let_go.NotifyAll();
  return std::move(job_);
}

JobManagerImpl::JobManagerImpl(Env* env, storage::Log* log,
                               const connector::ConnectorRegistry* registry,
                               JobManagerOptions options, Logger logger)
    : options_(std::move(options)),
      home_(env->shard(0)),
      state_memory_(options_.state_memory_bytes - DatabaseBytes(options_)),
      functions_(MakeBuiltinRegistry()),
      logger_(std::move(logger)) {
  state_ = options_.state_backends;
  if (!state_) {
    owned_state_ = MakeRocksDbStateBackendFactory(
        {.memory_bytes = DatabaseBytes(options_), .keeps_checkpoints = options_.recovers_jobs});
    state_ = owned_state_.get();
  }
  environment_ = {env, log, registry, state_, {}, logger_, &state_memory_, options_.column_memory};
  environment_.context.env = env;
  environment_.context.log = log;
  environment_.context.own_addresses = options_.own_addresses;
  environment_.context.base_directory = options_.base_directory;
  facts_ = std::make_unique<plan::ConnectorTableFacts>(registry, environment_.context);
}

std::string JobManagerImpl::NewId(const std::string& name) {
  std::string shown = name;
  absl::StrReplaceAll({{"default_catalog.default_database.", ""}}, &shown);
  const std::string slug = SlugOf(shown);
  for (;;) {
    std::string id = fmt::format("{}-{:04x}", slug, env()->Random() & 0xffff);
    if (!jobs_.contains(id)) return id;
  }
}

Task<> JobManagerImpl::Persist(Job* job) {
  if (!job->durable) co_return Status::OK();
  co_return co_await log()->PutMeta(std::string(kRecordPrefix) + job->record.id,
                                    EncodeJobRecord(job->record));
}

JobRecord JobManagerImpl::MakeRecord(const plan::Plan& plan, const std::string& script,
                                     size_t index, const SubmitOptions& options) {
  JobRecord record;
  record.name = options.name.empty() ? JobNameOf(plan) : options.name;
  record.id = options.id.empty() ? NewId(record.name) : options.id;
  // An id is short, for people: one of two jobs may have that of a job of before.
  record.delivery_name = fmt::format("{}-{:016x}", record.id, env()->Random());
  record.script = script;
  record.statement_index = static_cast<uint32_t>(index);
  record.state = JobState::kRunning;
  record.created_at_ms = env()->WallTime().value();
  record.settings = options.settings;
  record.settings[std::string(plan::kPlanVersionKey)] = std::to_string(plan.version);
  return record;
}

Result<JobRunnerOptions> JobManagerImpl::OptionsFor(const JobRecord& record,
                                                    const plan::Plan& plan) const {
  return RunnerOptionsOf(options_, record, plan, env()->shard_count());
}

Status JobManagerImpl::Launch(Job* job, plan::Plan plan, bool fail_fast) {
  ASSIGN_OR_RETURN(JobRunnerOptions options, OptionsFor(job->record, plan));
  options.statement = job->statement;
  options.fail_fast = fail_fast;
  if (job->record.pending_stop != JobRecord::PendingStop::kNone) {
    options.stop = RequestOf(job->record);
  }
  auto shared = std::make_shared<const plan::Plan>(std::move(plan));
  job->runner = std::make_unique<JobRunner>(&environment_, std::move(shared), std::move(options));
  job->scope = std::make_shared<TaskScope>(home_, "job/" + job->record.id,
                                           [](const std::string&, const Status&) {});
  job->scope->Spawn("run", RunJob(job));
  return Status::OK();
}

Task<> JobManagerImpl::RunJob(Job* job) {
  Status status = co_await job->runner->Run();
  JobState state = job->runner->state();
  if (!IsTerminal(state)) co_return status;
  job->record.state = state;
  job->record.finished_at_ms = env()->WallTime().value();
  if (!status.ok()) {
    job->record.error = mainstem::Describe(status);
    // Who waits for a job that lives only as long as its script is told the error.
    if (job->durable) logger_.Error("job failed", {{"job", job->record.id}, {"error", status}});
  }
  if (job->record.pending_stop != JobRecord::PendingStop::kNone) {
    SettleSavepoint(job, job->record.pending_savepoint, StopOutcome(*job->runner, status));
  }
  CO_RETURN_IF_ERROR(co_await Persist(job));
  co_return co_await RemoveUnusedState(*job);
}

Result<std::shared_ptr<Job>> JobManagerImpl::Find(const std::string& id) const {
  auto it = jobs_.find(id);
  if (it != jobs_.end()) return it->second;
  ErrorText text{.message = "there is no job '" + id + "'"};
  std::vector<std::string> ids;
  for (const auto& [known, job] : jobs_) {
    ids.push_back(known);
    const std::string& name = job->record.name;
    if (name == id || name.ends_with("." + id)) text.hint = "the id of that job is '" + known + "'";
  }
  if (text.hint.empty()) text.hint = SuggestionFor(id, ids);
  return MakeError(ErrorCode::kNotFound, std::move(text));
}

Task<HeldJob> JobManagerImpl::Hold(std::string id) {
  for (;;) {
    CO_ASSIGN_OR_RETURN(std::shared_ptr<Job> job, Find(id));
    if (!job->is_held) co_return HeldJob(std::move(job));
    CO_ASSIGN_OR_RETURN(bool notified, co_await job->let_go.Wait());
    (void)notified;
  }
}

Task<> JobManagerImpl::StartHere() {
  sampler_ = std::make_unique<TaskScope>(home_, "jobs", [](const std::string&, const Status&) {});
  sampler_->Spawn("sample", SampleAll());
  changes_ = std::make_unique<TaskScope>(home_, "changes of jobs",
                                         [](const std::string&, const Status&) {});
  if (!log()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(auto stored, co_await log()->ListMeta(std::string(kRecordPrefix)));
  for (const auto& [key, value] : stored) {
    auto job = std::make_shared<Job>(home_);
    job->durable = true;
    if (value.empty()) {
      job->record.id = job->record.name = key.substr(kRecordPrefix.size());
      job->record.state = JobState::kCancelled;
      job->is_forgotten = true;
      jobs_[job->record.id] = std::move(job);
      continue;
    }
    auto record = DecodeJobRecord(value);
    if (!record.ok()) {
      logger_.Error("job can't be read", {{"key", key}, {"error", record.status()}});
      continue;
    }
    job->record = std::move(*record);
    Job* added = (jobs_[job->record.id] = std::move(job)).get();
    CO_RETURN_IF_ERROR(co_await SettleAfterCrash(added));
    Task<> begun =
        IsTerminal(added->record.state) ? RemoveUnusedState(*added) : RelaunchOrFail(added);
    CO_RETURN_IF_ERROR(co_await std::move(begun));
  }
  CO_RETURN_IF_ERROR(co_await RemoveOrphans(stored));
  co_return co_await FinishForgetting();
}

// What queries and jobs of scripts have left that ran when the node was killed.
Task<> JobManagerImpl::RemoveOrphans(const std::map<std::string, std::string>& stored) {
  Result<std::vector<DirectoryEntry>> entries =
      co_await env()->files().List(options_.state_directory);
  if (Is(entries.status(), ErrorCode::kNotFound)) co_return Status::OK();
  if (!entries.ok()) {
    logger_.Warning("what queries have left can't be looked for", {{"error", entries.status()}});
    co_return Status::OK();
  }
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory || stored.contains(std::string(kRecordPrefix) + entry.name)) continue;
    CheckpointStore store(env(), state_, options_.state_directory + "/" + entry.name);
    Status removed = co_await store.RemoveAll();
    if (Is(removed, ErrorCode::kCancelled)) co_return removed;
    if (removed.ok()) continue;
    logger_.Warning("what a query has left can't be removed",
                    {{"folder", entry.name}, {"error", removed}});
  }
  co_return Status::OK();
}

// What can't be removed now must not keep the others from running; the next start tries again.
Task<> JobManagerImpl::FinishForgetting() {
  std::vector<std::shared_ptr<Job>> forgotten;
  for (auto& [id, job] : jobs_) {
    if (job->is_forgotten) forgotten.push_back(job);
  }
  for (auto& job : forgotten) {
    Status removed = co_await Forget(job.get());
    if (Is(removed, ErrorCode::kCancelled)) co_return removed;
    if (removed.ok()) continue;
    logger_.Warning("what a deleted job has left can't be removed yet",
                    {{"job", job->record.id}, {"error", removed}});
  }
  co_return Status::OK();
}

Task<> JobManagerImpl::RelaunchOrFail(Job* job) {
  Status status = Relaunch(job);
  if (status.ok()) co_return status;
  job->record.state = JobState::kFailed;
  job->record.error = mainstem::Describe(status);
  logger_.Error("job can't be resumed", {{"job", job->record.id}, {"error", status}});
  co_return co_await Persist(job);
}

Status JobManagerImpl::Relaunch(Job* job) {
  ASSIGN_OR_RETURN(plan::Answer answer, PlanOf(job->record));
  if (answer.kind != plan::AnswerKind::kJob) {
    return MakeError(ErrorCode::kCorruptStorage, "the job's statement is not an INSERT");
  }
  job->statement = answer.sql;
  job->record.state = JobState::kRunning;
  job->record.error.clear();
  return Launch(job, std::move(answer.plan), false);
}

Task<> JobManagerImpl::SampleAll() {
  for (;;) {
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(1)));
    for (auto& [id, job] : jobs_) {
      if (job->runner) job->runner->Sample();
    }
  }
}

Task<> JobManagerImpl::StopHere() {
  if (changes_) CO_RETURN_IF_ERROR(co_await RunToEnd(home_, changes_->Close()));
  changes_.reset();
  if (sampler_) CO_RETURN_IF_ERROR(co_await RunToEnd(home_, sampler_->Close()));
  sampler_.reset();
  const auto jobs = jobs_;  // a command may end while this waits
  for (const auto& [id, job] : jobs) {
    CO_RETURN_IF_ERROR(co_await CloseSavepoint(job.get()));
    if (job->scope) job->scope->Cancel();
  }
  for (const auto& [id, job] : jobs) {
    if (job->scope) CO_RETURN_IF_ERROR(co_await RunToEnd(home_, job->scope->Close()));
  }
  jobs_.clear();
  co_return Status::OK();
}

Result<JobManagerImpl::PlannedJobs> JobManagerImpl::PlanJobs(
    const std::string& text, const std::map<std::string, std::string>& settings) const {
  auto session = NewSession();
  RETURN_IF_ERROR(ApplySettings(settings, session.get()));
  ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text));
  PlannedJobs jobs;
  for (size_t i = 0; i < script.statements.size(); ++i) {
    ASSIGN_OR_RETURN(plan::Answer answer, session->Execute(*script.statements[i]));
    if (answer.kind == plan::AnswerKind::kQuery) {
      return MakeError(ErrorCode::kSemanticError,
                       {.message = "a SELECT gives its rows to whoever asks, a job has nobody",
                        .hint = "use INSERT INTO, or run the script with `mainstem sql`"});
    }
    if (answer.kind == plan::AnswerKind::kJob) jobs.emplace_back(i, std::move(answer));
  }
  if (!jobs.empty()) return jobs;
  return MakeError(ErrorCode::kSemanticError,
                   {.message = "the script has no INSERT, so there is nothing to run"});
}

Task<std::vector<std::string>> JobManagerImpl::SubmitHere(std::string text, SubmitOptions options) {
  if (!log()) co_return MakeError(ErrorCode::kUnsupported, "jobs are kept in a log: there is none");
  CO_ASSIGN_OR_RETURN(PlannedJobs jobs, PlanJobs(text, options.settings));
  if (!options.id.empty() && jobs.size() > 1) {
    co_return MakeError(ErrorCode::kSemanticError,
                        "the script of a job with a given id has more than one INSERT");
  }
  if (jobs_.contains(options.id)) {
    co_return MakeError(ErrorCode::kAlreadyExists, "there is a job '" + options.id + "'");
  }
  // None begins unless all can.
  for (size_t i = 0; jobs.size() > 1 && i < jobs.size(); ++i) {
    const auto& [index, answer] = jobs[i];
    JobRecord record = MakeRecord(answer.plan, text, index, options);
    CO_ASSIGN_OR_RETURN(JobRunnerOptions runner, OptionsFor(record, answer.plan));
    CO_RETURN_IF_ERROR(co_await CheckSavepointFits(environment_, answer.plan, std::move(runner)));
  }
  std::vector<std::string> ids;
  for (auto& [index, answer] : jobs) {
    Result<std::shared_ptr<Job>> job =
        co_await AddJob(text, index, std::move(answer), options, true, false);
    if (!job.ok()) {
      co_return ids.empty()
          ? job.status()
          : InContext(fmt::format("started before the error: {}; ", fmt::join(ids, ", ")),
                      job.status());
    }
    ids.push_back((*job)->record.id);
  }
  co_return ids;
}

Task<std::shared_ptr<Job>> JobManagerImpl::AddJob(std::string script, size_t index,
                                                  plan::Answer answer, SubmitOptions options,
                                                  bool durable, bool fail_fast) {
  auto job = std::make_shared<Job>(home_);
  job->record = MakeRecord(answer.plan, script, index, options);
  CO_ASSIGN_OR_RETURN(JobRunnerOptions runner, OptionsFor(job->record, answer.plan));
  CO_RETURN_IF_ERROR(co_await CheckSavepointFits(environment_, answer.plan, std::move(runner)));
  const std::string id = job->record.id;
  if (jobs_.contains(id)) {  // somebody else was quicker
    co_return MakeError(ErrorCode::kAlreadyExists, "there is a job '" + id + "'");
  }
  job->statement = answer.sql;
  job->durable = durable;
  HeldJob held(job);
  jobs_[id] = job;
  Status persisted = co_await Persist(job.get());
  if (!persisted.ok()) {
    jobs_.erase(id);
    co_return persisted;
  }
  Status launched = Launch(job.get(), std::move(answer.plan), fail_fast);
  if (launched.ok()) co_return job;
  CO_RETURN_IF_ERROR(co_await Forget(job.get()));
  co_return launched;
}

JobDescription JobManagerImpl::DescriptionOf(const Job& job) const {
  JobDescription out;
  if (job.runner) out = job.runner->Describe();
  out.id = job.record.id;
  out.name = job.record.name;
  out.created_at_ms = job.record.created_at_ms;
  if (!job.runner || IsTerminal(job.record.state)) {
    out.state = job.record.state;
    out.error = job.record.error;
    out.finished_at_ms = job.record.finished_at_ms;
  } else if (IsTerminal(out.state)) {
    // The runner is done, its deliveries are being closed: savepoint and error follow.
    out.state = JobState::kFinishing;
  }
  for (SinkDescription& sink : out.sinks) {
    if (IsTerminal(out.state) && sink.state == "running") sink.state = "ended";
  }
  const std::string quarantine = QuarantineTopicName(out.id);
  if (log() != nullptr && log()->FindTopic(quarantine)) out.quarantine_topic = quarantine;
  out.savepoint = {
      .path = job.record.savepoint,
      .completed_at_ms = job.record.savepoint_at_ms,
      .in_progress = !job.record.pending_savepoint.empty(),
      .error = job.savepoint_failure.ok() ? "" : mainstem::Describe(job.savepoint_failure)};
  return out;
}

Task<std::vector<JobDescription>> JobManagerImpl::ListHere() {
  std::vector<JobDescription> all;
  for (const auto& [id, job] : jobs_) {
    all.push_back(DescriptionOf(*job));
    all.back().operators.clear();
  }
  co_return all;
}

Task<JobDescription> JobManagerImpl::DescribeHere(std::string id) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Job> job, Find(id));
  co_return DescriptionOf(*job);
}

Task<WatermarkReport> JobManagerImpl::WatermarkHere(std::string id) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Job> job, Find(id));
  const JobState state = DescriptionOf(*job).state;
  if (state != JobState::kRunning) {
    co_return MakeError(ErrorCode::kInvalidArgument,
                        {.message = fmt::format("job '{}' is {}", id, ToString(state)),
                         .hint = "only a job that runs has a watermark"});
  }
  if (job->runner == nullptr) {  // its record is being written
    co_return MakeError(
        ErrorCode::kUnavailable,
        {.message = fmt::format("job '{}' is starting", id), .hint = "ask again in a moment"});
  }
  CO_ASSIGN_OR_RETURN(auto sources, co_await job->runner->GatherWatermarks());
  co_return mainstem::process::ExplainWatermark(sources, env()->WallTime().value());
}

Task<> JobManagerImpl::CancelHere(std::string id) {
  CO_ASSIGN_OR_RETURN(HeldJob job, co_await Hold(id));
  co_return co_await Cancel(job.get());
}

Task<> JobManagerImpl::EndWork(Job* job) {
  CO_RETURN_IF_ERROR(co_await CloseSavepoint(job));
  if (job->scope) CO_RETURN_IF_ERROR(co_await RunToEnd(home_, job->scope->Close()));
  co_return Status::OK();
}

Task<> JobManagerImpl::Cancel(Job* job) {
  if (IsTerminal(job->record.state) && job->record.state != JobState::kStopped) {
    co_return Status::OK();
  }
  CO_RETURN_IF_ERROR(co_await EndWork(job));
  job->record.state = JobState::kCancelled;
  job->record.finished_at_ms = env()->WallTime().value();
  CO_RETURN_IF_ERROR(co_await DropPending(
      job, MakeError(ErrorCode::kCancelled, "the job was cancelled before it was whole")));
  CO_RETURN_IF_ERROR(co_await Persist(job));
  co_return co_await RemoveUnusedState(*job);
}

Task<> JobManagerImpl::RemoveUnusedState(const Job& job) {
  CheckpointStore store(env(), state_, options_.state_directory + "/" + job.record.id);
  Status removed = co_await RunToEnd(home_, store.RemoveLive());
  if (!removed.ok()) {
    logger_.Warning("state that nobody uses is still on the disk",
                    {{"job", job.record.id}, {"error", removed}});
  }
  co_return Status::OK();
}

Task<> JobManagerImpl::StopJobHere(std::string id) {
  std::shared_ptr<TaskScope> scope;
  {
    CO_ASSIGN_OR_RETURN(HeldJob job, co_await Hold(id));
    if (!job->scope || IsTerminal(job->record.state)) co_return Status::OK();
    // One that stops with a savepoint goes on with that.
    if (job->record.pending_stop == JobRecord::PendingStop::kNone) job->runner->RequestStop({});
    scope = job->scope;
  }
  co_return co_await scope->Join();
}

// A job that began with the savepoint that this one has left goes on with the same rows.
Status JobManagerImpl::CheckNoSuccessor(const JobRecord& record) const {
  if (record.savepoint.empty()) return Status::OK();
  for (const auto& [id, job] : jobs_) {
    if (id == record.id) continue;
    const Result<plan::Answer> answer = PlanOf(job->record);
    if (!answer.ok()) continue;  // one that can't be planned any more does not run either
    const Result<JobRunnerOptions> options = OptionsFor(job->record, answer->plan);
    if (!options.ok() || options->restore_from != record.savepoint) continue;
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = fmt::format("job '{}' began with the savepoint of job '{}': both would write "
                                "what comes after it",
                                id, record.id),
         .detail = record.savepoint,
         .hint =
             fmt::format("delete job '{}' first, or `mainstem job resume {} --beside-successor`",
                         id, record.id)});
  }
  return Status::OK();
}

Task<> JobManagerImpl::ResumeHere(std::string id, ResumeMode mode) {
  CO_ASSIGN_OR_RETURN(HeldJob job, co_await Hold(id));
  if (job->record.state != JobState::kStopped && job->record.state != JobState::kFailed) {
    co_return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = "job '" + id + "' is " + std::string(ToString(job->record.state)) +
                    ", only a stopped or failed one can be resumed"});
  }
  if (mode == ResumeMode::kAlone) CO_RETURN_IF_ERROR(CheckNoSuccessor(job->record));
  CO_RETURN_IF_ERROR(co_await CloseSavepoint(job.get()));
  if (job->scope) CO_RETURN_IF_ERROR(co_await job->scope->Join());
  const JobRecord before = job->record;
  job->record.state = JobState::kRunning;
  job->record.error.clear();
  Status begun = co_await Persist(job.get());
  if (begun.ok()) begun = Relaunch(job.get());
  if (begun.ok()) co_return begun;
  job->record = before;
  CO_RETURN_IF_ERROR(co_await Persist(job.get()));
  co_return begun;
}

Task<> JobManagerImpl::AcceptLostHere(std::string id) {
  CO_ASSIGN_OR_RETURN(HeldJob job, co_await Hold(id));
  if (job->runner != nullptr && !IsTerminal(job->record.state)) {
    co_return job->runner->AcceptLostPositions();
  }
  co_return MakeError(ErrorCode::kInvalidArgument,
                      "job '" + id + "' is " + std::string(ToString(job->record.state)));
}

Task<> JobManagerImpl::DeleteHere(std::string id) {
  CO_ASSIGN_OR_RETURN(HeldJob job, co_await Hold(id));
  if (!IsTerminal(job->record.state)) {
    co_return MakeError(ErrorCode::kInvalidArgument,
                        {.message = "job '" + id + "' is running", .hint = "cancel it first"});
  }
  CO_RETURN_IF_ERROR(co_await CloseSavepoint(job.get()));
  if (job->scope) CO_RETURN_IF_ERROR(co_await job->scope->Join());
  co_return co_await Forget(job.get());
}

// The record says that it goes before anything does, and goes last.
Task<> JobManagerImpl::Forget(Job* job) {
  const std::string id = job->record.id;
  const std::string key = std::string(kRecordPrefix) + id;
  if (job->durable) CO_RETURN_IF_ERROR(co_await log()->PutMeta(key, ""));
  job->is_forgotten = true;
  job->record.state = JobState::kCancelled;
  env()->CrashPoint("job.forget");
  CO_RETURN_IF_ERROR(co_await RemoveTraces(id));
  if (job->durable) CO_RETURN_IF_ERROR(co_await log()->PutMeta(key, std::nullopt));
  jobs_.erase(id);
  co_return Status::OK();
}

Task<> JobManagerImpl::RemoveTraces(std::string id) {
  if (log()) {
    for (const storage::TopicInfo& topic : log()->ListTopics()) {
      if (!topic.name.starts_with("__mainstem." + id + ".")) continue;
      Status deleted = co_await log()->DeleteTopic(topic.id);
      if (!Is(deleted, ErrorCode::kUnknownTopicId)) CO_RETURN_IF_ERROR(deleted);
      env()->CrashPoint("job.forget");
    }
    CO_RETURN_IF_ERROR(co_await log()->ForgetJob(id));
    env()->CrashPoint("job.forget");
  }
  CheckpointStore store(env(), state_, options_.state_directory + "/" + id);
  CO_RETURN_IF_ERROR(co_await store.RemoveAll());
  env()->CrashPoint("job.forget");
  co_return Status::OK();
}

Result<std::unique_ptr<JobManager>> JobManager::Make(Env* env, storage::Log* log,
                                                     const connector::ConnectorRegistry* registry,
                                                     JobManagerOptions options, Logger logger) {
  if (options.state_directory.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, "the job manager needs a state directory");
  }
  return std::make_unique<JobManagerImpl>(env, log, registry, std::move(options),
                                          std::move(logger));
}

}  // namespace mainstem::process
