// The log as its users see it, on real files: what it takes, what it gives back, and that a
// reopened folder shows the same.
#include "storage/embedded_log.h"

#include <gtest/gtest.h>

#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

class EmbeddedLogTest : public testing::Test {
 protected:
  EmbeddedLogTest() : env_(MakeRealEnv({.shard_count = 2})) {}
  void Run(Task<> scenario) {
    Status status = RunBlocking(env_->shard(0), std::move(scenario));
    EXPECT_TRUE(status.ok()) << Describe(status);
  }
  Task<std::unique_ptr<EmbeddedLog>> Open() {
    return EmbeddedLog::Open(env_.get(), SmallLog(folder_.path()));
  }
  FreshFolder folder_;
  const TopicConfig no_config_;
  std::unique_ptr<Env> env_;

  // Scenarios.
  Task<> AppendReopenRead();
  Task<> ManyBatches();
  Task<> Idempotent();
  Task<> Metadata();
  Task<> Epochs();
  Task<> Waiting();
  Task<> Retention();
  Task<> Times();
  Task<> Newest();
  Task<> Deleting();
  Task<> ChangingConfigs();
  Task<> Validation();
  Task<> LargestBatch();
};

Task<> EmbeddedLogTest::AppendReopenRead() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("clicks", 3, no_config_, false));
  std::vector<std::byte> batch = MakeBatch({"a", "b"});
  for (int32_t i = 0; i < 3; ++i) {
    TopicPartition partition{topic.id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(AppendResult first, co_await log->Append(partition, batch, {}));
    EXPECT_EQ(first.base_offset, Offset(0));
    CO_ASSIGN_OR_RETURN(AppendResult second, co_await log->Append(partition, batch, {}));
    EXPECT_EQ(second.base_offset, Offset(2));
  }
  std::vector<std::string> expected = {"a", "b", "a", "b"};
  for (int round = 0; round < 4; ++round) {
    for (int32_t i = 0; i < 3; ++i) {
      TopicPartition partition{topic.id, PartitionId(i)};
      CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition));
      EXPECT_EQ(values, expected);
      CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
      EXPECT_EQ(offsets.high_watermark, Offset(4));
    }
    if (round == 1) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
    EXPECT_EQ(log->FindTopic("clicks")->id, topic.id);
  }
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, KeepsRecordsOverAReopen) { Run(AppendReopenRead()); }

Task<> EmbeddedLogTest::ManyBatches() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  // A first start writes four chunks of zeros before it takes records, not a whole file.
  const std::string first_file = folder_.path() + "/journal/journal-0001";
  EXPECT_EQ(std::filesystem::file_size(first_file), 4u * (128u << 10));
  // The records are old, and on a busy machine this takes longer than the time between retentions.
  TopicConfig config = {{"segment.bytes", "1048576"}, {"retention.ms", "-1"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("big", 2, config, false));
  std::vector<std::vector<std::string>> expected(2);
  // 12 MB through a cache of 1 MB and a journal of 8.
  for (int i = 0; i < 1200; ++i) {
    std::vector<std::string> values;
    for (int j = 0; j < 10; ++j) {
      values.push_back(std::to_string(i * 10 + j) + std::string(1000, 'x'));
    }
    int32_t index = i % 2;
    std::vector<std::byte> batch = MakeBatch(values);
    TopicPartition partition{topic.id, PartitionId(index)};
    CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
    EXPECT_EQ(result.base_offset, Offset(static_cast<int64_t>(expected[index].size())));
    for (std::string& value : values) expected[index].push_back(std::move(value));
  }
  EXPECT_LE(log->journal_file_count(), 9u);
  EXPECT_FALSE(std::filesystem::exists(first_file));
  for (int round = 0; round < 3; ++round) {
    for (int32_t i = 0; i < 2; ++i) {
      TopicPartition partition{topic.id, PartitionId(i)};
      CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition));
      EXPECT_TRUE(values == expected[i]) << round << " " << i << " " << values.size();
      CO_ASSIGN_OR_RETURN(auto rest, co_await ReadValues(log.get(), partition, Offset(1234)));
      EXPECT_EQ(rest.size(), expected[i].size() - 1234);
    }
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, KeepsMoreThanFitsInMemoryAndJournal) { Run(ManyBatches()); }

Task<> EmbeddedLogTest::Idempotent() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, no_config_, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  CO_ASSIGN_OR_RETURN(ProducerId id, co_await log->NextProducerId());
  BatchBuilderOptions options{.producer_id = id, .producer_epoch = ProducerEpoch(0)};
  auto make = [&options](int32_t sequence) {
    options.base_sequence = sequence;
    return MakeBatch({"a", "b"}, options);
  };
  for (int32_t sequence = 0; sequence < 12; sequence += 2) {
    std::vector<std::byte> batch = make(sequence);
    CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
    EXPECT_EQ(result.base_offset, Offset(sequence));
  }
  for (int round = 0; round < 3; ++round) {
    // Of 6 batches the last 5 are known.
    for (int32_t sequence = 2; sequence < 12; sequence += 2) {
      std::vector<std::byte> batch = make(sequence);
      CO_ASSIGN_OR_RETURN(AppendResult again, co_await log->Append(partition, batch, {}));
      EXPECT_EQ(again.base_offset, Offset(sequence));
    }
    std::vector<std::byte> too_old = make(0);
    auto refused = co_await log->Append(partition, too_old, {});
    EXPECT_TRUE(Is(refused.status(), ErrorCode::kOutOfOrderSequence));
    std::vector<std::byte> gap = make(20);
    refused = co_await log->Append(partition, gap, {});
    EXPECT_TRUE(Is(refused.status(), ErrorCode::kOutOfOrderSequence));
    if (round == 1) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  CO_ASSIGN_OR_RETURN(ProducerId other, co_await log->NextProducerId());
  EXPECT_GT(other, id);
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  EXPECT_EQ(offsets.high_watermark, Offset(12));
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, AnswersARepeatedBatchWithItsFirstOffset) { Run(Idempotent()); }

Task<> EmbeddedLogTest::Metadata() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", -1, no_config_, false));
  EXPECT_EQ(topic.partition_count, 1);
  auto again = co_await log->CreateTopic("t", 1, no_config_, false);
  EXPECT_TRUE(Is(again.status(), ErrorCode::kAlreadyExists));
  TopicConfig unknown = {{"no.such.key", "1"}};
  auto refused = co_await log->CreateTopic("u", 1, unknown, false);
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidConfig));
  refused = co_await log->CreateTopic("a b", 1, no_config_, false);
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidTopic));
  refused = co_await log->CreateTopic("u", 0, no_config_, false);
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidPartitions));
  CO_ASSIGN_OR_RETURN(topic, co_await log->AddPartitions(topic.id, 4));
  TopicConfig hour = {{"retention.ms", "3600000"}};
  CO_RETURN_IF_ERROR(co_await log->SetTopicConfig(topic.id, hour, false));
  std::vector<std::pair<Log::OffsetKey, std::optional<CommittedOffset>>> offsets;
  CommittedOffset committed{.offset = Offset(7), .metadata = "m", .commit_time_ms = 5};
  offsets.push_back({{"g", "t", PartitionId(0)}, committed});
  offsets.push_back({{"g", "t", PartitionId(1)}, committed});
  CO_RETURN_IF_ERROR(co_await log->CommitOffsets(offsets));
  offsets.resize(1);
  offsets[0].second.reset();
  CO_RETURN_IF_ERROR(co_await log->CommitOffsets(offsets));
  std::optional<std::string> one = "one", two = "two", none;
  CO_RETURN_IF_ERROR(co_await log->PutMeta("jobs/a", one));
  CO_RETURN_IF_ERROR(co_await log->PutMeta("jobs/b", two));
  CO_RETURN_IF_ERROR(co_await log->PutMeta("jobs/b", none));
  for (int round = 0; round < 3; ++round) {
    std::optional<TopicInfo> found = log->FindTopic("t");
    EXPECT_TRUE(found && found->partition_count == 4 && found->config == hour);
    CO_ASSIGN_OR_RETURN(auto loaded, co_await log->LoadOffsets());
    EXPECT_EQ(loaded.size(), 1u);
    EXPECT_EQ(loaded.at(0).first.partition, PartitionId(1));
    EXPECT_EQ(loaded.at(0).second.offset, Offset(7));
    EXPECT_EQ(loaded.at(0).second.metadata, "m");
    CO_ASSIGN_OR_RETURN(auto values, co_await log->ListMeta("jobs/"));
    EXPECT_EQ(values, (std::map<std::string, std::string>{{"jobs/a", "one"}}));
    if (round == 1) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  CO_RETURN_IF_ERROR(co_await log->DeleteTopic(topic.id));
  EXPECT_FALSE(log->FindTopic("t"));
  CO_ASSIGN_OR_RETURN(auto loaded, co_await log->LoadOffsets());
  EXPECT_TRUE(loaded.empty());
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, KeepsTopicsOffsetsAndValues) { Run(Metadata()); }

Task<> EmbeddedLogTest::Epochs() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("out", 3, no_config_, false));
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    EpochCommit commit{.job_id = "job", .epoch = epoch, .metadata = std::to_string(epoch)};
    for (int32_t i = 0; i < 3; ++i) {
      TopicPartition partition{topic.id, PartitionId(i)};
      commit.appends.push_back({partition, MakeBatch({"e" + std::to_string(epoch)})});
      commit.appends.push_back({partition, MakeBatch({"f" + std::to_string(epoch)})});
    }
    EpochCommit repeat = commit;
    CO_RETURN_IF_ERROR(co_await log->CommitEpoch(std::move(commit)));
    Status again = co_await log->CommitEpoch(std::move(repeat));
    EXPECT_TRUE(Is(again, ErrorCode::kAlreadyExists));
  }
  std::vector<std::string> expected = {"e1", "f1", "e2", "f2", "e3", "f3"};
  for (int round = 0; round < 2; ++round) {
    CO_ASSIGN_OR_RETURN(JobEpoch last, co_await log->LastEpoch("job"));
    EXPECT_EQ(last.epoch, 3);
    EXPECT_EQ(last.metadata, "3");
    for (int32_t i = 0; i < 3; ++i) {
      TopicPartition partition{topic.id, PartitionId(i)};
      CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition));
      EXPECT_EQ(values, expected);
    }
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  // An unknown partition: nothing of the epoch stays, and partitions are free again.
  EpochCommit broken{.job_id = "job", .epoch = 4};
  broken.appends.push_back({{topic.id, PartitionId(0)}, MakeBatch({"x"})});
  broken.appends.push_back({{topic.id, PartitionId(9)}, MakeBatch({"x"})});
  Status refused = co_await log->CommitEpoch(std::move(broken));
  EXPECT_TRUE(Is(refused, ErrorCode::kUnknownTopic));
  std::vector<std::byte> batch = MakeBatch({"after"});
  for (int32_t i = 0; i < 3; ++i) {
    TopicPartition partition{topic.id, PartitionId(i)};
    CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
    EXPECT_EQ(result.base_offset, Offset(6));
  }
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, CommitsAnEpochOnceAndAsAWhole) { Run(Epochs()); }

Task<> AppendOne(Log* log, TopicPartition partition) {
  std::vector<std::byte> batch = MakeBatch({"news"});
  co_return (co_await log->Append(partition, batch, {})).status();
}

Task<> EmbeddedLogTest::Waiting() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 2, no_config_, false));
  std::vector<std::pair<TopicPartition, Offset>> beyond;
  for (int32_t i = 0; i < 2; ++i) beyond.push_back({{topic.id, PartitionId(i)}, Offset(0)});
  TimePoint soon = env_->Now() + 5ms;
  CO_ASSIGN_OR_RETURN(bool moved, co_await log->WaitForData(beyond, soon));
  EXPECT_FALSE(moved);
  TaskScope scope(env_->shard(0), "test", [](const std::string&, const Status& status) {
    ADD_FAILURE() << Describe(status);
  });
  for (int32_t i = 0; i < 2; ++i) {
    TopicPartition partition{topic.id, PartitionId(i)};
    beyond[static_cast<size_t>(i)].second = Offset(0);
    scope.Spawn("append", AppendOne(log.get(), partition));
    CO_ASSIGN_OR_RETURN(moved, co_await log->WaitForData(beyond, kNoDeadline));
    EXPECT_TRUE(moved);
    CO_RETURN_IF_ERROR(co_await scope.Join());
    beyond[static_cast<size_t>(i)].second = Offset(1);
  }
  CO_RETURN_IF_ERROR(co_await scope.Close());
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, WakesWhoWaitsForData) { Run(Waiting()); }

Task<> EmbeddedLogTest::Retention() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  TopicConfig config = {{"segment.bytes", "1048576"}, {"retention.bytes", "2500000"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, config, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  int64_t now = env_->WallTime().value();
  std::vector<std::byte> batch = MakeBatch({std::string(100'000, 'x')}, {}, now);
  for (int i = 0; i < 50; ++i) {
    CO_RETURN_IF_ERROR((co_await log->Append(partition, batch, {})));
  }
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  std::optional<Offset> pin = Offset(12);
  CO_RETURN_IF_ERROR(co_await log->PinRetention("sink", partition, pin));
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  EXPECT_EQ(offsets.log_start, Offset(10));  // segments hold 10 each
  // A job's pin goes with it, here and after a restart; others stay.
  CO_RETURN_IF_ERROR(co_await log->PinRetention("job.sources", partition, pin));
  CO_RETURN_IF_ERROR(co_await log->PinRetention("job2.sources", partition, pin));
  pin.reset();
  CO_RETURN_IF_ERROR(co_await log->PinRetention("sink", partition, pin));
  CO_RETURN_IF_ERROR(co_await log->ForgetJob("job2"));
  CO_RETURN_IF_ERROR(co_await log->Stop());
  log.reset();
  CO_ASSIGN_OR_RETURN(log, co_await Open());
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  CO_ASSIGN_OR_RETURN(offsets, co_await log->Offsets(partition));
  EXPECT_EQ(offsets.log_start, Offset(10));
  CO_RETURN_IF_ERROR(co_await log->ForgetJob("job"));
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  for (int round = 0; round < 2; ++round) {
    CO_ASSIGN_OR_RETURN(offsets, co_await log->Offsets(partition));
    EXPECT_EQ(offsets.log_start, Offset(20));
    EXPECT_LT(offsets.size_bytes, 3'100'000);
    auto gone = co_await log->Read(partition, Offset(19), {});
    EXPECT_TRUE(Is(gone.status(), ErrorCode::kOffsetOutOfRange));
    CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition, Offset(20)));
    EXPECT_EQ(values.size(), 30u);
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  CO_ASSIGN_OR_RETURN(Offset start, co_await log->DeleteRecords(partition, Offset(35)));
  EXPECT_EQ(start, Offset(35));
  CO_ASSIGN_OR_RETURN(start, co_await log->DeleteRecords(partition, Offset(-1)));
  EXPECT_EQ(start, Offset(50));
  // By time: everything, the active segment too.
  batch = MakeBatch({"old"}, {}, 1000);
  CO_RETURN_IF_ERROR((co_await log->Append(partition, batch, {})));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  TopicConfig second = {{"retention.ms", "1000"}};
  CO_RETURN_IF_ERROR(co_await log->SetTopicConfig(topic.id, second, false));
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  CO_ASSIGN_OR_RETURN(offsets, co_await log->Offsets(partition));
  EXPECT_EQ(offsets.high_watermark, Offset(51));
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, DeletesOldSegmentsButNotBehindAPin) { Run(Retention()); }

Task<> EmbeddedLogTest::Times() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, no_config_, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  std::string filler(20'000, 'x');
  for (int i = 0; i < 30; ++i) {
    BatchBuilder builder;
    builder.Add(1000 * i, "k", filler);
    builder.Add(1000 * i + 500, "k", "b");
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    CO_RETURN_IF_ERROR((co_await log->Append(partition, batch, {})));
    if (i == 19) CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 30; i += 3) {
      CO_ASSIGN_OR_RETURN(OffsetForTime at, co_await log->FindByTime(partition, 1000 * i + 1));
      EXPECT_EQ(at.offset, Offset(2 * i + 1));
      EXPECT_EQ(at.timestamp_ms, 1000 * i + 500);
    }
    CO_ASSIGN_OR_RETURN(OffsetForTime none, co_await log->FindByTime(partition, 29'501));
    EXPECT_EQ(none.offset, Offset(-1));
    CO_ASSIGN_OR_RETURN(OffsetForTime newest, co_await log->FindMaxTimestamp(partition));
    EXPECT_EQ(newest.offset, Offset(59));
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, FindsOffsetsByTimeInMemoryAndSegments) { Run(Times()); }

// The newest record is not there any more.
Task<> EmbeddedLogTest::Newest() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, no_config_, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  const std::vector<std::vector<int64_t>> batches = {{100}, {90, 50, 70}, {60}};
  for (const std::vector<int64_t>& times : batches) {
    BatchBuilder builder;
    for (int64_t time : times) builder.Add(time, "k", "v");
    CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
    CO_RETURN_IF_ERROR((co_await log->Append(partition, batch, {})));
  }
  const std::vector<std::pair<int64_t, int64_t>> expected = {{1, 90}, {2, 70}, {4, 60}};
  for (int round = 0; round < 2; ++round) {  // in memory, then in a segment
    for (const auto& [start, newest] : expected) {
      bool is_over = start > 1 && round == 0;  // the log's start does not go back
      if (is_over) continue;
      CO_RETURN_IF_ERROR((co_await log->DeleteRecords(partition, Offset(start))));
      CO_ASSIGN_OR_RETURN(OffsetForTime found, co_await log->FindMaxTimestamp(partition));
      EXPECT_EQ(found.timestamp_ms, newest) << start;
    }
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, FindsTheNewestOfWhatIsLeft) { Run(Newest()); }

Task<> SetKey(EmbeddedLog* log, TopicId id, std::string key, std::string value) {
  Log::ConfigChange change = [key, value](TopicConfig config) {
    config[key] = value;
    return config;
  };
  co_return co_await log->ChangeTopicConfig(id, std::move(change), false);
}

Task<> EmbeddedLogTest::ChangingConfigs() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, no_config_, false));
  TaskScope scope(env_->shard(0), "changes", [](const std::string&, const Status& status) {
    ADD_FAILURE() << Describe(status);
  });
  scope.Spawn("one", SetKey(log.get(), topic.id, "retention.ms", "3600000"));
  scope.Spawn("other", SetKey(log.get(), topic.id, "max.message.bytes", "5000"));
  CO_RETURN_IF_ERROR(co_await scope.Join());
  CO_RETURN_IF_ERROR(co_await scope.Close());
  const TopicConfig both = {{"retention.ms", "3600000"}, {"max.message.bytes", "5000"}};
  EXPECT_EQ(log->FindTopic("t")->config, both);
  Status refused = co_await SetKey(log.get(), topic.id, "no.such.key", "1");
  EXPECT_TRUE(Is(refused, ErrorCode::kInvalidConfig)) << Describe(refused);
  EXPECT_EQ(log->FindTopic("t")->config, both);
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, TwoChangesOfATopicAtOnceBothCount) { Run(ChangingConfigs()); }

Task<> EmbeddedLogTest::Deleting() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  CO_ASSIGN_OR_RETURN(TopicInfo old, co_await log->CreateTopic("t", 1, no_config_, false));
  TopicPartition partition{old.id, PartitionId(0)};
  std::vector<std::byte> batch = MakeBatch({"a"});
  CO_RETURN_IF_ERROR((co_await log->Append(partition, batch, {})));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_RETURN_IF_ERROR(co_await log->DeleteTopic(old.id));
  auto refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kUnknownTopic));
  CO_ASSIGN_OR_RETURN(TopicInfo fresh, co_await log->CreateTopic("t", 1, no_config_, false));
  EXPECT_NE(fresh.id, old.id);
  for (int round = 0; round < 2; ++round) {
    CO_ASSIGN_OR_RETURN(PartitionOffsets offsets,
                        co_await log->Offsets({fresh.id, PartitionId(0)}));
    EXPECT_EQ(offsets.high_watermark, Offset(0));
    EXPECT_EQ(log->ListTopics().size(), 1u);
    CO_RETURN_IF_ERROR(co_await log->Stop());
    log.reset();
    CO_ASSIGN_OR_RETURN(log, co_await Open());
  }
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, ARecreatedTopicIsEmpty) { Run(Deleting()); }

Task<> EmbeddedLogTest::Validation() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  TopicConfig config = {{"max.message.bytes", "1000"}, {"cleanup.policy", "compact"}};
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, config, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  std::vector<std::byte> batch = MakeBatch({std::string(2000, 'x')});
  auto refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kMessageTooLarge));
  batch = MakeBatch({"a"});
  batch.back() ^= std::byte{1};
  refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kCorruptMessage));
  BatchBuilder builder;
  builder.Add(1, std::nullopt, "x");
  batch = builder.Build().ValueOrDie();
  refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidRecord));
  int64_t future = env_->WallTime().value() + 7'200'000;
  batch = MakeBatch({"a"}, {}, future);
  refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidTimestamp));
  TopicConfig stamped = {{"message.timestamp.type", "LogAppendTime"}, {"compression.type", "lz4"}};
  CO_RETURN_IF_ERROR(co_await log->SetTopicConfig(topic.id, stamped, false));
  CO_ASSIGN_OR_RETURN(AppendResult result, co_await log->Append(partition, batch, {}));
  EXPECT_GT(result.log_append_time_ms, 0);
  CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, Offset(0), {}));
  EXPECT_EQ(read.batches.size(), 1u);
  BatchHeader header = ReadBatchHeader(read.batches.at(0).bytes.data());
  EXPECT_TRUE(header.log_append_time());
  EXPECT_EQ(header.max_timestamp, result.log_append_time_ms);
  EXPECT_EQ(header.codec(), Codec::kLz4);
  CO_ASSIGN_OR_RETURN(auto values, co_await ReadValues(log.get(), partition));
  EXPECT_EQ(values, std::vector<std::string>{"a"});
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, RefusesWhatTheTopicDoesNotTake) { Run(Validation()); }

Task<> EmbeddedLogTest::LargestBatch() {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> log, co_await Open());
  // A frame of this journal takes half a MiB.
  TopicConfig more = {{"max.message.bytes", "600000"}};
  TopicConfig all = {{"max.message.bytes", "500000"}};
  auto refused = co_await log->CreateTopic("t", 1, more, false);
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidConfig)) << Describe(refused.status());
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, all, false));
  Status changed = co_await log->SetTopicConfig(topic.id, more, false);
  EXPECT_TRUE(Is(changed, ErrorCode::kInvalidConfig)) << Describe(changed);
  std::vector<std::byte> batch = MakeBatch({std::string(499'900, 'x')});
  CO_RETURN_IF_ERROR(co_await log->Append({topic.id, PartitionId(0)}, batch, {}));
  co_return co_await log->Stop();
}

TEST_F(EmbeddedLogTest, PromisesNoLargerBatchThanTheJournalTakes) { Run(LargestBatch()); }

}  // namespace
}  // namespace mainstem::storage
