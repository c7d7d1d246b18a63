#include "sqltest/sql_world.h"

#include "core/sync.h"
#include "process/state/state_backend.h"
#include "sqltest/topic_records.h"

namespace mainstem::sqltest {
namespace {

using process::JobManager;
using process::JobState;
using process::ResultColumn;
using process::ResultRow;

constexpr int64_t kStepsMax = 50'000'000;
constexpr int64_t kRestartsMax = 2;  // a cause that does not go away in a simulation

class Collector final : public process::ResultListener {
 public:
  std::vector<StatementResult> results;

  Status OnStatement(int index, std::string_view text) override {
    results.emplace_back().text = text;
    return Status::OK();
  }
  Status OnColumns(const std::vector<ResultColumn>& columns) override {
    results.back().has_columns = true;
    for (const ResultColumn& column : columns) {
      results.back().columns.push_back(column.type);
      results.back().column_names.push_back(column.name);
    }
    return Status::OK();
  }
  Status OnRows(std::vector<ResultRow> rows) override {
    for (ResultRow& row : rows) {
      results.back().rows.push_back({std::string(row.kind), std::move(row.fields)});
    }
    return Status::OK();
  }
  Status OnStatementError(const Status& error) override {
    results.back().error = error;
    return Status::OK();
  }
};

Task<> ExecuteScript(JobManager* manager, std::string script, process::ExecuteOptions options,
                     Collector* collector) {
  CO_RETURN_IF_ERROR(co_await manager->Start());
  Status status = co_await manager->Execute(std::move(script), std::move(options), collector);
  CO_RETURN_IF_ERROR(co_await manager->Stop());
  co_return status;
}

// OK: goes on. Else why it never ends as it should.
Status Look(const process::JobDescription& job, bool may_be_endless) {
  if (job.state == JobState::kFailed || job.restart_count > kRestartsMax) {
    return MakeError(ErrorCode::kSemanticError, job.error);
  }
  if (may_be_endless || job.bounded || job.operators.empty()) return Status::OK();
  return MakeError(ErrorCode::kSemanticError,
                   {.message = fmt::format("the job '{}' has a source without end", job.name),
                    .hint = "give it an input, or a bound ('number-of-rows')"});
}

}  // namespace

// What a crash leaves: disk, log, state on disk, destinations.
struct SqlWorld::Outside {
  explicit Outside(uint64_t seed) : disk(seed) {}

  SimDisk disk;
  storage::MemoryLog log{nullptr};
  Captures captures;
  connector::ConnectorRegistry registry;
  std::unique_ptr<process::StateBackendFactory> state;
  bool submitted = false;
};

struct SqlWorld::Life {
  std::unique_ptr<SimEnv> env;
  std::unique_ptr<JobManager> manager;
};

SqlWorld::SqlWorld(SqlWorldOptions options)
    : options_(std::move(options)), seed_(options_.seed), outside_(MakeOutside()) {}

SqlWorld::~SqlWorld() = default;

Captures& SqlWorld::captures() { return outside_->captures; }

std::unique_ptr<SqlWorld::Outside> SqlWorld::MakeOutside() const {
  auto outside = std::make_unique<Outside>(seed_);
  outside->registry = MakeStandIns(&options_.inputs, &outside->captures);
  outside->state = process::MakeMemoryStateBackendFactory();
  return outside;
}

std::unique_ptr<SqlWorld::Life> SqlWorld::Begin(int parallelism) {
  auto life = std::make_unique<Life>();
  life->env = std::make_unique<SimEnv>(
      &outside_->disk, SimEnvOptions{.seed = ++seed_, .wall_time_begin = options_.clock});
  outside_->log.set_env(life->env.get());
  env_ = life->env.get();
  process::JobManagerOptions options;
  options.state_directory = "/state";
  options.default_parallelism = parallelism;
  options.state_backends = outside_->state.get();
  options.own_addresses = {kSimulatedAddress};
  options.checkpoint_interval = options_.checkpoint_interval;
  options.default_settings = options_.settings;
  options.default_settings.try_emplace("table.local-time-zone", "UTC");
  life->manager = JobManager::Make(life->env.get(), &outside_->log, &outside_->registry,
                                   std::move(options), Logger::Silent())
                      .ValueOrDie();
  return life;
}

std::vector<StatementResult> SqlWorld::Execute(const std::string& script, int parallelism) {
  auto life = Begin(parallelism);
  Collector collector;
  Status status = life->env->Run(
      ExecuteScript(life->manager.get(), script, process::ExecuteOptions(), &collector));
  if (!status.ok()) collector.results.emplace_back().error = status;
  return std::move(collector.results);
}

Task<> SqlWorld::Submit(JobManager* manager, std::string script) {
  for (const auto& [topic, fixture] : options_.topics) {
    CO_RETURN_IF_ERROR(co_await FillTopic(&outside_->log, topic, fixture));
  }
  process::SubmitOptions options;
  CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(std::move(script), std::move(options)));
  (void)ids;
  outside_->submitted = true;
  co_return Status::OK();
}

// In each life: a power cut may have come before they were there.
Task<> SqlWorld::WriteFiles() {
  for (const auto& [path, contents] : options_.files) {
    const size_t slash = path.rfind('/');
    if (slash != std::string::npos && slash > 0) {
      CO_RETURN_IF_ERROR(co_await env_->files().CreateDirectories(path.substr(0, slash)));
    }
    CO_RETURN_IF_ERROR(co_await env_->files().WriteAtomically(path, contents));
  }
  co_return Status::OK();
}

Task<> SqlWorld::RunToEnd(JobManager* manager, std::string script) {
  CO_RETURN_IF_ERROR(co_await WriteFiles());
  CO_RETURN_IF_ERROR(co_await manager->Start());
  Status status = co_await WaitForJobs(manager, std::move(script));
  Status stopped = co_await manager->Stop();
  co_return status.ok() ? stopped : status;
}

Task<> SqlWorld::WaitForJobs(JobManager* manager, std::string script) {
  const Env& env = *env_;
  if (!outside_->submitted) CO_RETURN_IF_ERROR(co_await Submit(manager, std::move(script)));
  bool ended = false;
  while (!ended) {
    CO_RETURN_IF_ERROR(co_await Sleep(options_.poll_interval));
    ended = true;
    LeftOut left_out;
    CO_ASSIGN_OR_RETURN(auto jobs, co_await manager->ListJobs());
    for (const process::JobDescription& listed : jobs) {
      std::string id = listed.id;
      CO_ASSIGN_OR_RETURN(process::JobDescription job,
                          co_await manager->DescribeJob(std::move(id)));
      CO_RETURN_IF_ERROR(Look(job, options_.end.has_value()));
      ended &= process::IsTerminal(job.state);
      for (const process::OperatorDescription& op : job.operators) {
        left_out.late_rows += op.late_rows;
        left_out.rejected_rows += op.rejected_rows;
      }
    }
    left_out_ = left_out;
    ended |= options_.end && env.WallTime() >= *options_.end;
  }
  co_return Status::OK();
}

Status SqlWorld::RunJobs(const std::string& script, const JobRun& run, int64_t* steps_taken) {
  for (size_t i = 0;; ++i) {
    auto life = Begin(run.parallelism[i % run.parallelism.size()]);
    int64_t steps = i < run.life_steps.size() ? run.life_steps[i] : kStepsMax;
    Status outcome;
    if (life->env->RunSteps(RunToEnd(life->manager.get(), script), steps, &outcome)) {
      if (steps_taken) *steps_taken = life->env->step_count();
      return outcome;
    }
    if (steps == kStepsMax) return MakeError(ErrorCode::kTimedOut, "the job does not end");
    // What was under way in this life is kept for ever, and never goes on.
    life->env->Abandon();
    (void)life->manager.release();
    (void)life->env.release();
    if (outside_->submitted) {
      outside_->disk.Crash();
    } else {
      Captures types = outside_->captures;
      (void)outside_.release();
      outside_ = MakeOutside();
      for (auto& [table, captured] : types) outside_->captures[table].types = captured.types;
    }
  }
}

}  // namespace mainstem::sqltest
