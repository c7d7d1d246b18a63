// Goal: an epoch commit of any size ends, in any journal, and shows all of its batches or none.
// Method: the simulated env, whose clock shows a wait that nobody ends; small journals, large
// epochs.
#include <gtest/gtest.h>

#include "core/sim/power_cuts.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int32_t kPartitions = 8;

EmbeddedLogOptions SmallJournal() { return SizedLog("/data", {512 << 10, 256 << 10, 2 << 20}); }

std::string EpochValue(int64_t epoch, size_t index, size_t bytes) {
  std::string value = "e" + std::to_string(epoch) + "." + std::to_string(index) + ":";
  value.resize(std::max(value.size(), bytes), 'x');
  return value;
}

struct EpochShape {
  size_t batches_per_partition = 1;
  size_t value_bytes = 1000;
};

Task<> CommitOne(EmbeddedLog* log, TopicInfo topic, EpochShape shape) {
  std::string job = "job";
  CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch(job));
  EpochCommit commit{.job_id = job, .epoch = last.epoch + 1};
  for (int32_t partition = 0; partition < topic.partition_count; ++partition) {
    for (size_t i = 0; i < shape.batches_per_partition; ++i) {
      std::string value = EpochValue(commit.epoch, i, shape.value_bytes);
      commit.appends.push_back({{topic.id, PartitionId(partition)}, MakeBatch({value})});
    }
  }
  co_return co_await log->CommitEpoch(std::move(commit));
}

Task<> CommitMany(SimEnv* env, EmbeddedLogOptions options, EpochShape shape, int count) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  TopicConfig config;
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("out", 1, config, false));
  Status status;
  for (int i = 0; i < count && status.ok(); ++i) {
    status = co_await CommitOne(log.get(), topic, shape);
  }
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return status;
}

// The slack that the journal keeps for what may be left unused at a file's end was more than a
// lone committer could ever find: it waited for ever.
TEST(EpochCommitTest, EpochsOfAnySizeThatAFrameTakesEndInASmallJournal) {
  for (size_t kilobytes : {20, 60, 90, 110, 118}) {
    SimDisk disk(1, {});
    SimEnv env(&disk, {.seed = 1});
    EpochShape shape{.batches_per_partition = 1, .value_bytes = kilobytes << 10};
    Status status = env.Run(CommitMany(&env, SmallJournal(), shape, 40), 20s);
    EXPECT_TRUE(status.ok()) << kilobytes << " KiB: " << Describe(status);
  }
}

// Checkpoints all the time, as a node does whose cache is small.
Task<> CheckpointForEver(EmbeddedLog* log) {
  while (true) {
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await Sleep(1us));
  }
}

// Goes on until the env is abandoned, as with a kill: what lives in it is leaked.
Task<> CommitBesideCheckpoints(SimEnv* env, int64_t* acknowledged) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, SmallJournal()));
  EmbeddedLog* log = opened.release();
  TopicConfig config;
  CO_ASSIGN_OR_RETURN(TopicInfo topic,
                      co_await log->CreateTopic("out", kPartitions, config, false));
  auto* scope = new TaskScope(env->shard(0), "test", [](const std::string&, const Status&) {});
  scope->Spawn("checkpoint", CheckpointForEver(log));
  EpochShape shape{.batches_per_partition = 1, .value_bytes = 10};
  while (true) {
    CO_RETURN_IF_ERROR(co_await CommitOne(log, topic, shape));
    ++*acknowledged;
  }
}

struct Expected {
  int64_t acknowledged = 0;
  int64_t batches_per_partition = 1;
};

Task<> CheckEpochs(SimEnv* env, EmbeddedLogOptions options, Expected expected) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  std::string job = "job";
  CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch(job));
  EXPECT_GE(last.epoch, expected.acknowledged);
  std::optional<TopicInfo> topic = log->FindTopic("out");
  for (int32_t i = 0; topic && i < topic->partition_count; ++i) {
    TopicPartition partition{topic->id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition));
    EXPECT_EQ(static_cast<int64_t>(values.size()), last.epoch * expected.batches_per_partition)
        << "partition " << i;
  }
  co_return co_await log->Stop();
}

// The frame became durable before the other shards knew of its batches: a checkpoint in between
// covered the frame without writing them, and its file was written over.
TEST(EpochCommitTest, AnAcknowledgedEpochSurvivesACheckpointInTheMidstOfIt) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    auto* disk = new SimDisk(seed, {});  // leaked with the env
    auto* env = new SimEnv(disk, {.seed = seed, .shard_count = 8, .step_time_max = 100us});
    auto* acknowledged = new int64_t(0);
    int64_t steps = static_cast<int64_t>(2000 + env->Random() % 3000);
    Status outcome;
    ASSERT_FALSE(env->RunSteps(CommitBesideCheckpoints(env, acknowledged), steps, &outcome));
    env->Abandon();
    disk->Crash();
    SimEnv checker(disk, {.seed = seed});
    Status checked =
        checker.Run(CheckEpochs(&checker, SmallJournal(), {.acknowledged = *acknowledged}));
    ASSERT_TRUE(checked.ok()) << Describe(checked);
    ASSERT_FALSE(HasFailure()) << "seed " << seed << ", acknowledged: " << *acknowledged;
  }
}

// 1.2 MB in a journal whose files have 256 KB, beside small appends that come in between.
constexpr EpochShape kLarge{.batches_per_partition = 3, .value_bytes = 50'000};
constexpr int64_t kLargeEpochs = 2;

Task<> AppendBeside(EmbeddedLog* log, TopicPartition partition, const bool* ended) {
  while (!*ended) {
    std::vector<std::byte> batch = MakeBatch({std::string(3000, 'x')});
    CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  }
  co_return Status::OK();
}

Task<> CommitLarge(EmbeddedLog* log, TopicInfo topic, int64_t* acknowledged, bool* ended) {
  Status status;
  for (int64_t i = 0; i < kLargeEpochs && status.ok(); ++i) {
    status = co_await CommitOne(log, topic, kLarge);
    *acknowledged += status.ok();
  }
  *ended = true;
  co_return status;
}

Task<TopicInfo> FindOrCreate(EmbeddedLog* log, std::string name, int32_t partition_count) {
  if (auto found = log->FindTopic(name)) co_return *found;
  TopicConfig config;
  co_return co_await log->CreateTopic(name, partition_count, config, false);
}

Task<> WorkLarge(SimEnv* env, EmbeddedLog* log, int64_t* acknowledged) {
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await FindOrCreate(log, "out", kPartitions));
  CO_ASSIGN_OR_RETURN(TopicInfo beside, co_await FindOrCreate(log, "beside", 2));
  bool ended = false;
  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  for (int32_t i = 0; i < 2; ++i) {
    scope.Spawn("append", AppendBeside(log, {beside.id, PartitionId(i)}, &ended));
  }
  scope.Spawn("commit", CommitLarge(log, topic, acknowledged, &ended));
  Status joined = co_await scope.Join();
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(joined);
  co_return first;
}

Task<> OpenAndWorkLarge(SimEnv* env, int64_t* acknowledged) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, SmallJournal()));
  Status worked = co_await WorkLarge(env, log.get(), acknowledged);
  Status stopped = co_await log->Stop();
  CO_RETURN_IF_ERROR(worked);
  co_return stopped;
}

TEST(EpochCommitTest, AnEpochLargerThanAJournalFileIsThereAsAWholeWhateverFails) {
  int64_t acknowledged = 0;
  int64_t finished = 0;
  auto body = [&acknowledged](SimEnv* env) {
    acknowledged = 0;
    return OpenAndWorkLarge(env, &acknowledged);
  };
  auto check = [&acknowledged, &finished](SimEnv* env) {
    finished += acknowledged == kLargeEpochs;
    Expected expected{.acknowledged = acknowledged, .batches_per_partition = 3};
    return CheckEpochs(env, SmallJournal(), expected);
  };
  Result<int64_t> tried = ForEachFault(5, {.body = body, .check = check});
  ASSERT_TRUE(tried.ok()) << Describe(tried.status());
  EXPECT_GE(*tried, 50);
  EXPECT_GE(finished, 1);
}

// Power goes at random steps, several times on one disk.
TEST(EpochCommitTest, ALargeEpochSurvivesPowerCutsAsAWhole) {
  int64_t acknowledged_total = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    auto* acknowledged = new int64_t(0);  // leaked with the envs
    const Status checked = CutPower(
        {.seed = seed, .count = 5, .steps_max = 4000},
        {.body = [acknowledged](SimEnv* env) { return OpenAndWorkLarge(env, acknowledged); },
         .check =
             [acknowledged](SimEnv* env) {
               Expected expected{.acknowledged = *acknowledged, .batches_per_partition = 3};
               return CheckEpochs(env, SmallJournal(), expected);
             }});
    ASSERT_TRUE(checked.ok()) << "seed " << seed << ": " << Describe(checked);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    acknowledged_total += *acknowledged;
  }
  EXPECT_GE(acknowledged_total, 15);
}

Task<> CommitLargeOnARealDisk(Env* env, std::string folder) {
  EmbeddedLogOptions options;
  options.data_dir = folder;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await FindOrCreate(log.get(), "out", 2));
  EpochShape shape{.batches_per_partition = 40, .value_bytes = 500'000};
  Status status = co_await CommitOne(log.get(), topic, shape);
  CO_RETURN_IF_ERROR(co_await log->Stop());
  CO_RETURN_IF_ERROR(status);
  CO_ASSIGN_OR_RETURN(log, co_await EmbeddedLog::Open(env, options));
  for (int32_t i = 0; i < 2; ++i) {
    CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), {topic.id, PartitionId(i)}));
    EXPECT_EQ(values.size(), 40u);
  }
  co_return co_await log->Stop();
}

// 40 MB: what a journal of the default size refused.
TEST(EpochCommitTest, ALargeEpochPassesTheDefaultJournalOnARealDisk) {
  FreshFolder folder;
  std::unique_ptr<Env> env = MakeRealEnv({.shard_count = 2});
  Status status = RunBlocking(env->shard(0), CommitLargeOnARealDisk(env.get(), folder.path()));
  EXPECT_TRUE(status.ok()) << Describe(status);
}

}  // namespace
}  // namespace mainstem::storage
