// Jobs that are kept for others, in simulation: changed while the log takes nothing, while users
// command them, and forgotten while the process is killed at each step.
#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/job/job_manager.h"
#include "process/job/job_record_format.h"
#include "process/job/testing/memory_connectors.h"
#include "process/state/state_backend.h"
#include "storage/testing/memory_log.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;

connector::KeptJob NumbersInto(const std::string& table) {
  connector::KeptJob job{.id = "kept-1", .name = "kept", .script = ""};
  job.script = R"(
SET 'execution.checkpointing.interval' = '10 ms';
CREATE TABLE src (v BIGINT) WITH ('connector' = 'memory', 'name' = 'src');
CREATE TABLE destination (v BIGINT) WITH ('connector' = 'memory-table', 'name' = ')" +
               table + R"(');
INSERT INTO destination SELECT v FROM src;
)";
  return job;
}

// What outlives the process.
struct KeptWorld {
  KeptWorld() {
    auto schema = arrow::schema({arrow::field("v", arrow::int64())});
    auto& source = world.sources["src"];
    source.unbounded = true;
    source.read_delay = milliseconds(3);
    auto& batches = source.splits.emplace_back();
    for (int i = 0; i < kNumbers; ++i) {
      arrow::Int64Builder values;
      CHECK_OK(values.Append(i));
      batches.emplace_back().rows =
          arrow::RecordBatch::Make(schema, 1, {values.Finish().ValueOrDie()});
    }
    for (const char* name : {"first", "second"}) {
      world.tables[name] = std::make_shared<testing::MemoryTable>();
    }
    testing::AddMemoryConnectors(&world, &registry);
  }
  Result<std::unique_ptr<JobManager>> MakeManager(Env* env) {
    log.set_env(env);
    JobManagerOptions options;
    options.state_directory = "/state";
    options.default_parallelism = 1;
    options.state_backends = state.get();
    return JobManager::Make(env, &log, &registry, std::move(options), Logger::Silent());
  }
  size_t CountOf(const std::string& table) { return world.tables[table]->Fold().size(); }

  static constexpr int kNumbers = 200;
  testing::MemoryWorld world;
  connector::ConnectorRegistry registry;
  SimDisk disk{1};
  storage::MemoryLog log{nullptr};
  std::unique_ptr<StateBackendFactory> state = MakeMemoryStateBackendFactory();
};

Task<> WaitForMore(KeptWorld* world, std::string table) {
  const size_t before = world->CountOf(table);
  while (world->CountOf(table) == before) CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
  co_return Status::OK();
}

Task<> ChangeOnAFullDisk(KeptWorld* world, Env* env) {
  CO_ASSIGN_OR_RETURN(auto manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  CO_RETURN_IF_ERROR(co_await manager->PutJob(NumbersInto("first")));
  CO_RETURN_IF_ERROR(co_await WaitForMore(world, "first"));
  world->log.meta_hook = [](const std::string&, const std::optional<std::string>&) {
    return MakeError(ErrorCode::kDiskFull, "no room");
  };
  Status refused = co_await manager->PutJob(NumbersInto("second"));
  EXPECT_TRUE(Is(refused, ErrorCode::kDiskFull)) << refused;
  world->log.meta_hook = nullptr;
  CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob("kept-1"));
  EXPECT_EQ(job.state, JobState::kRunning);
  CO_RETURN_IF_ERROR(co_await WaitForMore(world, "first"));
  CO_RETURN_IF_ERROR(co_await manager->PutJob(NumbersInto("second")));
  while (world->CountOf("first") + world->CountOf("second") < KeptWorld::kNumbers) {
    CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
  }
  co_return co_await manager->Stop();
}

TEST(KeptJobTest, GoesOnAsItWasWhenAChangeCannotBeKept) {
  KeptWorld world;
  SimEnv env(&world.disk, SimEnvOptions{.seed = 1});
  Status outcome = env.Run(ChangeOnAFullDisk(&world, &env), std::chrono::minutes(10));
  ASSERT_TRUE(outcome.ok()) << outcome;
  EXPECT_GT(world.CountOf("second"), 0u);
  EXPECT_EQ(world.CountOf("first") + world.CountOf("second"), size_t{KeptWorld::kNumbers});
}

Task<> WaitForRowCount(KeptWorld* world, size_t count) {
  while (world->world.tables["first"]->rows.size() < count) {
    CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
  }
  co_return Status::OK();
}

// Ids are short: a job may get that of one of before, which a destination still knows.
Task<> DeliverUnderOneIdTwice(KeptWorld* world, Env* env) {
  CO_ASSIGN_OR_RETURN(auto manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  for (size_t run = 1; run <= 2; ++run) {
    CO_RETURN_IF_ERROR(co_await manager->PutJob(NumbersInto("first")));
    CO_RETURN_IF_ERROR(co_await WaitForRowCount(world, run * KeptWorld::kNumbers));
    CO_RETURN_IF_ERROR(co_await manager->DropJob("kept-1"));
  }
  co_return co_await manager->Stop();
}

TEST(KeptJobTest, DeliversEveryRowUnderTheIdOfAJobOfBefore) {
  KeptWorld world;
  SimEnv env(&world.disk, SimEnvOptions{.seed = 1});
  Status outcome = env.Run(DeliverUnderOneIdTwice(&world, &env), std::chrono::minutes(10));
  ASSERT_TRUE(outcome.ok()) << outcome;
  EXPECT_EQ(world.world.tables["first"]->rows.size(), size_t{2 * KeptWorld::kNumbers});
}

// As a version left it that knew no names of deliveries.
Task<> TakeTheNameAway(KeptWorld* world) {
  CO_ASSIGN_OR_RETURN(auto kept, co_await world->log.ListMeta("jobs/"));
  CO_ASSIGN_OR_RETURN(JobRecord record, DecodeJobRecord(kept.at("jobs/kept-1")));
  auto& positions = world->world.tables["first"]->positions;
  auto delivery = positions.extract(positions.begin());
  EXPECT_TRUE(delivery.key().starts_with(record.delivery_name + ".")) << delivery.key();
  delivery.key().replace(0, record.delivery_name.size(), record.id);
  positions.insert(std::move(delivery));
  record.delivery_name.clear();
  co_return co_await world->log.PutMeta("jobs/kept-1", EncodeJobRecord(record));
}

Task<> GoOnWithoutAName(KeptWorld* world, Env* env) {
  CO_ASSIGN_OR_RETURN(auto manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  CO_RETURN_IF_ERROR(co_await manager->PutJob(NumbersInto("first")));
  CO_RETURN_IF_ERROR(co_await WaitForRowCount(world, KeptWorld::kNumbers / 2));
  CO_RETURN_IF_ERROR(co_await manager->Stop());
  CO_RETURN_IF_ERROR(co_await TakeTheNameAway(world));
  CO_ASSIGN_OR_RETURN(manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  CO_RETURN_IF_ERROR(co_await WaitForRowCount(world, KeptWorld::kNumbers));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(1)));
  co_return co_await manager->Stop();
}

TEST(KeptJobTest, AJobOfBeforeKeepsItsPositionUnderItsId) {
  KeptWorld world;
  SimEnv env(&world.disk, SimEnvOptions{.seed = 1});
  Status outcome = env.Run(GoOnWithoutAName(&world, &env), std::chrono::minutes(10));
  ASSERT_TRUE(outcome.ok()) << outcome;
  EXPECT_EQ(world.world.tables["first"]->rows.size(), size_t{KeptWorld::kNumbers});
  EXPECT_EQ(world.world.tables["first"]->positions.size(), 1u);
}

// The destination forgets where the delivery is, when the log has let go of what it had.
Task<> LoseThePosition(KeptWorld* world, Env* env) {
  testing::MemoryTable* table = world->world.tables["first"].get();
  CO_ASSIGN_OR_RETURN(auto manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  CO_RETURN_IF_ERROR(co_await manager->PutJob(NumbersInto("first")));
  CO_RETURN_IF_ERROR(co_await WaitForRowCount(world, KeptWorld::kNumbers));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(10)));
  Status none = co_await manager->AcceptLostPositions("kept-1");
  EXPECT_TRUE(Is(none, ErrorCode::kInvalidArgument)) << none;
  CO_RETURN_IF_ERROR(co_await manager->StopJob("kept-1"));
  table->positions.clear();
  CO_RETURN_IF_ERROR(co_await manager->ResumeJob("kept-1"));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(1)));
  CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob("kept-1"));
  EXPECT_EQ(job.sinks.at(0).state, "failed");
  EXPECT_NE(job.sinks.at(0).last_error.find("no position"), std::string::npos)
      << job.sinks.at(0).last_error;
  CO_RETURN_IF_ERROR(co_await manager->AcceptLostPositions("kept-1"));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(1)));
  CO_ASSIGN_OR_RETURN(job, co_await manager->DescribeJob("kept-1"));
  EXPECT_EQ(job.sinks.at(0).state, "running") << job.sinks.at(0).last_error;
  co_return co_await manager->Stop();
}

TEST(KeptJobTest, APositionThatIsLostIsToldUntilItIsAccepted) {
  KeptWorld world;
  SimEnv env(&world.disk, SimEnvOptions{.seed = 1});
  Status outcome = env.Run(LoseThePosition(&world, &env), std::chrono::minutes(10));
  ASSERT_TRUE(outcome.ok()) << outcome;
  EXPECT_EQ(world.CountOf("first"), size_t{KeptWorld::kNumbers});
}

Task<> KeepOutcome(Task<> task, std::optional<Status>* outcome) {
  outcome->emplace(co_await std::move(task));
  co_return Status::OK();
}

// The old destination does not answer, so that the change takes a while: what a user commands then
// waits for it.
Task<> CommandWhileItChanges(KeptWorld* world, Env* env) {
  CO_ASSIGN_OR_RETURN(auto manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  CO_RETURN_IF_ERROR(co_await manager->PutJob(NumbersInto("first")));
  CO_RETURN_IF_ERROR(co_await WaitForMore(world, "first"));
  world->world.tables["first"]->hangs = true;
  std::optional<Status> changed, stopped, cancelled, deleted, resumed, dropped;
  TaskScope scope(env->shard(0), "commands", [](const std::string&, const Status&) {});
  const TimePoint began = env->Now();
  scope.Spawn("change", KeepOutcome(manager->PutJob(NumbersInto("second")), &changed));
  CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(50)));
  scope.Spawn("stop", KeepOutcome(manager->StopJob("kept-1"), &stopped));
  scope.Spawn("cancel", KeepOutcome(manager->CancelJob("kept-1"), &cancelled));
  scope.Spawn("delete", KeepOutcome(manager->DeleteJob("kept-1"), &deleted));
  scope.Spawn("resume", KeepOutcome(manager->ResumeJob("kept-1"), &resumed));
  scope.Spawn("drop", KeepOutcome(manager->DropJob("kept-1"), &dropped));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(1)));
  EXPECT_FALSE(changed || stopped || cancelled || deleted || resumed || dropped);
  CO_RETURN_IF_ERROR(co_await scope.Join());
  EXPECT_LT(env->Now() - began, std::chrono::seconds(15));
  EXPECT_TRUE(changed->ok()) << *changed;
  EXPECT_TRUE(dropped->ok()) << *dropped;
  CO_ASSIGN_OR_RETURN(auto jobs, co_await manager->ListJobs());
  EXPECT_TRUE(jobs.empty());
  co_return co_await manager->Stop();
}

TEST(KeptJobTest, CommandsOfUsersWaitForAChange) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    KeptWorld world;
    SimEnv env(&world.disk, SimEnvOptions{.seed = seed});
    Status outcome = env.Run(CommandWhileItChanges(&world, &env), std::chrono::minutes(10));
    ASSERT_TRUE(outcome.ok()) << "seed " << seed << ": " << outcome;
  }
}

Task<> StartOnAFullDisk(KeptWorld* world, Env* env, bool is_permanent) {
  CO_ASSIGN_OR_RETURN(auto manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  world->log.create_topic_error =
      MakeError(is_permanent ? ErrorCode::kUnsupported : ErrorCode::kDiskFull, "no room");
  connector::KeptJob kept = NumbersInto("first");
  if (is_permanent) kept.settings["mainstem.restart.permanent-errors"] = "true";
  CO_RETURN_IF_ERROR(co_await manager->PutJob(std::move(kept)));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::minutes(2)));
  CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob("kept-1"));
  EXPECT_EQ(job.state, JobState::kRestarting);
  EXPECT_GT(job.restart_count, 3);
  EXPECT_NE(job.error.find("no room"), std::string::npos) << job.error;
  // It can be stopped all the same.
  CO_RETURN_IF_ERROR(co_await manager->StopJob("kept-1"));
  CO_ASSIGN_OR_RETURN(job, co_await manager->DescribeJob("kept-1"));
  EXPECT_EQ(job.state, JobState::kStopped);
  CO_RETURN_IF_ERROR(co_await manager->ResumeJob("kept-1"));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(5)));
  world->log.create_topic_error = Status::OK();
  CO_RETURN_IF_ERROR(co_await WaitForMore(world, "first"));
  co_return co_await manager->Stop();
}

TEST(KeptJobTest, IsStartedAgainUntilItCanBe) {
  for (const bool is_permanent : {false, true}) {
    KeptWorld world;
    SimEnv env(&world.disk, SimEnvOptions{.seed = 1});
    Status outcome =
        env.Run(StartOnAFullDisk(&world, &env, is_permanent), std::chrono::minutes(10));
    ASSERT_TRUE(outcome.ok()) << outcome;
  }
}

Task<> PutAndRun(KeptWorld* world, Env* env, JobManager** manager) {
  CO_ASSIGN_OR_RETURN(auto made, world->MakeManager(env));
  *manager = made.release();
  CO_RETURN_IF_ERROR(co_await (*manager)->Start());
  CO_RETURN_IF_ERROR(co_await (*manager)->PutJob(NumbersInto("first")));
  co_return co_await WaitForMore(world, "first");
}

Task<> ExpectNothingLeft(KeptWorld* world, Env* env, bool drops_again) {
  CO_ASSIGN_OR_RETURN(auto manager, world->MakeManager(env));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  if (drops_again) CO_RETURN_IF_ERROR(co_await manager->DropJob("kept-1"));
  CO_ASSIGN_OR_RETURN(auto jobs, co_await manager->ListJobs());
  if (jobs.empty()) {
    CO_ASSIGN_OR_RETURN(auto records, co_await world->log.ListMeta("jobs/"));
    EXPECT_TRUE(records.empty());
    EXPECT_TRUE(world->log.ListTopics().empty());
    CO_ASSIGN_OR_RETURN(storage::JobEpoch epoch, co_await world->log.LastEpoch("kept-1"));
    EXPECT_EQ(epoch.epoch, 0);
    auto folders = co_await env->files().List("/state");
    EXPECT_TRUE(!folders.ok() || folders->empty());
  } else {
    // Killed before it was decided.
    EXPECT_FALSE(drops_again);
    EXPECT_NE(jobs[0].state, JobState::kFailed) << jobs[0].error;
  }
  co_return co_await manager->Stop();
}

TEST(KeptJobTest, LeavesNothingWhereverItsEndIsCutOff) {
  for (const bool drops_again : {false, true}) {
    bool has_ended = false;
    for (int64_t steps = 1; !has_ended; ++steps) {
      KeptWorld world;
      JobManager* manager = nullptr;
      auto env = std::make_unique<SimEnv>(&world.disk, SimEnvOptions{.seed = 7});
      CHECK_OK(env->Run(PutAndRun(&world, env.get(), &manager)));
      Status dropped;
      has_ended = env->RunSteps(manager->DropJob("kept-1"), steps, &dropped);
      EXPECT_TRUE(!has_ended || dropped.ok()) << dropped;
      env->Abandon();
      (void)env.release();  // a killed process destroys nothing
      world.disk.Crash();
      SimEnv again(&world.disk, SimEnvOptions{.seed = 8});
      Status outcome = again.Run(ExpectNothingLeft(&world, &again, drops_again));
      ASSERT_TRUE(outcome.ok()) << steps << ": " << outcome;
    }
  }
}

}  // namespace
}  // namespace mainstem::process
