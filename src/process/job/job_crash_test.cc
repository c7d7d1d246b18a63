// Jobs in simulation: a plan that counts and sums by key runs to its end while the process is
// killed at random steps and restarted at another parallelism, the outside table refuses commits,
// and the log loses answers. What is outside afterwards must equal the model, once. One seed, one
// run.
#include <random>

#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/checkpoint/savepoint_store.h"
#include "process/job/job_runner.h"
#include "process/job/testing/counting_job.h"
#include "storage/record_batch.h"
#include "storage/testing/memory_log.h"

namespace mainstem::process {
namespace {

using storage::MemoryLog;
using testing::CountingModel;
using testing::MemoryWorld;

class World {
 public:
  explicit World(uint64_t seed, bool upsert)
      : random_(seed),
        disk_(seed),
        model_({}, &random_, &outside_),
        is_upsert_(upsert),
        plan_(std::make_shared<plan::Plan>(testing::CountingPlan(upsert))) {
    outside_.tables["out"]->fail_flushes = static_cast<int>(seed % 5);
    testing::AddMemoryConnectors(&outside_, &registry_);
    state_ = MakeMemoryStateBackendFactory();
    log_ = std::make_unique<MemoryLog>(nullptr);
  }

  struct Life {
    int64_t steps;
    int parallelism;
    std::string job_id = "job";
    std::string restore_from = {};  // a savepoint
    std::string stop_at = {};       // leave a savepoint there and stop, some time after the start
    bool drain = false;
  };
  // False when the process was killed.
  bool Live(Life life, Status* outcome) {
    auto env = std::make_unique<SimEnv>(&disk_, SimEnvOptions{.seed = random_()});
    log_->set_env(env.get());
    auto environment = std::make_unique<JobEnvironment>(JobEnvironment{
        env.get(), log_.get(), &registry_, state_.get(), {}, Logger::Silent(), &state_memory_});
    environment->context.env = env.get();
    environment->context.log = log_.get();
    JobRunnerOptions options;
    options.job_id = life.job_id;
    options.restore_from = life.restore_from;
    options.parallelism = life.parallelism;
    options.checkpoint_interval = std::chrono::milliseconds(3);
    options.checkpoint_directory = "/state/" + life.job_id;
    auto runner = std::make_unique<JobRunner>(environment.get(), plan_, std::move(options));
    StopRequest stop{.savepoint = life.stop_at, .options = {.drain = life.drain}};
    const auto run_for = std::chrono::microseconds(random_() % 12'000);
    Task<> task = life.stop_at.empty()
                      ? RunOne(log_.get(), runner.get())
                      : RunUntilStopped(log_.get(), runner.get(), std::move(stop), run_for);
    bool ended = env->RunSteps(std::move(task), life.steps, outcome);
    if (ended) {
      last_state_ = runner->state();
      runner.reset();
      return true;
    }
    env->Abandon();
    // A killed process destroys nothing.
    (void)runner.release();
    (void)environment.release();
    (void)env.release();
    disk_.Crash();
    return false;
  }

  void ExpectEqualsModel() {
    EXPECT_EQ(CountingModel::TableOf(&outside_, is_upsert_), model_.ExpectedTable());
    EXPECT_EQ(CountTopic(), static_cast<int64_t>(model_.ExpectedTopic().size()));
  }

  std::mt19937_64& random() { return random_; }
  MemoryLog* log() { return log_.get(); }
  // Of the last life that came to its end.
  JobState last_state() const { return last_state_; }

  // As a node does when it starts: what is not whole is removed.
  bool HasWholeSavepoint(const std::string& folder) {
    SimEnv env(&disk_, SimEnvOptions{.seed = 1});
    bool whole = false;
    CHECK_OK(env.Run(LookFor(&env, state_.get(), folder, &whole)));
    return whole;
  }

 private:
  static Task<> LookFor(Env* env, StateBackendFactory* factory, std::string folder, bool* whole) {
    SavepointStore savepoints(env, factory);
    CO_ASSIGN_OR_RETURN(*whole, co_await savepoints.RemoveUnlessWhole(std::move(folder)));
    co_return Status::OK();
  }

  static Task<> MakeTopic(MemoryLog* log) {
    if (log->FindTopic("copy")) co_return Status::OK();
    storage::TopicConfig none;
    co_return (co_await log->CreateTopic("copy", 1, none, false)).status();
  }

  static Task<> StopLater(JobRunner* runner, StopRequest stop, Duration run_for) {
    CO_RETURN_IF_ERROR(co_await Sleep(run_for));
    runner->RequestStop(std::move(stop));
    co_return Status::OK();
  }

  static Task<> RunUntilStopped(MemoryLog* log, JobRunner* runner, StopRequest stop,
                                Duration run_for) {
    CO_RETURN_IF_ERROR(co_await MakeTopic(log));
    Executor home = co_await asio::this_coro::executor;
    TaskScope scope(home, "stop", [](const std::string&, const Status&) {});
    scope.Spawn("stop", StopLater(runner, std::move(stop), run_for));
    Status status = co_await runner->Run();
    CO_RETURN_IF_ERROR(co_await scope.Close());
    if (runner->state() == JobState::kStopped) CO_RETURN_IF_ERROR(runner->savepoint_outcome());
    co_return status;
  }

  static Task<> RunOne(MemoryLog* log, JobRunner* runner) {
    CO_RETURN_IF_ERROR(co_await MakeTopic(log));
    CO_RETURN_IF_ERROR(co_await runner->Run());
    EXPECT_EQ(runner->state(), JobState::kFinished);
    co_return Status::OK();
  }

  int64_t CountTopic() {
    int64_t count = 0;
    auto env = std::make_unique<SimEnv>(&disk_, SimEnvOptions{.seed = 1});
    log_->set_env(env.get());
    CHECK_OK(env->Run(Count(log_.get(), &count)));
    return count;
  }
  static Task<> Count(MemoryLog* log, int64_t* count) {
    storage::TopicPartition where{log->FindTopic("copy")->id, PartitionId(0)};
    CO_ASSIGN_OR_RETURN(auto offsets, co_await log->Offsets(where));
    *count = offsets.high_watermark.value();
    co_return Status::OK();
  }

  std::mt19937_64 random_;
  SimDisk disk_;
  MemoryWorld outside_;
  CountingModel model_;
  const bool is_upsert_;
  connector::ConnectorRegistry registry_;
  std::unique_ptr<StateBackendFactory> state_;
  StateMemory state_memory_{64u << 20};
  std::unique_ptr<MemoryLog> log_;
  std::shared_ptr<plan::Plan> plan_;
  JobState last_state_ = JobState::kCreated;
};

TEST(JobCrashTest, RunsToTheEndAtEachParallelism) {
  for (int parallelism : {1, 2, 5}) {
    for (bool upsert : {false, true}) {
      World world(10, upsert);
      Status outcome;
      ASSERT_TRUE(world.Live({.steps = 50'000'000, .parallelism = parallelism}, &outcome));
      EXPECT_TRUE(outcome.ok()) << outcome;
      world.ExpectEqualsModel();
    }
  }
}

TEST(JobCrashTest, WritesEachRowOnceThroughCrashesAndOtherParallelism) {
  int crashes = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    World world(seed, seed % 2 == 0);
    Status outcome;
    for (int life = 0;; ++life) {
      ASSERT_LT(life, 100);
      int64_t steps = life < 8 ? 200 + static_cast<int64_t>(world.random()() % 2500) : 50'000'000;
      int parallelism = 1 + static_cast<int>(world.random()() % 4);
      if (world.Live({.steps = steps, .parallelism = parallelism}, &outcome)) break;
      ++crashes;
    }
    ASSERT_TRUE(outcome.ok()) << outcome;
    world.ExpectEqualsModel();
  }
  EXPECT_GT(crashes, 40);
}

// Three jobs after each other, each from the savepoint of the one before.
TEST(JobCrashTest, GoesOnFromSavepointsThroughCrashesAndOtherParallelism) {
  int crashes = 0, savepoints = 0, crashes_in_stops = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    World world(seed, seed % 2 == 0);
    Status outcome;
    std::string restore_from;
    for (int job = 0; job < 3 && world.last_state() != JobState::kFinished; ++job) {
      const std::string folder = fmt::format("/savepoints/{}", job);
      for (int life = 0;; ++life) {
        ASSERT_LT(life, 100);
        World::Life next{.steps = 50'000'000,
                         .parallelism = 1 + static_cast<int>(world.random()() % 4),
                         .job_id = fmt::format("job-{}", job),
                         .restore_from = restore_from};
        if (life < 5) next.steps = 100 + static_cast<int64_t>(world.random()() % 1500);
        if (job < 2) next.stop_at = folder;
        if (world.Live(next, &outcome)) break;
        ++crashes;
        if (job == 2 || !world.HasWholeSavepoint(folder)) continue;
        ++crashes_in_stops;  // it was whole, and the job had not heard of it
        break;
      }
      ASSERT_TRUE(outcome.ok()) << outcome;
      if (job < 2 && world.HasWholeSavepoint(folder)) ++savepoints;
      restore_from = folder;
    }
    world.ExpectEqualsModel();
  }
  EXPECT_GT(crashes, 100);
  EXPECT_GT(savepoints, 80);
  EXPECT_GT(crashes_in_stops, 0);
}

TEST(JobCrashTest, RestartsFromTheLastEpochWhenACommitFails) {
  for (bool after : {false, true}) {
    World world(3, false);
    int commits = 0;
    world.log()->commit_hook = [&](const storage::EpochCommit&) {
      MemoryLog::CommitFault fault;
      if (++commits % 3 == 0) {
        Status lost = MakeError(ErrorCode::kUnavailable, "the answer is lost");
        (after ? fault.after : fault.before) = lost;
      }
      return fault;
    };
    Status outcome;
    ASSERT_TRUE(world.Live({.steps = 50'000'000, .parallelism = 2}, &outcome));
    EXPECT_TRUE(outcome.ok()) << outcome;
    EXPECT_GT(commits, 3);
    world.ExpectEqualsModel();
  }
}

}  // namespace
}  // namespace mainstem::process
