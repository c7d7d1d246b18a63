// Goal: whatever fails and whenever the power goes, no acknowledged record is lost, none is there
// twice, order is kept, and an epoch is there as a whole or not at all. Method: writers on the
// simulated env record what was acknowledged; every single disk operation fails once
// (ForEachFault), or the power goes at a random step; the folder is opened again and compared. A
// disk that breaks its promises must make the same checker fail.
#include <gtest/gtest.h>

#include "core/sim/power_cuts.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

constexpr int32_t kPlainPartitions = 3;
constexpr size_t kAppendsPerRun = 14;

EmbeddedLogOptions TinyLog() { return SizedLog("/data", {256 << 10, 128 << 10, 1 << 20}); }

// What the writers know. It outlives crashes, as a client does.
struct Ledger {
  int64_t next_value = 0;
  std::map<int32_t, std::map<int64_t, std::string>> acknowledged;  // partition, offset, value
  int64_t acknowledged_epoch = 0;
  bool topics_acknowledged = false;
  std::string violation;

  void Violated(std::string what) {
    if (violation.empty()) violation = std::move(what);
  }
};

Task<> AppendValues(EmbeddedLog* log, TopicPartition partition, Ledger* ledger, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    std::string value = std::to_string(ledger->next_value++);
    std::string filler(static_cast<size_t>(ledger->next_value * 7919 % 9000), 'x');
    std::vector<std::byte> batch = MakeBatch({value, value + "b" + filler});
    CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
    auto& known = ledger->acknowledged[partition.partition.value()];
    known[result.base_offset.value()] = value;
    known[result.base_offset.value() + 1] = value + "b" + filler;
  }
  co_return Status::OK();
}

Task<> CommitEpochs(EmbeddedLog* log, TopicInfo topic, Ledger* ledger, int count) {
  for (int i = 0; i < count; ++i) {
    std::string job = "job";
    CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch(job));
    EpochCommit commit{.job_id = job, .epoch = last.epoch + 1};
    for (int32_t partition = 0; partition < kPlainPartitions; ++partition) {
      commit.appends.push_back(
          {{topic.id, PartitionId(partition)}, MakeBatch({"e" + std::to_string(commit.epoch)})});
    }
    int64_t epoch = commit.epoch;
    CO_RETURN_IF_ERROR(co_await log->CommitEpoch(std::move(commit)));
    ledger->acknowledged_epoch = epoch;
  }
  co_return Status::OK();
}

Task<TopicInfo> FindOrCreate(EmbeddedLog* log, std::string name, TopicConfig config) {
  if (auto found = log->FindTopic(name)) co_return *found;
  co_return co_await log->CreateTopic(name, kPlainPartitions, config, false);
}

Task<> Work(EmbeddedLog* log, SimEnv* env, Ledger* ledger) {
  TopicConfig config;
  CO_ASSIGN_OR_RETURN(TopicInfo plain, co_await FindOrCreate(log, "plain", config));
  CO_ASSIGN_OR_RETURN(TopicInfo epochs, co_await FindOrCreate(log, "epochs", config));
  ledger->topics_acknowledged = true;
  Status first;
  TaskScope scope(env->shard(0), "writers", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  for (int32_t i = 0; i < kPlainPartitions; ++i) {
    TopicPartition partition{plain.id, PartitionId(i)};
    scope.Spawn("append", AppendValues(log, partition, ledger, kAppendsPerRun));
  }
  scope.Spawn("epochs", CommitEpochs(log, epochs, ledger, 4));
  scope.Spawn("checkpoint", log->Checkpoint());
  Status joined = co_await scope.Join();
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(joined);
  CO_RETURN_IF_ERROR(first);
  co_return co_await log->Checkpoint();
}

Task<> OpenAndWork(SimEnv* env, Ledger* ledger) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, TinyLog()));
  Status worked = co_await Work(log.get(), env, ledger);
  Status stopped = co_await log->Stop();
  CO_RETURN_IF_ERROR(worked);
  co_return stopped;
}

Task<> CheckPlain(EmbeddedLog* log, Ledger* ledger) {
  std::optional<TopicInfo> topic = log->FindTopic("plain");
  if (!topic) {
    if (ledger->topics_acknowledged) ledger->Violated("a topic is lost");
    co_return Status::OK();
  }
  std::set<std::string> seen;
  for (int32_t i = 0; i < kPlainPartitions; ++i) {
    TopicPartition partition{topic->id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log, partition));
    for (const std::string& value : values) {
      if (!seen.insert(value).second) ledger->Violated("a record is there twice: " + value);
    }
    for (const auto& [offset, value] : ledger->acknowledged[i]) {
      size_t at = static_cast<size_t>(offset);
      if (at >= values.size()) {
        ledger->Violated("an acknowledged record is lost: offset " + std::to_string(offset));
      } else if (values[at] != value) {
        ledger->Violated("another record at offset " + std::to_string(offset));
      }
    }
  }
  co_return Status::OK();
}

Task<> CheckEpochs(EmbeddedLog* log, Ledger* ledger) {
  std::optional<TopicInfo> topic = log->FindTopic("epochs");
  std::string job = "job";
  CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch(job));
  if (last.epoch < ledger->acknowledged_epoch) ledger->Violated("an acknowledged epoch is lost");
  if (!topic) co_return Status::OK();
  std::vector<std::string> expected;
  for (int64_t epoch = 1; epoch <= last.epoch; ++epoch) {
    expected.push_back("e" + std::to_string(epoch));
  }
  for (int32_t i = 0; i < kPlainPartitions; ++i) {
    TopicPartition partition{topic->id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log, partition));
    if (values != expected) ledger->Violated("an epoch is there in part");
  }
  co_return Status::OK();
}

Task<> OpenAndCheck(SimEnv* env, Ledger* ledger) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, TinyLog()));
  Status plain = co_await CheckPlain(log.get(), ledger);
  Status epochs = co_await CheckEpochs(log.get(), ledger);
  CO_RETURN_IF_ERROR(co_await log->Stop());
  CO_RETURN_IF_ERROR(plain);
  CO_RETURN_IF_ERROR(epochs);
  if (ledger->violation.empty()) co_return Status::OK();
  co_return MakeError(ErrorCode::kInternal, ledger->violation);
}

TEST(LogCrashTest, SurvivesTheFailureOfAnyOperation) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    auto ledger = std::make_shared<Ledger>();
    auto body = [&ledger](SimEnv* env) {
      *ledger = Ledger();
      return OpenAndWork(env, ledger.get());
    };
    auto check = [&ledger](SimEnv* env) { return OpenAndCheck(env, ledger.get()); };
    Result<int64_t> tried = ForEachFault(seed, {.body = body, .check = check});
    ASSERT_TRUE(tried.ok()) << "seed " << seed << ": " << Describe(tried.status());
    EXPECT_GE(*tried, 60);
  }
}

// Power goes at random steps, several times on one disk. The first violation, or nothing.
std::string PowerCuts(uint64_t seed, bool keeps_promises, int cut_count) {
  auto* ledger = new Ledger();  // leaked with the envs
  const Status status =
      CutPower({.seed = seed, .count = cut_count, .keeps_promises = keeps_promises},
               {.body = [ledger](SimEnv* env) { return OpenAndWork(env, ledger); },
                .check = [ledger](SimEnv* env) { return OpenAndCheck(env, ledger); }});
  return status.ok() ? "" : Describe(status);
}

TEST(LogCrashTest, SurvivesPowerCuts) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    ASSERT_EQ(PowerCuts(seed, /*keeps_promises=*/true, 8), "") << "seed " << seed;
  }
}

TEST(LogCrashTest, TheCheckerSeesADiskThatDoesNotSync) {
  int violated = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    violated += !PowerCuts(seed, /*keeps_promises=*/false, 8).empty();
  }
  EXPECT_GE(violated, 8);
}

// None of it in segments.
Task<> LeaveJournal(SimEnv* env, int append_count) {
  EmbeddedLogOptions roomy = SizedLog("/data", {2 << 20, 128 << 10, 2 << 20});
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, roomy));
  EmbeddedLog* left = log.release();  // leaked with the env
  TopicConfig config;
  std::string name = "plain";
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await left->CreateTopic(name, 1, config, false));
  for (int i = 0; i < append_count; ++i) {
    std::vector<std::byte> batch = MakeBatch({std::string(8000, 'x')});
    CO_RETURN_IF_ERROR(co_await left->Append({topic.id, PartitionId(0)}, batch, {}));
  }
  co_return Status::OK();
}

Task<> GoOnAfter(SimEnv* env, int append_count) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, TinyLog()));
  TopicPartition partition{log->FindTopic("plain")->id, PartitionId(0)};
  std::vector<std::byte> batch = MakeBatch({"more"});
  CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
  EXPECT_EQ(result.base_offset, Offset(append_count));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  EXPECT_EQ(log->journal_pinned_bytes(), 0);
  co_return co_await log->Stop();
}

// Of any length: recovery writes to segments what the cache can't hold, also all of it.
TEST(LogCrashTest, GoesOnAfterReplayingMoreThanTheCacheHolds) {
  for (int count = 12; count < 40; ++count) {
    SimDisk disk(1);
    auto* killed = new SimEnv(&disk, {});
    CHECK_OK(killed->Run(LeaveJournal(killed, count)));
    killed->Abandon(SimEnding::kKilled);
    disk.EndProcess();
    SimEnv env(&disk, {.seed = 2});
    Status status = env.Run(GoOnAfter(&env, count), std::chrono::minutes(5));
    ASSERT_TRUE(status.ok()) << count << " appends: " << Describe(status);
  }
}

// What was answered about the pin of a job before the process went.
struct PinLedger {
  bool is_held = false;
  bool is_let_go = false;
};

Task<> HoldAndForgetIn(EmbeddedLog* log, PinLedger* ledger) {
  TopicConfig config;
  std::string name = "held";
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic(name, 1, config, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  std::vector<std::byte> batch = MakeBatch({"a", "b"});
  CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  CO_RETURN_IF_ERROR(co_await log->PinRetention("job.sources", partition, Offset(1)));
  ledger->is_held = true;
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  ledger->is_held = false;
  CO_RETURN_IF_ERROR(co_await log->ForgetJob("job"));
  ledger->is_let_go = true;
  co_return co_await log->Checkpoint();
}

Task<> HoldAndForget(SimEnv* env, PinLedger* ledger) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, TinyLog()));
  Status worked = co_await HoldAndForgetIn(log.get(), ledger);
  Status stopped = co_await log->Stop();
  CO_RETURN_IF_ERROR(worked);
  co_return stopped;
}

Task<> CheckPin(SimEnv* env, PinLedger* ledger) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, TinyLog()));
  std::optional<TopicInfo> topic = log->FindTopic("held");
  if (topic) {
    TopicPartition partition{topic->id, PartitionId(0)};
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
    const Offset end = offsets.high_watermark;
    CO_ASSIGN_OR_RETURN(Offset start, co_await log->DeleteRecords(partition, end));
    EXPECT_TRUE(!ledger->is_held || start == Offset(1)) << start.value();
    EXPECT_TRUE(!ledger->is_let_go || start == end) << start.value();
    // Whoever forgets a job does it again when it was cut off.
    CO_RETURN_IF_ERROR(co_await log->ForgetJob("job"));
    CO_ASSIGN_OR_RETURN(start, co_await log->DeleteRecords(partition, end));
    EXPECT_EQ(start, end);
  }
  *ledger = {};
  co_return co_await log->Stop();
}

TEST(LogCrashTest, AJobHoldsRecordsUntilItIsForgotten) {
  PinLedger ledger;
  auto tried = ForEachFault(1, {.body = [&](SimEnv* env) { return HoldAndForget(env, &ledger); },
                                .check = [&](SimEnv* env) { return CheckPin(env, &ledger); }});
  ASSERT_TRUE(tried.ok()) << Describe(tried.status());
  EXPECT_GE(*tried, 20);
}

// What tells two runs of a seed apart.
struct RunTrace {
  uint64_t hash = 0;
  std::vector<int> woken;  // waiters, in order
  std::string snapshot;
  bool operator==(const RunTrace&) const = default;
};

Task<> WaitAsNumber(EmbeddedLog* log, TopicPartition partition, int number, RunTrace* trace) {
  std::vector<std::pair<TopicPartition, Offset>> beyond = {{partition, Offset(0)}};
  CO_ASSIGN_OR_RETURN(bool moved, co_await log->WaitForData(std::move(beyond), kNoDeadline));
  EXPECT_TRUE(moved);
  trace->woken.push_back(number);
  co_return Status::OK();
}

Task<> WorkOnMany(SimEnv* env, RunTrace* trace) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await EmbeddedLog::Open(env, TinyLog()));
  constexpr int32_t kPartitions = 24;
  TopicConfig config;
  std::string name = "many";
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic(name, kPartitions, config, false));
  TopicPartition first{topic.id, PartitionId(0)};
  TaskScope scope(env->shard(0), "waiters", [](const std::string&, const Status&) { FAIL(); });
  for (int i = 0; i < 12; ++i) scope.Spawn("waiter", WaitAsNumber(log.get(), first, i, trace));
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(1)));
  for (int32_t i = 0; i < kPartitions; ++i) {
    std::vector<std::byte> batch = MakeBatch(
        {"value"},
        {.producer_id = ProducerId(i % 5), .producer_epoch = ProducerEpoch(0), .base_sequence = 0});
    CO_RETURN_IF_ERROR(co_await log->Append({topic.id, PartitionId(i)}, batch, {}));
  }
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(co_await log->Stop());
  CO_ASSIGN_OR_RETURN(trace->snapshot, co_await env->files().ReadAll("/data/snapshot", 1 << 20));
  co_return Status::OK();
}

RunTrace TraceOf(uint64_t seed) {
  SimDisk disk(seed);
  SimEnv env(&disk, {.seed = seed});
  RunTrace trace;
  Status status = env.Run(WorkOnMany(&env, &trace));
  EXPECT_TRUE(status.ok()) << Describe(status);
  trace.hash = env.trace_hash();
  return trace;
}

TEST(LogCrashTest, OneSeedIsOneRun) {
  EXPECT_TRUE(TraceOf(1) == TraceOf(1));
  EXPECT_NE(TraceOf(1).hash, TraceOf(2).hash);
}

}  // namespace
}  // namespace mainstem::storage
