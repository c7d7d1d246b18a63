#include "sql_world.h"

#include <algorithm>

#include <arrow/api.h>

#include "process/state/state_backend.h"

namespace mainstem::sqltest {
namespace {

using process::JobManager;
using process::JobState;
using process::ResultColumn;
using process::ResultRow;

class Collector final : public process::ResultListener {
 public:
  std::vector<StatementResult> results;

  Status OnStatement(int index, std::string_view text) override {
    results.emplace_back().text = text;
    return Status::OK();
  }
  Status OnColumns(const std::vector<ResultColumn>& columns) override {
    results.back().has_columns = true;
    for (const ResultColumn& column : columns) results.back().columns.push_back(column.type);
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

Task<> ExecuteScript(JobManager* manager, std::string script, Collector* collector) {
  CO_RETURN_IF_ERROR(co_await manager->Start());
  process::ExecuteOptions options;
  options.settings["table.local-time-zone"] = "UTC";
  Status status = co_await manager->Execute(std::move(script), std::move(options), collector);
  CO_RETURN_IF_ERROR(co_await manager->Stop());
  co_return status;
}

Task<> RunToEnd(JobManager* manager, std::string script) {
  CO_RETURN_IF_ERROR(co_await manager->Start());
  CO_ASSIGN_OR_RETURN(auto jobs, co_await manager->ListJobs());
  std::string id;
  if (jobs.empty()) {
    process::SubmitOptions options;
    options.settings["table.local-time-zone"] = "UTC";
    options.settings["execution.checkpointing.interval"] = "2 ms";
    CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(std::move(script), std::move(options)));
    id = ids[0];
  } else {
    id = jobs[0].id;
  }
  for (;;) {
    CO_ASSIGN_OR_RETURN(process::JobDescription job, co_await manager->DescribeJob(id));
    if (job.state == JobState::kFailed) co_return MakeError(ErrorCode::kInternal, job.error);
    if (IsTerminal(job.state)) break;
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(1)));
  }
  co_return co_await manager->Stop();
}

}  // namespace

std::vector<std::vector<std::optional<std::string>>> Fold(const std::vector<TextRow>& rows) {
  std::map<std::vector<std::optional<std::string>>, int64_t> counts;
  for (const TextRow& row : rows) {
    counts[row.fields] += row.kind == "+I" || row.kind == "+U" ? 1 : -1;
  }
  std::vector<std::vector<std::optional<std::string>>> left;
  for (const auto& [fields, count] : counts) {
    for (int64_t i = 0; i < count; ++i) left.push_back(fields);
    if (count < 0) left.push_back({"taken back, never there: ", fields.empty() ? "" : fields[0]});
  }
  return left;
}

std::string ToText(const TextRow& row) {
  std::string out = row.kind;
  for (const auto& field : row.fields) out += " | " + field.value_or("<NULL>");
  return out;
}

struct SqlWorld::Life {
  std::unique_ptr<SimEnv> env;
  std::unique_ptr<JobManager> manager;
};

SqlWorld::SqlWorld(uint64_t seed, size_t lines_per_read) : seed_(seed), disk_(seed) {
  outside_.tables["out"] = std::make_shared<process::testing::MemoryTable>();
  process::testing::AddMemoryConnectors(&outside_, &registry_);
  registry_.Add(TextFilesConnector(&files_, lines_per_read));
  state_ = process::MakeMemoryStateBackendFactory();
}

std::unique_ptr<SqlWorld::Life> SqlWorld::Begin(int parallelism) {
  auto life = std::make_unique<Life>();
  life->env = std::make_unique<SimEnv>(&disk_, SimEnvOptions{.seed = ++seed_});
  log_.set_env(life->env.get());
  process::JobManagerOptions options;
  options.state_directory = "/state";
  options.default_parallelism = parallelism;
  options.state_backends = state_.get();
  life->manager =
      JobManager::Make(life->env.get(), &log_, &registry_, std::move(options), Logger::Silent())
          .ValueOrDie();
  return life;
}

std::vector<StatementResult> SqlWorld::Execute(const std::string& script, int parallelism) {
  auto life = Begin(parallelism);
  Collector collector;
  Status status = life->env->Run(ExecuteScript(life->manager.get(), script, &collector));
  if (!status.ok()) collector.results.emplace_back().error = status;
  return std::move(collector.results);
}

Result<std::vector<std::string>> SqlWorld::RunJob(const std::string& script, const JobRun& run,
                                                  int64_t* steps_taken) {
  constexpr int64_t kNoLimit = 100'000'000;
  for (size_t i = 0;; ++i) {
    auto life = Begin(run.parallelism[i % run.parallelism.size()]);
    int64_t steps = i < run.life_steps.size() ? run.life_steps[i] : kNoLimit;
    Status outcome;
    if (life->env->RunSteps(RunToEnd(life->manager.get(), script), steps, &outcome)) {
      RETURN_IF_ERROR(outcome);
      if (steps_taken) *steps_taken = life->env->step_count();
      break;
    }
    if (steps == kNoLimit) return MakeError(ErrorCode::kTimedOut, "the job does not end");
    life->env->Abandon();
    (void)life->manager.release();
    (void)life->env.release();
    disk_.Crash();
  }
  return outside_.tables["out"]->Fold();
}

}  // namespace mainstem::sqltest
