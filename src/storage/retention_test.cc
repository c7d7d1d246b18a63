// Goal: retention never holds up what it waits for itself, drops what is too old whatever else goes
// on, and nothing else, also when the power goes. Method: the simulated env, whose clock shows a
// wait that nobody ends; a journal that is full; faults and power cuts.
#include <gtest/gtest.h>

#include "core/sim/power_cuts.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

Task<> AppendOne(EmbeddedLog* log, TopicPartition partition, size_t bytes) {
  // Its time is 1970: it is too old as soon as it is in a segment.
  std::vector<std::byte> batch = MakeBatch({std::string(bytes, 'x')});
  co_return (co_await log->Append(partition, batch, {})).status();
}

Task<> RetainBesideAFullJournal(SimEnv* env, int* moved) {
  EmbeddedLogOptions options = SizedLog("/data", {256 << 10, 128 << 10, 512 << 10});
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, options));
  TopicConfig config{{"retention.ms", "1000"}, {"segment.bytes", "1048576"}};
  CO_ASSIGN_OR_RETURN(TopicInfo old, co_await log->CreateTopic("old", 1, config, false));
  CO_ASSIGN_OR_RETURN(TopicInfo other, co_await log->CreateTopic("other", 64, config, false));
  TopicPartition partition{old.id, PartitionId(0)};
  for (int i = 0; i < 40; ++i) {
    CO_RETURN_IF_ERROR(co_await AppendOne(log.get(), partition, 40'000));
  }
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_RETURN_IF_ERROR(co_await AppendOne(log.get(), partition, 10));

  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  // Large ones, then smaller and smaller ones for the last bytes; more than there is room for.
  for (int32_t i = 0; i < other.partition_count; ++i) {
    size_t bytes = size_t{40'000} >> std::min(i / 4, 12);
    scope.Spawn("append", AppendOne(log.get(), {other.id, PartitionId(i)}, bytes));
  }
  scope.Spawn("retain", log->ApplyRetention());
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  *moved += offsets.log_start > Offset(0);  // else a checkpoint was at work: next time
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(co_await log->Stop());
  co_return first;
}

// It held the partition's files while it waited for room in the journal, which only a flush to
// these files could make.
TEST(RetentionTest, MovesTheLogStartThoughTheJournalIsFull) {
  int moved = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    auto* disk = new SimDisk(seed, {});  // leaked with the env when it hangs
    auto* env = new SimEnv(disk, {.seed = seed});
    Status status = env->Run(RetainBesideAFullJournal(env, &moved), 20s);
    if (!status.ok()) env->Abandon();
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
  EXPECT_GE(moved, 5);
}

EmbeddedLogOptions TinyLogOf(Duration checkpoint_interval) {
  EmbeddedLogOptions options = SizedLog("/data", {256 << 10, 128 << 10, 1 << 20});
  options.checkpoint_interval = checkpoint_interval;
  return options;
}

Task<> RetainWhatIsInSegments(SimEnv* env) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, TinyLogOf(1h)));
  TopicConfig config{{"retention.ms", "1000"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, config, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  for (int i = 0; i < 3; ++i) CO_RETURN_IF_ERROR(co_await AppendOne(log.get(), partition, 10));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_RETURN_IF_ERROR(co_await AppendOne(log.get(), partition, 10));
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  EXPECT_EQ(offsets.log_start, Offset(3));
  EXPECT_EQ(offsets.high_watermark, Offset(4));
  CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition, Offset(3)));
  EXPECT_EQ(values.size(), 1u);
  co_return co_await log->Stop();
}

// A partition that is always written to would keep its newest segment until that is full.
TEST(RetentionTest, DropsTheNewestSegmentThoughMoreIsBeingWritten) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(RetainWhatIsInSegments(&env));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

// What was acknowledged, by offset; it outlives crashes.
struct Acknowledged {
  std::map<int64_t, std::string> values;
  int64_t next_value = 0;
};

Task<> AppendNumbers(EmbeddedLog* log, TopicPartition partition, Acknowledged* known, int count) {
  for (int i = 0; i < count; ++i) {
    std::string value = std::to_string(known->next_value++) + std::string(3000, 'x');
    std::vector<std::byte> batch = MakeBatch({value});
    CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
    known->values[result.base_offset.value()] = value;
  }
  co_return Status::OK();
}

Task<> RetainAndCheckpoint(EmbeddedLog* log, int count) {
  for (int i = 0; i < count; ++i) {
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  }
  co_return Status::OK();
}

Task<> WriteAndRetain(SimEnv* env, Acknowledged* known) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, TinyLogOf(1h)));
  TopicConfig config{{"retention.ms", "1000"}};
  Status first;
  if (!log->FindTopic("t")) first = (co_await log->CreateTopic("t", 1, config, false)).status();
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  if (first.ok()) {
    TopicPartition partition{log->FindTopic("t")->id, PartitionId(0)};
    scope.Spawn("append", AppendNumbers(log.get(), partition, known, 30));
    scope.Spawn("retain", RetainAndCheckpoint(log.get(), 4));
  }
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  Status stopped = co_await log->Stop();
  CO_RETURN_IF_ERROR(first);
  co_return stopped;
}

Task<> CheckWhatStays(SimEnv* env, Acknowledged* known) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, TinyLogOf(1h)));
  std::string violation;
  if (auto topic = log->FindTopic("t")) {
    TopicPartition partition{topic->id, PartitionId(0)};
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
    int64_t start = offsets.log_start.value();
    CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition, Offset(start)));
    for (const auto& [offset, value] : known->values) {
      if (offset < start) continue;
      size_t at = static_cast<size_t>(offset - start);
      if (at >= values.size() || values[at] != value) violation = std::to_string(offset);
    }
  } else if (!known->values.empty()) {
    violation = "the topic";
  }
  CO_RETURN_IF_ERROR(co_await log->Stop());
  if (violation.empty()) co_return Status::OK();
  co_return MakeError(ErrorCode::kInternal, "lost: " + violation);
}

TEST(RetentionTest, ALostMomentLosesNothingThatIsYounger) {
  auto known = std::make_shared<Acknowledged>();
  auto body = [&known](SimEnv* env) {
    *known = {};
    return WriteAndRetain(env, known.get());
  };
  auto check = [&known](SimEnv* env) { return CheckWhatStays(env, known.get()); };
  Result<int64_t> tried = ForEachFault(1, {.body = body, .check = check});
  ASSERT_TRUE(tried.ok()) << Describe(tried.status());
  EXPECT_GE(*tried, 60);
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    auto* ledger = new Acknowledged();  // leaked with the envs
    Status status =
        CutPower({.seed = seed, .count = 6, .steps_max = 2500},
                 {.body = [ledger](SimEnv* env) { return WriteAndRetain(env, ledger); },
                  .check = [ledger](SimEnv* env) { return CheckWhatStays(env, ledger); }});
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
}

constexpr int32_t kRetained = 8;

// Nothing when the fault was one that ends all writing.
Task<> RetainWithAFault(SimEnv* env, SimDisk* disk, int64_t fault, int* left) {
  CO_ASSIGN_OR_RETURN(auto opened, co_await EmbeddedLog::Open(env, TinyLogOf(1h)));
  EmbeddedLog* log = opened.release();  // ends with the process
  TopicConfig config{{"retention.ms", "1000"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", kRetained, config, false));
  for (int32_t i = 0; i < kRetained; ++i) {
    CO_RETURN_IF_ERROR(co_await AppendOne(log, {topic.id, PartitionId(i)}, 10));
  }
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  disk->FailOperation(fault);
  Status retained = co_await log->ApplyRetention();
  disk->FailOperation(-1);
  Status written = co_await AppendOne(log, {topic.id, PartitionId(0)}, 10);
  if (retained.ok() || !written.ok()) co_return Status::OK();
  *left = 0;
  for (int32_t i = 0; i < kRetained; ++i) {
    TopicPartition partition{topic.id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
    *left += offsets.log_start == Offset(0);
  }
  // What it could not remove, the next one does.
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  for (const std::string& path : disk->ListAll()) {
    EXPECT_FALSE(path.starts_with("/data/topics/t-") && path.ends_with(".log")) << path;
  }
  co_return Status::OK();
}

TEST(RetentionTest, APartitionThatFailsHoldsUpNoOther) {
  int seen = 0;
  for (int64_t fault = 0; fault < 40; ++fault) {
    SimDisk disk(1);
    int left = -1;
    Runs runs(&disk, 1);
    Status status =
        runs.Run([&](SimEnv* env) { return RetainWithAFault(env, &disk, fault, &left); });
    ASSERT_TRUE(status.ok()) << Describe(status);
    EXPECT_LE(left, 1) << "fault " << fault;
    seen += left == 1;
  }
  EXPECT_GE(seen, 3);
}

}  // namespace
}  // namespace mainstem::storage
