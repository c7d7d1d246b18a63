#include "process/job/job_manager.h"

#include <algorithm>

#include <arrow/api.h>

#include "process/job/job_record_format.h"
#include "process/job/job_runner.h"
#include "process/job/result_writer.h"
#include "process/job/shielded.h"
#include "process/plan/planner.h"
#include "process/plan/session.h"
#include "process/sql/parser.h"
#include "process/sql/source_text.h"
#include "process/state/rocksdb_backend.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;

// A job known to this node, running or not.
struct Job {
  JobRecord record;
  std::string statement;
  bool durable = false;  // kept in the log's meta values
  std::unique_ptr<JobRunner> runner;
  std::unique_ptr<TaskScope> scope;
};

std::string Slug(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "job" : out.substr(0, 48);
}

std::string NameOf(const plan::Plan& plan) {
  if (auto it = plan.settings.find("pipeline.name"); it != plan.settings.end()) return it->second;
  std::string name = "insert-into";
  for (const auto& sink : plan.sinks) name += "_" + sink->table.name;
  return name;
}

// Of the memory for state, what RocksDB gets; the rest is for hot state.
size_t DatabaseBytes(const JobManagerOptions& options) { return options.state_memory_bytes / 4; }

class JobManagerImpl final : public JobManager {
 public:
  JobManagerImpl(Env* env, storage::Log* log, const connector::ConnectorRegistry* registry,
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
    environment_ = {env, log,     registry,       state_,
                    {},  logger_, &state_memory_, options_.column_memory};
    environment_.context.env = env;
    environment_.context.log = log;
    environment_.context.own_addresses = options_.own_addresses;
    environment_.context.base_directory = options_.base_directory;
    facts_ = std::make_unique<plan::ConnectorTableFacts>(registry, environment_.context);
  }

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
  Task<> CancelJob(std::string id) override { return RunOn(home_, CancelHere(std::move(id))); }
  Task<> StopJob(std::string id) override { return RunOn(home_, StopJobHere(std::move(id))); }
  Task<> ResumeJob(std::string id) override { return RunOn(home_, ResumeHere(std::move(id))); }
  Task<> DeleteJob(std::string id) override { return RunOn(home_, DeleteHere(std::move(id))); }

 private:
  Env* env() const { return environment_.env; }
  storage::Log* log() const { return environment_.log; }

  // ---- planning

  std::unique_ptr<plan::Session> NewSession() const {
    auto session = std::make_unique<plan::Session>(&functions_, facts_.get());
    std::vector<std::string> names;
    for (const auto* spec : environment_.registry->List()) names.push_back(spec->name);
    session->set_connector_names(std::move(names));
    return session;
  }

  Status ApplySettings(const std::map<std::string, std::string>& settings,
                       plan::Session* session) const {
    for (const auto* map : {&options_.default_settings, &settings}) {
      for (const auto& [key, value] : *map) {
        RETURN_IF_ERROR(session->settings().Set(key, value));
      }
    }
    return Status::OK();
  }

  // The plan of one statement of a script, by running the statements before it.
  Result<plan::Answer> PlanOf(const JobRecord& record) const {
    auto session = NewSession();
    RETURN_IF_ERROR(ApplySettings(record.settings, session.get()));
    ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(record.script));
    for (size_t i = 0; i < script.statements.size(); ++i) {
      ASSIGN_OR_RETURN(plan::Answer answer, session->Execute(*script.statements[i]));
      if (i == record.statement_index) return answer;
    }
    return MakeError(ErrorCode::kCorruptStorage, "the job's script has no such statement");
  }

  JobRunnerOptions RunnerOptionsOf(const JobRecord& record, const plan::Plan& plan,
                                   const std::string& statement) const {
    plan::Settings settings;
    for (const auto& [key, value] : plan.settings) {
      IgnoreError(settings.Set(key, value), "was checked when it was set");
    }
    JobRunnerOptions out;
    out.job_id = record.id;
    out.name = record.name;
    out.statement = statement;
    out.parallelism = options_.default_parallelism > 0 ? options_.default_parallelism
                                                       : static_cast<int>(env()->shard_count());
    if (plan.settings.contains("parallelism.default")) {
      out.parallelism = static_cast<int>(settings.Integer("parallelism.default"));
    }
    out.parallelism = std::clamp(out.parallelism, 1, kKeyGroupCount);
    out.checkpoint_interval = options_.checkpoint_interval;
    if (plan.settings.contains("execution.checkpointing.interval")) {
      out.checkpoint_interval = milliseconds(settings.Millis("execution.checkpointing.interval"));
    }
    if (plan.settings.contains("execution.checkpointing.num-retained")) {
      out.retained_checkpoints = static_cast<int>(
          std::max<int64_t>(1, settings.Integer("execution.checkpointing.num-retained")));
    }
    out.fold_updates = plan.settings.contains("table.exec.mini-batch.enabled") &&
                       settings.Boolean("table.exec.mini-batch.enabled");
    out.created_at_ms = record.created_at_ms;
    out.checkpoint_directory = options_.state_directory + "/" + record.id;
    return out;
  }

  // ---- jobs

  std::string NewId(const std::string& name) {
    for (;;) {
      std::string id = fmt::format("{}-{:04x}", Slug(name), env()->Random() & 0xffff);
      if (!jobs_.contains(id)) return id;
    }
  }

  Task<> Persist(Job* job) {
    if (!job->durable) co_return Status::OK();
    co_return co_await log()->PutMeta("jobs/" + job->record.id, EncodeJobRecord(job->record));
  }

  JobRecord MakeRecord(const plan::Plan& plan, const std::string& script, size_t index,
                       const SubmitOptions& options) {
    JobRecord record;
    record.name = options.name.empty() ? NameOf(plan) : options.name;
    record.id = NewId(record.name);
    record.script = script;
    record.statement_index = static_cast<uint32_t>(index);
    record.state = JobState::kRunning;
    record.created_at_ms = env()->WallTime().value();
    record.settings = options.settings;
    return record;
  }

  void Launch(Job* job, plan::Plan plan, bool fail_fast) {
    JobRunnerOptions options = RunnerOptionsOf(job->record, plan, job->statement);
    options.fail_fast = fail_fast;
    auto shared = std::make_shared<const plan::Plan>(std::move(plan));
    job->runner = std::make_unique<JobRunner>(&environment_, std::move(shared), std::move(options));
    job->scope = std::make_unique<TaskScope>(home_, "job/" + job->record.id,
                                             [](const std::string&, const Status&) {});
    job->scope->Spawn("run", RunJob(job));
  }

  // Keeps the record in step with how the job ended. A job cut off by Stop stays as it was.
  Task<> RunJob(Job* job) {
    Status status = co_await job->runner->Run();
    JobState state = job->runner->state();
    if (!IsTerminal(state)) co_return status;
    job->record.state = state;
    job->record.finished_at_ms = env()->WallTime().value();
    if (!status.ok()) {
      job->record.error = mainstem::Describe(status);
      logger_.Error("job failed", {{"job", job->record.id}, {"error", status}});
    }
    co_return co_await Persist(job);
  }

  Result<Job*> Find(const std::string& id) {
    auto it = jobs_.find(id);
    if (it == jobs_.end()) return MakeError(ErrorCode::kNotFound, "there is no job '" + id + "'");
    return it->second.get();
  }

  Task<> StartHere() {
    sampler_ = std::make_unique<TaskScope>(home_, "jobs", [](const std::string&, const Status&) {});
    sampler_->Spawn("sample", SampleAll());
    if (!log()) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(auto stored, co_await log()->ListMeta("jobs/"));
    for (const auto& [key, value] : stored) {
      auto record = DecodeJobRecord(value);
      if (!record.ok()) {
        logger_.Error("job can't be read", {{"key", key}, {"error", record.status()}});
        continue;
      }
      auto job = std::make_unique<Job>();
      job->record = std::move(*record);
      job->durable = true;
      Job* added = (jobs_[job->record.id] = std::move(job)).get();
      if (IsTerminal(added->record.state)) continue;
      Status status = Relaunch(added);
      if (status.ok()) continue;
      added->record.state = JobState::kFailed;
      added->record.error = mainstem::Describe(status);
      logger_.Error("job can't be resumed", {{"job", added->record.id}, {"error", status}});
      CO_RETURN_IF_ERROR(co_await Persist(added));
    }
    co_return Status::OK();
  }

  Status Relaunch(Job* job) {
    ASSIGN_OR_RETURN(plan::Answer answer, PlanOf(job->record));
    if (answer.kind != plan::AnswerKind::kJob) {
      return MakeError(ErrorCode::kCorruptStorage, "the job's statement is not an INSERT");
    }
    job->statement = answer.sql;
    job->record.state = JobState::kRunning;
    job->record.error.clear();
    Launch(job, std::move(answer.plan), false);
    return Status::OK();
  }

  Task<> SampleAll() {
    for (;;) {
      CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(1)));
      for (auto& [id, job] : jobs_) {
        if (job->runner) job->runner->Sample();
      }
    }
  }

  Task<> StopHere() {
    if (sampler_) CO_RETURN_IF_ERROR(co_await Shielded(home_, sampler_->Close()));
    sampler_.reset();
    for (auto& [id, job] : jobs_) {
      if (job->scope) job->scope->Cancel();
    }
    for (auto& [id, job] : jobs_) {
      if (job->scope) CO_RETURN_IF_ERROR(co_await Shielded(home_, job->scope->Close()));
    }
    jobs_.clear();
    co_return Status::OK();
  }

  Task<std::vector<std::string>> SubmitHere(std::string text, SubmitOptions options) {
    if (!log())
      co_return MakeError(ErrorCode::kUnsupported, "jobs are kept in a log: there is none");
    auto session = NewSession();
    CO_RETURN_IF_ERROR(ApplySettings(options.settings, session.get()));
    CO_ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text));
    std::vector<std::pair<size_t, plan::Answer>> answers;
    for (size_t i = 0; i < script.statements.size(); ++i) {
      CO_ASSIGN_OR_RETURN(plan::Answer answer, session->Execute(*script.statements[i]));
      if (answer.kind == plan::AnswerKind::kQuery) {
        co_return MakeError(ErrorCode::kSemanticError,
                            {.message = "a SELECT gives its rows to whoever asks, a job has nobody",
                             .hint = "use INSERT INTO, or run the script with `mainstem sql`"});
      }
      if (answer.kind == plan::AnswerKind::kJob) answers.emplace_back(i, std::move(answer));
    }
    if (answers.empty()) {
      co_return MakeError(ErrorCode::kSemanticError,
                          {.message = "the script has no INSERT, so there is nothing to run"});
    }
    std::vector<std::string> ids;
    for (auto& [index, answer] : answers) {
      CO_ASSIGN_OR_RETURN(Job * job,
                          co_await AddJob(text, index, std::move(answer), options, true, false));
      ids.push_back(job->record.id);
    }
    co_return ids;
  }

  Task<Job*> AddJob(std::string script, size_t index, plan::Answer answer, SubmitOptions options,
                    bool durable, bool fail_fast) {
    auto owned = std::make_unique<Job>();
    Job* job = owned.get();
    job->record = MakeRecord(answer.plan, script, index, options);
    job->statement = answer.sql;
    job->durable = durable;
    jobs_[job->record.id] = std::move(owned);
    Status status = co_await Persist(job);
    if (!status.ok()) {
      jobs_.erase(job->record.id);
      co_return status;
    }
    Launch(job, std::move(answer.plan), fail_fast);
    co_return job;
  }

  // ---- scripts in the foreground

  Task<> ExecuteHere(std::string text, ExecuteOptions options, ResultListener* listener) {
    auto session = NewSession();
    CO_RETURN_IF_ERROR(ApplySettings(options.settings, session.get()));
    CO_ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text));
    std::vector<std::string> temporary;
    Status status;
    for (size_t i = 0; i < script.statements.size() && status.ok(); ++i) {
      status = co_await ExecuteStatement(*script.statements[i], i, text, options, session.get(),
                                         listener, &temporary);
    }
    for (const std::string& id : temporary) {
      Status removed = co_await Shielded(home_, RemoveTemporary(id));
      if (status.ok()) status = removed;
    }
    co_return status;
  }

  Task<> ExecuteStatement(const sql::Statement& statement, size_t index, const std::string& script,
                          const ExecuteOptions& options, plan::Session* session,
                          ResultListener* listener, std::vector<std::string>* temporary) {
    CO_RETURN_IF_ERROR(
        listener->OnStatement(static_cast<int>(index), statement.source->Slice(statement.span)));
    auto answer = session->Execute(statement);
    Status status = answer.status();
    std::string message;
    if (status.ok()) {
      message = answer->message;
      status = co_await Carry(std::move(*answer), index, script, options, listener, temporary);
    }
    if (Is(status, ErrorCode::kCancelled)) co_return status;
    if (!status.ok()) co_return listener->OnStatementError(status);
    co_return listener->OnStatementDone(message);
  }

  Task<> Carry(plan::Answer answer, size_t index, const std::string& script,
               const ExecuteOptions& options, ResultListener* listener,
               std::vector<std::string>* temporary) {
    switch (answer.kind) {
      case plan::AnswerKind::kDone: co_return Status::OK();
      case plan::AnswerKind::kRows: co_return GiveRows(std::move(answer), listener);
      case plan::AnswerKind::kShowJobs: co_return co_await GiveJobs(listener);
      case plan::AnswerKind::kStopJob:
        if (answer.with_savepoint) co_return co_await StopJobHere(answer.job_id);
        co_return co_await CancelHere(answer.job_id);
      case plan::AnswerKind::kQuery: co_return co_await RunQuery(std::move(answer), listener);
      case plan::AnswerKind::kJob: break;
    }
    SubmitOptions submit;
    submit.settings = options.settings;
    bool durable = options.durable_jobs && log();
    CO_ASSIGN_OR_RETURN(
        Job * job, co_await AddJob(script, index, std::move(answer), std::move(submit), durable,
                                   options.wait_for_inserts));
    std::string id = job->record.id;
    if (!durable) temporary->push_back(id);
    CO_RETURN_IF_ERROR(listener->OnJob(id));
    if (!options.wait_for_inserts) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await job->scope->Join());
    if (job->runner->state() != JobState::kFailed) co_return Status::OK();
    co_return job->runner->failure();
  }

  static Status GiveRows(plan::Answer answer, ResultListener* listener) {
    std::vector<ResultColumn> columns;
    for (const std::string& name : answer.columns) columns.push_back({name, "STRING"});
    RETURN_IF_ERROR(listener->OnColumns(columns));
    std::vector<ResultRow> rows;
    for (auto& fields : answer.rows) rows.push_back({"+I", std::move(fields)});
    return listener->OnRows(std::move(rows));
  }

  Task<> GiveJobs(ResultListener* listener) {
    std::vector<ResultColumn> columns = {
        {"job id", "STRING"}, {"job name", "STRING"}, {"status", "STRING"}};
    CO_RETURN_IF_ERROR(listener->OnColumns(columns));
    CO_ASSIGN_OR_RETURN(auto jobs, co_await ListHere());
    std::vector<ResultRow> rows;
    for (const JobDescription& job : jobs) {
      std::vector<std::optional<std::string>> fields = {job.id, job.name,
                                                        std::string(ToString(job.state))};
      rows.push_back({"+I", std::move(fields)});
    }
    co_return listener->OnRows(std::move(rows));
  }

  Task<> RunQuery(plan::Answer answer, ResultListener* listener) {
    const plan::Columns columns = answer.plan.sinks[0]->inputs[0]->columns;
    std::vector<ResultColumn> header;
    for (const RowField& column : columns) {
      header.push_back({column.name(), column.type().ToResultString()});
    }
    CO_RETURN_IF_ERROR(listener->OnColumns(header));
    EvalContext eval;
    CO_ASSIGN_OR_RETURN(eval.time_zone, ParseTimeZone(answer.plan.time_zone));
    JobRecord record;
    record.id = NewId("query");
    JobRunnerOptions options = RunnerOptionsOf(record, answer.plan, answer.sql);
    options.durable = false;
    options.fail_fast = true;
    options.make_collector = [columns, eval,
                              listener]() -> std::unique_ptr<connector::InlineWriter> {
      return std::make_unique<ResultWriter>(columns, eval, listener);
    };
    auto shared = std::make_shared<const plan::Plan>(std::move(answer.plan));
    JobRunner runner(&environment_, std::move(shared), std::move(options));
    Status status = co_await runner.Run();
    CheckpointStore store(env(), state_, options_.state_directory + "/" + record.id);
    Status removed = co_await Shielded(home_, store.RemoveAll());
    CO_RETURN_IF_ERROR(status);
    co_return removed;
  }

  Task<> RemoveTemporary(std::string id) {
    auto it = jobs_.find(id);
    if (it == jobs_.end()) co_return Status::OK();
    CO_RETURN_IF_ERROR(co_await it->second->scope->Close());
    co_return co_await Forget(id);
  }

  Task<std::string> ExplainHere(std::string text) {
    auto session = NewSession();
    std::map<std::string, std::string> none;
    CO_RETURN_IF_ERROR(ApplySettings(none, session.get()));
    CO_ASSIGN_OR_RETURN(sql::Script script, sql::ParseScript(text));
    for (const auto& statement : script.statements) {
      CO_ASSIGN_OR_RETURN(plan::Answer answer, session->Execute(*statement));
      if (answer.kind == plan::AnswerKind::kQuery || answer.kind == plan::AnswerKind::kJob) {
        co_return plan::PrintPlan(answer.plan, true);
      }
      if (answer.kind == plan::AnswerKind::kRows &&
          statement->kind == sql::StatementKind::kExplain && !answer.rows.empty()) {
        co_return answer.rows[0][0].value_or("");
      }
    }
    co_return MakeError(ErrorCode::kSemanticError, "the script has no query to explain");
  }

  // ---- what is asked about jobs

  JobDescription DescriptionOf(const Job& job) const {
    JobDescription out;
    if (job.runner) out = job.runner->Describe();
    out.id = job.record.id;
    out.name = job.record.name;
    out.created_at_ms = job.record.created_at_ms;
    if (!job.runner || IsTerminal(job.record.state)) {
      out.state = job.record.state;
      out.error = job.record.error;
      out.finished_at_ms = job.record.finished_at_ms;
    }
    return out;
  }

  Task<std::vector<JobDescription>> ListHere() {
    std::vector<JobDescription> all;
    for (const auto& [id, job] : jobs_) {
      all.push_back(DescriptionOf(*job));
      all.back().operators.clear();
    }
    co_return all;
  }

  Task<JobDescription> DescribeHere(std::string id) {
    CO_ASSIGN_OR_RETURN(Job * job, Find(id));
    co_return DescriptionOf(*job);
  }

  Task<> CancelHere(std::string id) {
    CO_ASSIGN_OR_RETURN(Job * job, Find(id));
    if (IsTerminal(job->record.state) && job->record.state != JobState::kStopped) {
      co_return Status::OK();
    }
    if (job->scope) CO_RETURN_IF_ERROR(co_await Shielded(home_, job->scope->Close()));
    job->record.state = JobState::kCancelled;
    job->record.finished_at_ms = env()->WallTime().value();
    co_return co_await Persist(job);
  }

  Task<> StopJobHere(std::string id) {
    CO_ASSIGN_OR_RETURN(Job * job, Find(id));
    if (!job->scope || IsTerminal(job->record.state)) co_return Status::OK();
    job->runner->RequestStop();
    co_return co_await job->scope->Join();
  }

  Task<> ResumeHere(std::string id) {
    CO_ASSIGN_OR_RETURN(Job * job, Find(id));
    if (job->record.state != JobState::kStopped && job->record.state != JobState::kFailed) {
      co_return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = "job '" + id + "' is " + std::string(ToString(job->record.state)) +
                      ", only a stopped or failed one can be resumed"});
    }
    if (job->scope) CO_RETURN_IF_ERROR(co_await job->scope->Join());
    CO_RETURN_IF_ERROR(Relaunch(job));
    co_return co_await Persist(job);
  }

  Task<> DeleteHere(std::string id) {
    CO_ASSIGN_OR_RETURN(Job * job, Find(id));
    if (!IsTerminal(job->record.state)) {
      co_return MakeError(ErrorCode::kInvalidArgument,
                          {.message = "job '" + id + "' is running", .hint = "cancel it first"});
    }
    if (job->scope) CO_RETURN_IF_ERROR(co_await job->scope->Join());
    co_return co_await Forget(id);
  }

  // Removes everything the job has left: record, epochs, internal topics, checkpoints.
  Task<> Forget(std::string id) {
    bool durable = jobs_.at(id)->durable;
    jobs_.erase(id);
    if (log()) {
      if (durable) CO_RETURN_IF_ERROR(co_await log()->PutMeta("jobs/" + id, std::nullopt));
      for (const storage::TopicInfo& topic : log()->ListTopics()) {
        if (!topic.name.starts_with("__mainstem." + id + ".")) continue;
        CO_RETURN_IF_ERROR(co_await log()->DeleteTopic(topic.id));
      }
      CO_RETURN_IF_ERROR(co_await log()->ForgetJob(id));
    }
    CheckpointStore store(env(), state_, options_.state_directory + "/" + id);
    co_return co_await store.RemoveAll();
  }

  JobManagerOptions options_;
  Executor home_;
  StateMemory state_memory_;
  FunctionRegistry functions_;
  std::unique_ptr<StateBackendFactory> owned_state_;
  StateBackendFactory* state_ = nullptr;
  Logger logger_;
  JobEnvironment environment_{nullptr, nullptr, nullptr, nullptr, {}, Logger::Silent()};
  std::unique_ptr<plan::ConnectorTableFacts> facts_;
  std::map<std::string, std::unique_ptr<Job>> jobs_;
  std::unique_ptr<TaskScope> sampler_;
};

}  // namespace

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
