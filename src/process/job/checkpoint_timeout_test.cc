// 'execution.checkpointing.timeout': a checkpoint that a sink holds up ends the attempt, and the
// job goes on from the one before.
#include <arrow/api.h>
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "process/job/job_manager.h"
#include "process/job/testing/memory_connectors.h"
#include "process/state/state_backend.h"
#include "storage/testing/memory_log.h"

namespace mainstem::process {
namespace {

using std::chrono::milliseconds;

// Writes that hang for an hour, so many of them.
struct Stuck {
  int hanging = 0;
  int64_t rows = 0;
};

class StuckWriter final : public connector::InlineWriter {
 public:
  explicit StuckWriter(Stuck* stuck) : stuck_(stuck) {}
  Task<> Write(ChangelogBatch batch) override {
    if (stuck_->hanging > 0) {
      --stuck_->hanging;
      CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::hours(1)));
    }
    stuck_->rows += batch.rows->num_rows();
    co_return Status::OK();
  }

 private:
  Stuck* stuck_;
};

class StuckSink final : public connector::TableSink {
 public:
  explicit StuckSink(Stuck* stuck) : stuck_(stuck) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kInline; }
  connector::SinkMode mode() const override { return connector::SinkMode::kAppendOnly; }
  std::string guarantee() const override { return "none"; }
  Result<std::unique_ptr<connector::InlineWriter>> MakeInlineWriter(int) override {
    return std::make_unique<StuckWriter>(stuck_);
  }

 private:
  Stuck* stuck_;
};

void AddStuckConnector(Stuck* stuck, connector::ConnectorRegistry* registry) {
  connector::ConnectorSpec spec;
  spec.name = "stuck";
  spec.make_sink =
      [stuck](connector::TableDescriptor,
              connector::ConnectorContext) -> Result<std::unique_ptr<connector::TableSink>> {
    return std::make_unique<StuckSink>(stuck);
  };
  registry->Add(std::move(spec));
}

constexpr const char* kStuckScript = R"(
SET 'execution.checkpointing.interval' = '10 ms';
SET 'execution.checkpointing.timeout' = '50 ms';
CREATE TABLE src (v BIGINT) WITH ('connector' = 'memory', 'name' = 'src');
CREATE TABLE out_rows (v BIGINT) WITH ('connector' = 'stuck');
INSERT INTO out_rows SELECT v FROM src;
)";

Task<> RunStuckJob(SimEnv* env, storage::Log* log, connector::ConnectorRegistry* registry,
                   StateBackendFactory* state, std::vector<JobDescription>* seen) {
  JobManagerOptions options;
  options.state_directory = "/state";
  options.default_parallelism = 1;
  options.state_backends = state;
  CO_ASSIGN_OR_RETURN(auto manager,
                      JobManager::Make(env, log, registry, std::move(options), Logger::Silent()));
  CO_RETURN_IF_ERROR(co_await manager->Start());
  SubmitOptions submit;
  CO_ASSIGN_OR_RETURN(auto ids, co_await manager->Submit(kStuckScript, std::move(submit)));
  for (int i = 0; i < 10'000; ++i) {
    CO_ASSIGN_OR_RETURN(JobDescription job, co_await manager->DescribeJob(ids[0]));
    const bool has_ended = IsTerminal(job.state);
    seen->push_back(std::move(job));
    if (has_ended) break;
    CO_RETURN_IF_ERROR(co_await Sleep(milliseconds(1)));
  }
  co_return co_await manager->Stop();
}

TEST(CheckpointTimeoutTest, EndsTheAttemptAndTheJobGoesOn) {
  testing::MemoryWorld world;
  auto schema = arrow::schema({arrow::field("v", arrow::int64())});
  auto& batches = world.sources["src"].splits.emplace_back();
  for (int i = 0; i < 20; ++i) {
    arrow::Int64Builder values;
    CHECK_OK(values.Append(i));
    batches.emplace_back().rows =
        arrow::RecordBatch::Make(schema, 1, {values.Finish().ValueOrDie()});
  }
  world.sources["src"].read_delay = milliseconds(3);
  Stuck stuck{.hanging = 1};
  connector::ConnectorRegistry registry;
  testing::AddMemoryConnectors(&world, &registry);
  AddStuckConnector(&stuck, &registry);
  SimDisk disk(1);
  SimEnv env(&disk, SimEnvOptions{.seed = 1});
  storage::MemoryLog log(&env);
  auto state = MakeMemoryStateBackendFactory();
  std::vector<JobDescription> seen;
  Status outcome = env.Run(RunStuckJob(&env, &log, &registry, state.get(), &seen));
  ASSERT_TRUE(outcome.ok()) << outcome;
  const JobDescription& last = seen.back();
  EXPECT_EQ(last.state, JobState::kFinished);
  EXPECT_EQ(last.restart_count, 1);
  EXPECT_EQ(last.checkpoint.failed_count, 1);
  const auto restarting = std::find_if(seen.begin(), seen.end(), [](const JobDescription& job) {
    return job.state == JobState::kRestarting;
  });
  ASSERT_NE(restarting, seen.end());
  EXPECT_NE(restarting->error.find("checkpoint 1 was not done within 50 ms"), std::string::npos)
      << restarting->error;
  EXPECT_NE(restarting->error.find("Sink: "), std::string::npos) << restarting->error;
  EXPECT_EQ(stuck.rows, 20);
}

}  // namespace
}  // namespace mainstem::process
