// Goal: a compacted topic keeps the newest record of each key at its offset, whatever fails and
// whenever the power goes, and readers never miss one. Method: a log on the simulated env, whose
// clock makes tombstones old; a ledger of what was acknowledged; every disk operation fails once,
// and the power goes at random steps.
#include <gtest/gtest.h>

#include "core/sim/power_cuts.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr int kKeys = 7;

EmbeddedLogOptions Options() {
  EmbeddedLogOptions options = SizedLog("/data", {2 << 20, 1 << 20, 8 << 20});
  // By hand only.
  options.compaction_check_interval = 10000h;
  return options;
}

TopicConfig Compacted(TopicConfig more = {}) {
  more["cleanup.policy"] = "compact";
  more["segment.bytes"] = "1048576";
  more.try_emplace("min.cleanable.dirty.ratio", "0.0");
  return more;
}

struct Kept {
  std::string key;
  std::optional<std::string> value{};
  bool operator==(const Kept&) const = default;
};
using Records = std::map<int64_t, Kept>;

Task<Records> ReadAll(Log* log, TopicPartition partition) {
  Records records;
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  Offset from = offsets.log_start;
  while (from < offsets.high_watermark) {
    ReadOptions options;
    options.max_bytes = 100 << 10;
    CO_ASSIGN_OR_RETURN(ReadResult result, co_await log->Read(partition, from, options));
    EXPECT_FALSE(result.batches.empty()) << "nothing at or after " << from.value();
    if (result.batches.empty()) break;
    for (const SharedBytes& batch : result.batches) {
      EXPECT_TRUE(BatchCrcMatches(batch.bytes));
      CO_ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch.bytes));
      RecordView record;
      while (true) {
        CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
        if (!more) break;
        if (record.offset < from) continue;
        Kept kept{.key = std::string(*record.key)};
        if (record.value) kept.value = std::string(*record.value);
        records[record.offset.value()] = std::move(kept);
      }
      EXPECT_GE(reader.header().next_offset(), from);
      from = reader.header().next_offset();
    }
  }
  co_return records;
}

// What a client knows of a topic; it outlives crashes.
struct CompactionLedger {
  int64_t next = 0;
  Records acknowledged;
  int compacted = 0;
  std::string violation;

  void Violated(std::string what) {
    if (violation.empty()) violation = std::move(what);
  }
  // Every key's newest acknowledged record is there, unless a newer one of the key is.
  void Check(const Records& seen, int64_t log_start = 0) {
    std::map<std::string, int64_t> newest_seen;
    for (const auto& [offset, kept] : seen) {
      newest_seen[kept.key] = offset;
      auto known = acknowledged.find(offset);
      if (known != acknowledged.end() && !(known->second == kept)) {
        Violated("another record at offset " + std::to_string(offset));
      }
    }
    std::map<std::string, int64_t> newest;
    for (const auto& [offset, kept] : acknowledged) newest[kept.key] = offset;
    for (const auto& [key, offset] : newest) {
      if (offset < log_start) continue;
      if (!newest_seen.contains(key) || newest_seen[key] < offset) {
        Violated("the newest record of '" + key + "' is lost, offset " + std::to_string(offset));
      }
    }
  }
};

// Batches of three records; of the last key only tombstones follow its first value.
Task<> AppendRound(EmbeddedLog* log, TopicPartition partition, CompactionLedger* ledger,
                   int batches) {
  for (int i = 0; i < batches; ++i) {
    BatchBuilderOptions options;
    options.codec = i % 2 == 0 ? Codec::kNone : Codec::kLz4;
    BatchBuilder builder(options);
    std::vector<Kept> sent;
    for (int j = 0; j < 3; ++j) {
      int64_t number = ledger->next++;
      Kept kept{.key = "key" + std::to_string(number * 5 % kKeys)};
      std::string filler(12'000, static_cast<char>('a' + number % 26));
      bool is_tombstone = kept.key == "key6" && number > kKeys;
      if (!is_tombstone) kept.value = std::to_string(number) + filler;
      std::optional<std::string_view> value;
      if (kept.value) value = *kept.value;
      builder.Add(1000 + number, kept.key, value);
      sent.push_back(std::move(kept));
    }
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
    for (size_t j = 0; j < sent.size(); ++j) {
      ledger->acknowledged[result.base_offset.value() + static_cast<int64_t>(j)] = sent[j];
    }
  }
  co_return Status::OK();
}

Task<TopicInfo> FindOrCreate(EmbeddedLog* log, TopicConfig config) {
  std::string name = "table";
  if (auto found = log->FindTopic(name)) co_return *found;
  co_return co_await log->CreateTopic(name, 1, std::move(config), false);
}

using Body = Task<> (*)(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                        CompactionLedger* ledger);

struct Scenario {
  TopicConfig config = Compacted();
  EmbeddedLogOptions options = Options();
};

Task<> OpenAndRun(SimEnv* env, Scenario scenario, CompactionLedger* ledger, Body body) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log,
                      co_await EmbeddedLog::Open(env, scenario.options));
  auto topic = co_await FindOrCreate(log.get(), scenario.config);
  Status status = topic.status();
  if (status.ok()) {
    TopicPartition partition{topic->id, PartitionId(0)};
    status = co_await body(env, log.get(), partition, ledger);
  }
  Status stopped = co_await log->Stop();
  CO_RETURN_IF_ERROR(status);
  co_return stopped;
}

Task<> FillAndCompact(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                      CompactionLedger* ledger) {
  for (int round = 0; round < 3; ++round) {
    CO_RETURN_IF_ERROR(co_await AppendRound(log, partition, ledger, 45));
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Compact());
    ++ledger->compacted;
  }
  co_return Status::OK();
}

Task<> CheckNow(SimEnv* env, EmbeddedLog* log, TopicPartition partition, CompactionLedger* ledger) {
  CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  ledger->Check(seen, offsets.log_start.value());
  if (ledger->violation.empty()) co_return Status::OK();
  co_return MakeError(ErrorCode::kInternal, ledger->violation);
}

Task<> FillCompactAndCount(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                           CompactionLedger* ledger) {
  CO_RETURN_IF_ERROR(co_await FillAndCompact(env, log, partition, ledger));
  CO_RETURN_IF_ERROR(co_await CheckNow(env, log, partition, ledger));
  CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
  // 405 records of 12 KB fill four segments; all but the active one hold each key once, and the
  // closed ones became one.
  EXPECT_EQ(ledger->acknowledged.size(), 405u);
  EXPECT_LE(seen.size(), 150u);
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  EXPECT_LE(offsets.size_bytes, 2 << 20);
  co_return Status::OK();
}

TEST(CompactionTest, KeepsTheNewestRecordOfEachKeyAlsoOverARestart) {
  SimDisk disk(1, {});
  CompactionLedger ledger;
  {
    SimEnv env(&disk, {.seed = 1});
    Status status = env.Run(OpenAndRun(&env, {}, &ledger, FillCompactAndCount));
    ASSERT_TRUE(status.ok()) << Describe(status);
  }
  SimEnv env(&disk, {.seed = 2});
  Status status = env.Run(OpenAndRun(&env, {}, &ledger, CheckNow));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

TEST(CompactionTest, TakesSeveralPassesWhenTheKeysDoNotFit) {
  Scenario scenario;
  scenario.options.compaction_key_bytes = 1;  // as few as there can be
  SimDisk disk(1, {});
  SimEnv env(&disk, {.seed = 1});
  CompactionLedger ledger;
  auto body = [](SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                 CompactionLedger* ledger) -> Task<> {
    // 200 keys, twice each: the table holds 48.
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 200; ++i) {
        Kept kept{.key = std::to_string(i), .value = std::string(9000, 'x')};
        BatchBuilder builder;
        builder.Add(1000, kept.key, *kept.value);
        CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
        CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
        ledger->acknowledged[result.base_offset.value()] = kept;
      }
    }
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Compact());
    CO_RETURN_IF_ERROR(co_await CheckNow(env, log, partition, ledger));
    CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
    // Three segments of 116 records are closed, the keys of the second half of them are known.
    EXPECT_LE(seen.size(), 260u);
    co_return Status::OK();
  };
  Status status = env.Run(OpenAndRun(&env, scenario, &ledger, body));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

int CountTombstones(const Records& records, int64_t before) {
  int count = 0;
  for (const auto& [offset, kept] : records) count += !kept.value && offset < before;
  return count;
}

TEST(CompactionTest, DropsTombstonesAfterTheirTime) {
  Scenario scenario;
  scenario.config = Compacted({{"delete.retention.ms", "60000"}});
  SimDisk disk(1, {});
  SimEnv env(&disk, {.seed = 1});
  CompactionLedger ledger;
  auto body = [](SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                 CompactionLedger* ledger) -> Task<> {
    CO_RETURN_IF_ERROR(co_await AppendRound(log, partition, ledger, 40));
    // Nothing more of key6: its newest tombstone lies in what is compacted.
    for (int i = 0; i < 90; ++i) {
      Kept kept{.key = "key0", .value = std::string(12'000, 'x')};
      BatchBuilder builder;
      builder.Add(1000, kept.key, *kept.value);
      CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
      CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
      ledger->acknowledged[result.base_offset.value()] = kept;
    }
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Compact());
    CO_ASSIGN_OR_RETURN(Records first, co_await ReadAll(log, partition));
    EXPECT_EQ(CountTombstones(first, 120), 1);
    CO_RETURN_IF_ERROR(co_await Sleep(59s));
    CO_RETURN_IF_ERROR(co_await log->Compact());
    CO_ASSIGN_OR_RETURN(Records second, co_await ReadAll(log, partition));
    EXPECT_EQ(CountTombstones(second, 120), 1);
    CO_RETURN_IF_ERROR(co_await Sleep(2s));
    CO_RETURN_IF_ERROR(co_await log->Compact());
    CO_ASSIGN_OR_RETURN(Records third, co_await ReadAll(log, partition));
    EXPECT_EQ(CountTombstones(third, 120), 0);
    EXPECT_EQ(third.size() + 1, first.size());
    co_return Status::OK();
  };
  Status status = env.Run(OpenAndRun(&env, scenario, &ledger, body));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

Task<> FillCompactAndExpectAll(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                               CompactionLedger* ledger) {
  CO_RETURN_IF_ERROR(co_await FillAndCompact(env, log, partition, ledger));
  CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
  EXPECT_EQ(seen.size(), ledger->acknowledged.size());
  co_return Status::OK();
}

TEST(CompactionTest, LeavesAloneWhatIsTooYoungOrNotWorthIt) {
  for (TopicConfig config : {TopicConfig{{"min.compaction.lag.ms", "9000000000000"}},
                             TopicConfig{{"min.cleanable.dirty.ratio", "1.0"}}}) {
    Scenario scenario;
    scenario.config = Compacted(config);
    SimDisk disk(1, {});
    SimEnv env(&disk, {.seed = 1});
    CompactionLedger ledger;
    Status status = env.Run(OpenAndRun(&env, scenario, &ledger, FillCompactAndExpectAll));
    ASSERT_TRUE(status.ok()) << Describe(status);
  }
}

TEST(CompactionTest, EndsTheActiveSegmentWhenTheGreatestLagIsOver) {
  Scenario scenario;
  scenario.config =
      Compacted({{"max.compaction.lag.ms", "60000"}, {"min.cleanable.dirty.ratio", "1"}});
  SimDisk disk(1, {});
  SimEnv env(&disk, {.seed = 1});
  CompactionLedger ledger;
  auto body = [](SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                 CompactionLedger* ledger) -> Task<> {
    CO_RETURN_IF_ERROR(co_await AppendRound(log, partition, ledger, 10));
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Compact());
    CO_ASSIGN_OR_RETURN(Records all, co_await ReadAll(log, partition));
    EXPECT_EQ(all.size(), 30u);
    CO_RETURN_IF_ERROR(co_await Sleep(61s));
    CO_RETURN_IF_ERROR(co_await log->Compact());  // ends the segment
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Compact());
    CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
    EXPECT_EQ(seen.size(), static_cast<size_t>(kKeys));
    co_return co_await CheckNow(env, log, partition, ledger);
  };
  Status status = env.Run(OpenAndRun(&env, scenario, &ledger, body));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

TEST(CompactionTest, APinKeepsWhatFollowsIt) {
  SimDisk disk(1, {});
  SimEnv env(&disk, {.seed = 1});
  CompactionLedger ledger;
  auto body = [](SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                 CompactionLedger* ledger) -> Task<> {
    std::string holder = "sink";
    CO_RETURN_IF_ERROR(co_await log->PinRetention(holder, partition, Offset(0)));
    co_return co_await FillCompactAndExpectAll(env, log, partition, ledger);
  };
  Status status = env.Run(OpenAndRun(&env, {}, &ledger, body));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

// 12 KB each, so that 87 fill a segment; the last one is a tombstone of the first key of all.
Task<> AppendUnique(EmbeddedLog* log, TopicPartition partition, std::string prefix, int count) {
  for (int i = 0; i < count; ++i) {
    std::string key = i + 1 < count ? prefix + std::to_string(i) : "a0";
    std::string filler(12'000, 'x');
    std::optional<std::string_view> value;
    if (i + 1 < count) value = filler;
    BatchBuilder builder;
    builder.Add(1000, key, value);
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  }
  co_return Status::OK();
}

// A pass that a pin cuts short does not come to the tombstone; the next one must.
Task<> PinBeforeATombstone(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                           CompactionLedger* ledger) {
  constexpr int64_t kInSecondSegment = 100;
  constexpr int64_t kInActiveSegment = 200;
  CO_RETURN_IF_ERROR(co_await AppendUnique(log, partition, "a", 130));
  CO_RETURN_IF_ERROR(co_await AppendUnique(log, partition, "b", 80));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_RETURN_IF_ERROR(co_await log->Compact());
  CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
  EXPECT_EQ(CountTombstones(seen, kInActiveSegment), 1);
  std::string holder = "sink";
  CO_RETURN_IF_ERROR(co_await log->PinRetention(holder, partition, Offset(kInSecondSegment)));
  CO_RETURN_IF_ERROR(co_await Sleep(2min));
  CO_RETURN_IF_ERROR(co_await log->Compact());
  CO_RETURN_IF_ERROR(co_await log->PinRetention(holder, partition, std::nullopt));
  CO_RETURN_IF_ERROR(co_await Sleep(10min));
  CO_RETURN_IF_ERROR(co_await log->Compact());
  CO_ASSIGN_OR_RETURN(seen, co_await ReadAll(log, partition));
  EXPECT_EQ(CountTombstones(seen, kInActiveSegment), 0);
  co_return Status::OK();
}

TEST(CompactionTest, APinDoesNotKeepTombstonesForEver) {
  Scenario scenario;
  scenario.config = Compacted({{"delete.retention.ms", "60000"}});
  SimDisk disk(1, {});
  SimEnv env(&disk, {.seed = 1});
  CompactionLedger ledger;
  Status status = env.Run(OpenAndRun(&env, scenario, &ledger, PinBeforeATombstone));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

Task<> AppendNumbered(EmbeddedLog* log, TopicPartition partition, int32_t sequence,
                      Offset expected) {
  BatchBuilderOptions options{
      .producer_id = ProducerId(77), .producer_epoch = ProducerEpoch(0), .base_sequence = sequence};
  BatchBuilder builder(options);
  builder.Add(1000, "numbered", std::to_string(sequence));
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
  EXPECT_EQ(result.base_offset, expected);
  co_return Status::OK();
}

TEST(CompactionTest, KnowsAProducersLastBatchesAlthoughTheirRecordsAreGone) {
  SimDisk disk(1, {});
  CompactionLedger ledger;
  {
    SimEnv env(&disk, {.seed = 1});
    auto body = [](SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                   CompactionLedger* ledger) -> Task<> {
      for (int32_t i = 0; i < 3; ++i) {
        CO_RETURN_IF_ERROR(co_await AppendNumbered(log, partition, i, Offset(i)));
      }
      std::vector<std::byte> newer = MakeBatch({"newer"});
      CO_RETURN_IF_ERROR(co_await log->Append(partition, newer, {}));
      BatchBuilder builder;
      builder.Add(1000, "numbered", "newest");
      CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
      CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
      CO_RETURN_IF_ERROR(co_await FillAndCompact(env, log, partition, ledger));
      CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
      EXPECT_FALSE(seen.contains(2));
      co_return Status::OK();
    };
    Status status = env.Run(OpenAndRun(&env, {}, &ledger, body));
    ASSERT_TRUE(status.ok()) << Describe(status);
  }
  SimEnv env(&disk, {.seed = 2});
  auto body = [](SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                 CompactionLedger* ledger) -> Task<> {
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
    CO_RETURN_IF_ERROR(co_await AppendNumbered(log, partition, 2, Offset(2)));
    co_return co_await AppendNumbered(log, partition, 3, offsets.high_watermark);
  };
  Status status = env.Run(OpenAndRun(&env, {}, &ledger, body));
  ASSERT_TRUE(status.ok()) << Describe(status);
}

Task<> ReadWhile(EmbeddedLog* log, TopicPartition partition, CompactionLedger* ledger,
                 const bool* ended, int* rounds) {
  while (!*ended) {
    CompactionLedger before = *ledger;
    CO_ASSIGN_OR_RETURN(Records seen, co_await ReadAll(log, partition));
    before.Check(seen);
    CO_ASSIGN_OR_RETURN(OffsetForTime found, co_await log->FindByTime(partition, 1200));
    EXPECT_GE(found.offset.value(), seen.empty() ? -1 : 200);
    if (!before.violation.empty()) co_return MakeError(ErrorCode::kInternal, before.violation);
    ++*rounds;
    CO_RETURN_IF_ERROR(co_await Sleep(10us));
  }
  co_return Status::OK();
}

Task<> FillThenEnd(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                   CompactionLedger* ledger, bool* ended) {
  Status status = co_await FillAndCompact(env, log, partition, ledger);
  *ended = true;
  co_return status;
}

Task<> ReadBesideCompaction(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                            CompactionLedger* ledger) {
  CO_RETURN_IF_ERROR(co_await AppendRound(log, partition, ledger, 100));
  bool ended = false;
  int rounds = 0;
  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  scope.Spawn("fill", FillThenEnd(env, log, partition, ledger, &ended));
  for (int i = 0; i < 3; ++i) {
    scope.Spawn("read", ReadWhile(log, partition, ledger, &ended, &rounds));
  }
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  EXPECT_GE(rounds, 10);
  co_return first;
}

TEST(CompactionTest, ReadersNeverMissARecordWhileSegmentsAreReplaced) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    SimDisk disk(seed, {});
    SimEnv env(&disk, {.seed = seed});
    CompactionLedger ledger;
    Status status = env.Run(OpenAndRun(&env, {}, &ledger, ReadBesideCompaction));
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
}

Task<> RetainWhile(EmbeddedLog* log, TopicPartition partition, const bool* ended) {
  while (!*ended) {
    CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
    // As an administrator who deletes records, in the midst of segments.
    Offset before = offsets.log_start + (offsets.high_watermark - offsets.log_start) / 8;
    CO_RETURN_IF_ERROR(co_await log->DeleteRecords(partition, before));
    CO_RETURN_IF_ERROR(co_await Sleep(5ms));
  }
  co_return Status::OK();
}

Task<> CompactBesideRetention(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                              CompactionLedger* ledger) {
  bool ended = false;
  Status first;
  TaskScope scope(env->shard(0), "test", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  scope.Spawn("fill", FillThenEnd(env, log, partition, ledger, &ended));
  scope.Spawn("retain", RetainWhile(log, partition, &ended));
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(first);
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  EXPECT_GT(offsets.log_start, Offset(0));
  co_return co_await CheckNow(env, log, partition, ledger);
}

TEST(CompactionTest, GetsAlongWithRetentionOverRestarts) {
  Scenario scenario;
  scenario.config = Compacted({{"retention.bytes", "2500000"}});
  scenario.config["cleanup.policy"] = "compact,delete";
  scenario.config["retention.ms"] = "-1";
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SimDisk disk(seed, {});
    CompactionLedger ledger;
    for (int run = 0; run < 3; ++run) {
      SimEnv env(&disk, {.seed = seed + 100 * static_cast<uint64_t>(run)});
      Status status = env.Run(OpenAndRun(&env, scenario, &ledger, CompactBesideRetention));
      ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
    }
  }
}

Task<> DeleteBesideCompaction(SimEnv* env, EmbeddedLog* log, TopicPartition partition,
                              CompactionLedger* ledger) {
  CO_RETURN_IF_ERROR(co_await AppendRound(log, partition, ledger, 90));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  TaskScope scope(env->shard(0), "test", [](const std::string&, const Status& status) {
    ADD_FAILURE() << Describe(status);
  });
  scope.Spawn("compact", log->Compact());
  Duration moment = std::chrono::microseconds(env->Random() % 8000);
  CO_RETURN_IF_ERROR(co_await Sleep(moment));
  CO_RETURN_IF_ERROR(co_await log->DeleteTopic(partition.topic_id));
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  std::string folder = "/data/topics/table-0";
  CO_ASSIGN_OR_RETURN(bool exists, co_await env->files().Exists(folder));
  EXPECT_FALSE(exists);
  co_return Status::OK();
}

TEST(CompactionTest, EndsWhenItsTopicIsDeleted) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimDisk disk(seed, {});
    SimEnv env(&disk, {.seed = seed});
    CompactionLedger ledger;
    Status status = env.Run(OpenAndRun(&env, {}, &ledger, DeleteBesideCompaction));
    ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << Describe(status);
  }
}

TEST(CompactionTest, SurvivesTheFailureOfAnyOperation) {
  auto ledger = std::make_shared<CompactionLedger>();
  int finished = 0;
  auto body = [&ledger](SimEnv* env) {
    *ledger = CompactionLedger();
    return OpenAndRun(env, {}, ledger.get(), FillAndCompact);
  };
  auto check = [&ledger, &finished](SimEnv* env) {
    finished += ledger->compacted == 3;
    return OpenAndRun(env, {}, ledger.get(), CheckNow);
  };
  Result<int64_t> tried = ForEachFault(3, {.body = body, .check = check});
  ASSERT_TRUE(tried.ok()) << Describe(tried.status());
  EXPECT_GE(*tried, 100);
  EXPECT_GE(finished, 1);
}

// Power goes at random steps, several times on one disk. The first violation, or nothing.
std::string PowerCuts(uint64_t seed, bool keeps_promises, int cut_count, int* compacted) {
  auto* ledger = new CompactionLedger();  // leaked with the envs
  const Status status = CutPower(
      {.seed = seed, .count = cut_count, .keeps_promises = keeps_promises},
      {.body = [ledger](SimEnv* env) { return OpenAndRun(env, {}, ledger, FillAndCompact); },
       .check = [ledger](SimEnv* env) { return OpenAndRun(env, {}, ledger, CheckNow); }});
  if (status.ok()) *compacted += ledger->compacted;
  return status.ok() ? "" : Describe(status);
}

TEST(CompactionTest, SurvivesPowerCuts) {
  int compacted = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    ASSERT_EQ(PowerCuts(seed, /*keeps_promises=*/true, 6, &compacted), "") << "seed " << seed;
  }
  EXPECT_GE(compacted, 12);
}

TEST(CompactionTest, TheCheckerSeesADiskThatDoesNotSync) {
  int violated = 0;
  int compacted = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    violated += !PowerCuts(seed, /*keeps_promises=*/false, 6, &compacted).empty();
  }
  EXPECT_GE(violated, 4);
}

}  // namespace
}  // namespace mainstem::storage
