// Jobs by SQL on real threads, the real log and RocksDB: submitted, cut off in the middle again and
// again, resumed at another parallelism, stopped with a checkpoint and resumed by hand.
#include "process/job/job_manager.h"

#include <filesystem>
#include <random>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "process/job/job_record_format.h"
#include "process/job/testing/memory_connectors.h"
#include "storage/embedded_log.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;
using testing::MemoryTable;
using testing::MemoryWorld;

constexpr int kSplits = 4;
constexpr int kBatches = 150;
constexpr int kRows = 400;

constexpr const char* kScript = R"(
SET 'execution.checkpointing.interval' = '15 ms';
CREATE TABLE src (k STRING, v BIGINT) WITH ('connector' = 'memory', 'name' = 'src');
CREATE TABLE totals (k STRING, c BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED)
  WITH ('connector' = 'memory-table', 'name' = 'totals');
CREATE TABLE copy (k STRING, v BIGINT) WITH ('connector' = 'memory-table', 'name' = 'copy');
EXECUTE STATEMENT SET BEGIN
INSERT INTO totals SELECT k, COUNT(*), SUM(v) FROM src GROUP BY k;
INSERT INTO copy SELECT k, v FROM src WHERE v < 10;
END;
)";

class JobManagerTest : public ::testing::Test {
 public:
  JobManagerTest() {
    char pattern[] = "/tmp/job_manager_test.XXXXXX";
    root_ = mkdtemp(pattern);
    std::mt19937_64 random(5);
    auto schema =
        arrow::schema({arrow::field("k", arrow::utf8()), arrow::field("v", arrow::int64())});
    auto& source = outside_.sources["src"];
    source.read_delay = std::chrono::microseconds(900);
    for (int split = 0; split < kSplits; ++split) {
      auto& batches = source.splits.emplace_back();
      for (int i = 0; i < kBatches; ++i) {
        arrow::StringBuilder keys;
        arrow::Int64Builder values;
        for (int row = 0; row < kRows; ++row) {
          std::string key = fmt::format("key-{}", random() % 5000);
          auto value = static_cast<int64_t>(random() % 1000);
          CHECK_OK(keys.Append(key));
          CHECK_OK(values.Append(value));
          ++counts_[key];
          sums_[key] += value;
          if (value < 10) copies_.push_back(fmt::format("{}|{}", key, value));
        }
        batches.emplace_back().rows = arrow::RecordBatch::Make(
            schema, kRows, {keys.Finish().ValueOrDie(), values.Finish().ValueOrDie()});
      }
    }
    std::sort(copies_.begin(), copies_.end());
    outside_.tables["totals"] = std::make_shared<MemoryTable>();
    outside_.tables["copy"] = std::make_shared<MemoryTable>();
    testing::AddMemoryConnectors(&outside_, &registry_);
  }
  ~JobManagerTest() override { std::filesystem::remove_all(root_); }

  // One life of a node: opens the log, starts the jobs, runs `body`, ends.
  using Body = Task<> (*)(JobManagerTest* test, JobManager* manager);
  void Live(int parallelism, Body body) {
    auto env = MakeRealEnv({.shard_count = 2});
    CHECK_OK(RunBlocking(env->shard(0), LiveIn(env.get(), this, parallelism, body)));
  }
  static Task<> LiveIn(Env* env, JobManagerTest* test, int parallelism, Body body) {
    storage::EmbeddedLogOptions log_options;
    log_options.data_dir = test->root_ + "/log";
    CO_ASSIGN_OR_RETURN(auto log, co_await storage::EmbeddedLog::Open(env, std::move(log_options)));
    if (test->before_start_ != nullptr) CO_RETURN_IF_ERROR(co_await test->before_start_(log.get()));
    JobManagerOptions options;
    options.state_directory = test->root_ + "/state";
    options.default_parallelism = parallelism;
    options.state_memory_bytes = 32u << 20;
    options.savepoint_directory = test->root_ + "/savepoints";
    CO_ASSIGN_OR_RETURN(auto manager, JobManager::Make(env, log.get(), &test->registry_,
                                                       std::move(options), Logger::Silent()));
    CO_RETURN_IF_ERROR(co_await manager->Start());
    // What was started is stopped, too, when the body fails.
    Status outcome = co_await body(test, manager.get());
    CO_RETURN_IF_ERROR(co_await manager->Stop());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    co_return outcome;
  }

  static Task<> SubmitJob(JobManagerTest* test, JobManager* manager) {
    SubmitOptions options;
    CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(kScript, std::move(options)));
    EXPECT_EQ(ids.size(), 1u);
    test->job_id_ = ids[0];
    co_return Status::OK();
  }
  // Until the job has committed `more` further epochs, or has ended.
  static Task<> WaitForEpochs(JobManagerTest* test, JobManager* manager, int more) {
    CO_ASSIGN_OR_RETURN(JobDescription first, co_await manager->DescribeJob(test->job_id_));
    for (;;) {
      CO_ASSIGN_OR_RETURN(JobDescription now, co_await manager->DescribeJob(test->job_id_));
      if (IsTerminal(now.state) || now.checkpoint.id >= first.checkpoint.id + more) {
        co_return Status::OK();
      }
      CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
    }
  }
  static Task<> RunForAWhile(JobManagerTest* test, JobManager* manager) {
    return WaitForEpochs(test, manager, 2);
  }
  static Task<> RunToEnd(JobManagerTest* test, JobManager* manager) {
    return WaitForEpochs(test, manager, 1'000'000);
  }

  void ExpectEverythingOnce() {
    std::map<std::string, std::string> last;
    for (const auto& row : outside_.tables["totals"]->rows) {
      last[row.text.substr(0, row.text.find('|'))] = row.text;
    }
    EXPECT_EQ(last.size(), counts_.size());
    for (const auto& [key, count] : counts_) {
      EXPECT_EQ(last[key], fmt::format("{}|{}|{}", key, count, sums_[key]));
    }
    EXPECT_EQ(outside_.tables["copy"]->Fold(), copies_);
  }

  std::string root_;
  std::string job_id_;
  Task<> (*before_start_)(storage::Log* log) = nullptr;
  MemoryWorld outside_;
  connector::ConnectorRegistry registry_;
  std::map<std::string, int64_t> counts_, sums_;
  std::vector<std::string> copies_;
};

TEST_F(JobManagerTest, EndsWithEveryRowOnceThoughItIsCutOffAndRescaled) {
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    // On a slow machine it has ended already.
    if (!IsTerminal(job.state)) {
      EXPECT_EQ(job.sinks.size(), 2u);
    }
    co_return Status::OK();
  });
  for (int parallelism : {3, 1, 2}) Live(parallelism, RunForAWhile);
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await RunToEnd(test, manager));
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kFinished) << job.error;
    co_return Status::OK();
  });
  ExpectEverythingOnce();
  // A finished job stays finished.
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kFinished);
    co_return co_await manager->DeleteJob(test->job_id_);
  });
  EXPECT_FALSE(std::filesystem::exists(root_ + "/state/" + job_id_));
}

// As it was kept before jobs knew their version of planning.
Task<> ForgetPlanVersions(storage::Log* log) {
  CO_ASSIGN_OR_RETURN(auto kept, co_await log->ListMeta("jobs/"));
  for (const auto& [key, value] : kept) {
    CO_ASSIGN_OR_RETURN(JobRecord record, DecodeJobRecord(value));
    EXPECT_EQ(record.settings.at("mainstem.plan.version"), "1");
    record.settings.erase("mainstem.plan.version");
    std::optional<std::string> older = EncodeJobRecord(record);
    CO_RETURN_IF_ERROR(co_await log->PutMeta(key, std::move(older)));
  }
  co_return Status::OK();
}

TEST_F(JobManagerTest, AJobGoesOnWithTheVersionOfPlanningThatItWasMadeWith) {
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    SubmitOptions options;
    options.settings["mainstem.plan.version"] = "1";
    // An inner join from version 2 on.
    std::string script = R"(
SET 'execution.checkpointing.interval' = '15 ms';
CREATE TABLE src (k STRING, v BIGINT) WITH ('connector' = 'memory', 'name' = 'src');
CREATE TABLE totals (k STRING, c BIGINT, s BIGINT, PRIMARY KEY (k) NOT ENFORCED)
  WITH ('connector' = 'memory-table', 'name' = 'totals');
CREATE VIEW few AS SELECT k, v FROM src WHERE v < 10;
SET 'table.dml-sync' = 'true';
RESET;
SET 'execution.checkpointing.interval' = '1 ms';
INSERT INTO totals SELECT a.k, a.c, b.s FROM (SELECT k, COUNT(*) AS c FROM few GROUP BY k) AS a
  LEFT JOIN (SELECT k, SUM(v) AS s FROM few GROUP BY k) AS b ON a.k = b.k WHERE b.s >= 0;
)";
    CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(std::move(script), std::move(options)));
    test->job_id_ = ids[0];
    co_return co_await RunForAWhile(test, manager);
  });
  before_start_ = ForgetPlanVersions;
  Live(2, RunForAWhile);
  before_start_ = nullptr;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await RunToEnd(test, manager));
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kFinished) << job.error;
    co_return Status::OK();
  });
  std::map<std::string, std::pair<int64_t, int64_t>> expected;
  for (const std::string& copy : copies_) {
    auto& [count, sum] = expected[copy.substr(0, copy.find('|'))];
    ++count;
    sum += std::stoll(copy.substr(copy.find('|') + 1));
  }
  std::map<std::string, std::string> last;
  for (const auto& row : outside_.tables["totals"]->rows) {
    last[row.text.substr(0, row.text.find('|'))] = row.text;
  }
  EXPECT_EQ(last.size(), expected.size());
  for (const auto& [key, total] : expected) {
    EXPECT_EQ(last[key], fmt::format("{}|{}|{}", key, total.first, total.second));
  }
}

TEST_F(JobManagerTest, StopsWithACheckpointAndResumes) {
  // However slow the machine is, the job has not ended before it is stopped.
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    CO_RETURN_IF_ERROR(co_await manager->StopJob(test->job_id_));
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kStopped);
    co_return Status::OK();
  });
  outside_.sources["src"].unbounded = false;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kStopped);
    CO_RETURN_IF_ERROR(co_await manager->ResumeJob(test->job_id_));
    co_return co_await RunToEnd(test, manager);
  });
  ExpectEverythingOnce();
}

// The job of a keeper (connector/job_service.h), into `copy` or `other`.
connector::KeptJob KeptInto(const std::string& table) {
  connector::KeptJob job;
  job.id = "kept-1";
  job.name = "kept";
  job.script = R"(
SET 'execution.checkpointing.interval' = '15 ms';
CREATE TABLE src (k STRING, v BIGINT) WITH ('connector' = 'memory', 'name' = 'src');
CREATE TABLE destination (k STRING, v BIGINT) WITH ('connector' = 'memory-table', 'name' = ')" +
               table + R"(');
INSERT INTO destination SELECT k, v FROM src WHERE v < 10;
)";
  return job;
}

Task<> WaitForRows(MemoryTable* table) {
  while (table->Fold().empty()) CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(5)));
  co_return Status::OK();
}

// What waits for a table that is down goes to the next one; then there and back again, also over
// the one that is down, while the node ends in between.
TEST_F(JobManagerTest, AKeptJobGoesOnIntoAnotherTableWithEachRowOnce) {
  outside_.tables["other"] = std::make_shared<MemoryTable>();
  outside_.tables["down"] = std::make_shared<MemoryTable>();
  outside_.tables["down"]->differences.push_back(
      {.column = "v", .problem = "column 'v' is missing"});
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    test->job_id_ = "kept-1";
    CO_RETURN_IF_ERROR(co_await manager->PutJob(KeptInto("down")));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    CO_RETURN_IF_ERROR(co_await manager->PutJob(KeptInto("other")));
    CO_RETURN_IF_ERROR(co_await WaitForRows(test->outside_.tables["other"].get()));
    for (const char* table : {"other", "copy", "down"}) {
      CO_RETURN_IF_ERROR(co_await manager->PutJob(KeptInto(table)));
      CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    }
    connector::KeptJob two_sinks = KeptInto("copy");
    two_sinks.script = kScript;
    Status refused = co_await manager->PutJob(std::move(two_sinks));
    EXPECT_TRUE(Is(refused, ErrorCode::kUnsupported)) << refused;
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kRunning);
    co_return Status::OK();
  });
  outside_.sources["src"].unbounded = false;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await manager->PutJob(KeptInto("other")));
    CO_RETURN_IF_ERROR(co_await RunToEnd(test, manager));
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kFinished) << job.error;
    EXPECT_EQ(job.name, "kept");
    CO_RETURN_IF_ERROR(co_await manager->DropJob("kept-1"));
    CO_RETURN_IF_ERROR(co_await manager->DropJob("kept-1"));
    CO_ASSIGN_OR_RETURN(bool is_there, co_await manager->HasJob("kept-1"));
    EXPECT_FALSE(is_there);
    co_return Status::OK();
  });
  std::vector<std::string> rows = outside_.tables["copy"]->Fold();
  for (std::string& row : outside_.tables["other"]->Fold()) rows.push_back(std::move(row));
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, copies_);
  EXPECT_TRUE(outside_.tables["down"]->Fold().empty());
}

// Statement by statement; the first field of the last row that came.
class LastField final : public ResultListener {
 public:
  std::string text;
  Status OnRows(std::vector<ResultRow> rows) override {
    for (const ResultRow& row : rows) text = row.fields[0].value_or("");
    return Status::OK();
  }
};

TEST_F(JobManagerTest, GoesOnFromASavepointAsAnotherJobAtAnotherParallelism) {
  outside_.sources["src"].unbounded = true;
  static std::string savepoint;  // bodies capture nothing
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    LastField listener;
    ExecuteOptions options;
    std::string stop = "STOP JOB '" + test->job_id_ + "' WITH SAVEPOINT";
    CO_RETURN_IF_ERROR(co_await manager->Execute(std::move(stop), std::move(options), &listener));
    savepoint = listener.text;
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kStopped);
    EXPECT_EQ(job.savepoint.path, savepoint);
    EXPECT_FALSE(job.savepoint.in_progress);
    // It outlives its job.
    co_return co_await manager->DeleteJob(test->job_id_);
  });
  ASSERT_TRUE(savepoint.starts_with(root_ + "/savepoints/")) << savepoint;
  // And its place.
  std::filesystem::rename(savepoint, root_ + "/moved");
  outside_.sources["src"].unbounded = false;
  Live(3, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    SubmitOptions options;
    options.settings["execution.state-recovery.path"] = savepoint;
    Status refused = (co_await manager->Submit(kScript, options)).status();
    EXPECT_TRUE(Is(refused, ErrorCode::kNotFound)) << refused;
    options.settings["execution.state-recovery.path"] = "file://" + test->root_ + "/moved";
    CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(kScript, std::move(options)));
    test->job_id_ = ids[0];
    co_return co_await RunToEnd(test, manager);
  });
  ExpectEverythingOnce();
}

TEST_F(JobManagerTest, KeepsOnDiskOnlyWhatAJobCanGoOnFrom) {
  const std::filesystem::path left = root_ + "/state/query-0123";
  std::filesystem::create_directories(left / "live");
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    // What a query left that ran when the node was killed.
    EXPECT_FALSE(std::filesystem::exists(test->root_ + "/state/query-0123"));
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    CO_RETURN_IF_ERROR(co_await manager->StopJob(test->job_id_));
    const std::filesystem::path state = test->root_ + "/state/" + test->job_id_;
    EXPECT_FALSE(std::filesystem::is_empty(state));
    EXPECT_FALSE(std::filesystem::exists(state / "live"));
    CO_RETURN_IF_ERROR(co_await manager->ResumeJob(test->job_id_));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    CO_RETURN_IF_ERROR(co_await manager->CancelJob(test->job_id_));
    EXPECT_FALSE(std::filesystem::exists(state / "live"));
    co_return Status::OK();
  });
}

TEST_F(JobManagerTest, OfTwoInsertsNoneBeginsWhenOneCannot) {
  static std::string savepoint;  // bodies capture nothing
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    StopJobOptions stop;
    CO_ASSIGN_OR_RETURN(savepoint,
                        co_await manager->StopJobWithSavepoint(test->job_id_, std::move(stop)));
    SubmitOptions options;
    options.settings["execution.state-recovery.path"] = savepoint;
    std::string script = kScript;
    script += "INSERT INTO copy SELECT k, v FROM src;";  // takes over no aggregate
    Status refused = (co_await manager->Submit(std::move(script), std::move(options))).status();
    EXPECT_FALSE(refused.ok());
    CO_ASSIGN_OR_RETURN(std::vector<JobDescription> jobs, co_await manager->ListJobs());
    EXPECT_EQ(jobs.size(), 1u);
    co_return Status::OK();
  });
}

TEST_F(JobManagerTest, RefusesASavepointThatDoesNotFitUnlessItsStateMayBeLeftOut) {
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    SavepointOptions take;
    CO_ASSIGN_OR_RETURN(std::string path,
                        co_await manager->TakeSavepoint(test->job_id_, std::move(take)));
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(test->job_id_));
    EXPECT_EQ(job.state, JobState::kRunning);
    EXPECT_EQ(job.savepoint.path, path);
    CO_RETURN_IF_ERROR(co_await manager->CancelJob(test->job_id_));
    std::string script = kScript;
    script.replace(script.find("COUNT(*)"), 8, "MAX(v)");
    SubmitOptions options;
    options.settings["execution.savepoint.path"] = path;
    Status refused = (co_await manager->Submit(script, options)).status();
    EXPECT_TRUE(Is(refused, ErrorCode::kInvalidArgument)) << refused;
    EXPECT_NE(TextOf(refused).detail.find("GroupAggregate(keys=[k], select=[COUNT(*)"),
              std::string::npos)
        << TextOf(refused).detail;
    options.settings["execution.state-recovery.ignore-unclaimed-state"] = "true";
    CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(script, options));
    // Whatever the first job has left to read, this one takes a checkpoint.
    for (;;) {
      CO_ASSIGN_OR_RETURN(job, co_await manager->DescribeJob(ids[0]));
      EXPECT_FALSE(IsTerminal(job.state)) << job.error;
      if (job.checkpoint.id > 0 || IsTerminal(job.state)) co_return Status::OK();
      CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
    }
  });
}

struct SavepointAnswer {
  Status status = MakeError(ErrorCode::kInternal, "no answer");
  std::string path;
};

Task<> AskForSavepoint(JobManager* manager, std::string id, bool stops, SavepointAnswer* answer) {
  Result<std::string> path = std::string();
  if (stops) {
    StopJobOptions options;
    path = co_await manager->StopJobWithSavepoint(std::move(id), std::move(options));
  } else {
    SavepointOptions options;
    path = co_await manager->TakeSavepoint(std::move(id), std::move(options));
  }
  answer->status = path.status();
  if (path.ok()) answer->path = *path;
  co_return Status::OK();
}

// A savepoint that is told of is there, and is the job's last one.
Task<> ExpectTold(JobManager* manager, std::string id, SavepointAnswer answer) {
  CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(std::move(id)));
  EXPECT_FALSE(job.savepoint.in_progress);
  if (!answer.status.ok()) co_return Status::OK();
  EXPECT_EQ(job.savepoint.path, answer.path);
  EXPECT_TRUE(std::filesystem::exists(answer.path)) << answer.path;
  co_return Status::OK();
}

TEST_F(JobManagerTest, APlainStopTakesNoSavepointFromAnother) {
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    Executor home = co_await asio::this_coro::executor;
    for (int i = 0; i < 8; ++i) {
      SavepointAnswer answer;
      TaskScope scope(home, "stop", [](const std::string&, const Status&) {});
      scope.Spawn("savepoint", AskForSavepoint(manager, test->job_id_, true, &answer));
      CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::microseconds(400) * i));
      CO_RETURN_IF_ERROR(co_await manager->StopJob(test->job_id_));
      CO_RETURN_IF_ERROR(co_await scope.Join());
      CO_RETURN_IF_ERROR(co_await ExpectTold(manager, test->job_id_, std::move(answer)));
      CO_RETURN_IF_ERROR(co_await manager->ResumeJob(test->job_id_));
    }
    co_return co_await manager->CancelJob(test->job_id_);
  });
}

TEST_F(JobManagerTest, OfTwoSavepointsAtOnceOneIsRefused) {
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    CO_RETURN_IF_ERROR(co_await RunForAWhile(test, manager));
    Executor home = co_await asio::this_coro::executor;
    SavepointAnswer first, second;
    TaskScope scope(home, "savepoints", [](const std::string&, const Status&) {});
    scope.Spawn("first", AskForSavepoint(manager, test->job_id_, false, &first));
    scope.Spawn("second", AskForSavepoint(manager, test->job_id_, false, &second));
    CO_RETURN_IF_ERROR(co_await scope.Join());
    if (!first.status.ok()) std::swap(first, second);
    EXPECT_TRUE(first.status.ok()) << first.status;
    EXPECT_TRUE(Is(second.status, ErrorCode::kAlreadyExists)) << second.status;
    CO_RETURN_IF_ERROR(co_await ExpectTold(manager, test->job_id_, std::move(first)));
    co_return co_await manager->CancelJob(test->job_id_);
  });
}

TEST_F(JobManagerTest, AJobThatFailedBeforeItsFirstCheckpointHasNoSavepoint) {
  outside_.sources["src"].unbounded = true;
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    SavepointAnswer answer;
    CO_RETURN_IF_ERROR(co_await AskForSavepoint(manager, test->job_id_, false, &answer));
    CO_RETURN_IF_ERROR(answer.status);
    SubmitOptions options;
    options.settings["execution.savepoint.path"] = answer.path;
    CO_RETURN_IF_ERROR(co_await manager->CancelJob(test->job_id_));
    std::string script = kScript;
    script.replace(script.find("15 ms"), 5, "10 min");
    script.replace(script.find("SELECT k, v FROM"), 11, "SELECT k, v / (v - v)");
    CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(script, std::move(options)));
    test->job_id_ = ids[0];
    CO_RETURN_IF_ERROR(co_await RunToEnd(test, manager));
    answer = SavepointAnswer();
    CO_RETURN_IF_ERROR(co_await AskForSavepoint(manager, test->job_id_, false, &answer));
    EXPECT_TRUE(Is(answer.status, ErrorCode::kInvalidArgument)) << answer.status;
    EXPECT_EQ(TextOf(answer.status).message, "the job has no checkpoint yet");
    co_return co_await ExpectTold(manager, test->job_id_, std::move(answer));
  });
}

TEST_F(JobManagerTest, ReadsASplitThatIsNewerThanTheCheckpointFromItsBeginning) {
  auto& source = outside_.sources["src"];
  source.unbounded = source.starts_at_end = true;
  static std::vector<ChangelogBatch> later;
  later = std::move(source.splits.back());
  later.resize(2);
  source.splits.pop_back();
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    co_return co_await manager->StopJob(test->job_id_);
  });
  source.splits.push_back(std::move(later));
  Live(2, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await manager->ResumeJob(test->job_id_));
    JobDescription job;
    for (int64_t read = 0; read < 2 * kRows;) {
      CO_ASSIGN_OR_RETURN(job, co_await manager->DescribeJob(test->job_id_));
      EXPECT_FALSE(IsTerminal(job.state)) << job.error;
      if (IsTerminal(job.state)) co_return Status::OK();
      for (const OperatorDescription& op : job.operators) {
        if (op.name.starts_with("Source")) read = op.rows_out;
      }
      CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
    }
    co_return co_await manager->CancelJob(test->job_id_);
  });
}

Task<> RunScript(JobManager* manager, std::string script, ResultListener* listener) {
  ExecuteOptions options;
  co_return co_await manager->Execute(std::move(script), std::move(options), listener);
}

// While the job runs, goes down and comes up again: splits lie on other shards than the manager.
TEST_F(JobManagerTest, TellsOfTheWatermarkOfAJobThatRunsAtAnyTime) {
  outside_.sources["src"].unbounded = true;
  Live(4, [](JobManagerTest* test, JobManager* manager) -> Task<> {
    CO_RETURN_IF_ERROR(co_await SubmitJob(test, manager));
    size_t most_rows = 0;
    for (int life = 0; life < 4; ++life) {
      // Once all of it must be up.
      for (int i = 0; i < 20 || (most_rows < kSplits && i < 10'000); ++i) {
        auto report = co_await manager->ExplainWatermark(test->job_id_);
        if (!report.ok()) {
          EXPECT_TRUE(Is(report.status(), ErrorCode::kInvalidArgument)) << report.status();
        } else {
          most_rows = std::max(most_rows, report->rows.size());
        }
        CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
      }
      CO_RETURN_IF_ERROR(co_await manager->StopJob(test->job_id_));
      CO_RETURN_IF_ERROR(co_await manager->ResumeJob(test->job_id_));
    }
    EXPECT_EQ(most_rows, static_cast<size_t>(kSplits));
    LastField listener;
    ExecuteOptions options;
    std::string explain = "EXPLAIN WATERMARK FOR JOB '" + test->job_id_ + "'";
    for (size_t rows = 0; rows == 0;) {
      auto report = co_await manager->ExplainWatermark(test->job_id_);
      if (report.ok()) rows = report->rows.size();
      CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
    }
    CO_RETURN_IF_ERROR(co_await manager->Execute(explain, std::move(options), &listener));
    EXPECT_TRUE(listener.text.ends_with("src")) << listener.text;
    co_return co_await manager->CancelJob(test->job_id_);
  });
}

class Counting final : public ResultListener {
 public:
  int64_t rows = 0;
  std::vector<std::string> types;
  Status OnColumns(const std::vector<ResultColumn>& columns) override {
    for (const ResultColumn& column : columns) types.push_back(column.type);
    return Status::OK();
  }
  Status OnRows(std::vector<ResultRow> more) override {
    rows += static_cast<int64_t>(more.size());
    return Status::OK();
  }
};

TEST_F(JobManagerTest, GivesTheRowsOfAQueryAndTheErrorOfAnother) {
  Live(2, [](JobManagerTest*, JobManager* manager) -> Task<> {
    Counting listener;
    std::string table =
        "CREATE TABLE src (k STRING, v BIGINT) WITH ('connector' = 'memory', 'name' = 'src');";
    CO_RETURN_IF_ERROR(
        co_await RunScript(manager, table + "SELECT DISTINCT k FROM src;", &listener));
    EXPECT_EQ(listener.rows, 5000);
    EXPECT_EQ(listener.types, std::vector<std::string>{"VARCHAR"});
    Status status = co_await RunScript(manager, table + "SELECT 1 / (v - v) FROM src;", &listener);
    EXPECT_TRUE(Is(status, ErrorCode::kEvaluationError)) << status;
    status = co_await RunScript(manager, "SELECT a FROM nowhere;", &listener);
    EXPECT_FALSE(status.ok());
    CO_ASSIGN_OR_RETURN(auto jobs, co_await manager->ListJobs());
    EXPECT_TRUE(jobs.empty());
    co_return Status::OK();
  });
}

}  // namespace
}  // namespace mainstem::process
