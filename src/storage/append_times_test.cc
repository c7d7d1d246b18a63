// Goal: what clients write into the header of a batch about time and size is not believed:
// retention and searches go by the records. Method: batches whose header lies, on the simulated
// env.
#include <gtest/gtest.h>

#include "core/sim/sim_env.h"
#include "storage/bytes.h"
#include "storage/crc32c.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

constexpr size_t kCountAt = 57;
constexpr size_t kLastDeltaAt = 23;
constexpr size_t kAttributesAt = 21;
constexpr size_t kMaxTimestampAt = 35;

void Reseal(std::vector<std::byte>* batch) {
  StoreBig(batch->data() + 17, Crc32c(std::span(*batch).subspan(kBatchCrcBegin)));
}

std::vector<std::byte> BatchOfTimes(const std::vector<int64_t>& times, int64_t told_max) {
  BatchBuilder builder;
  for (int64_t time_ms : times) builder.Add(time_ms, "key", "value");
  std::vector<std::byte> batch = builder.Build().ValueOrDie();
  StoreBig(batch.data() + kMaxTimestampAt, told_max);
  Reseal(&batch);
  return batch;
}

// Its records can't be decompressed.
std::vector<std::byte> GarbageBatch(int32_t record_count, int64_t time_ms) {
  std::vector<std::byte> batch = MakeBatch({std::string(60, 'x')}, {}, time_ms);
  StoreBig<int16_t>(batch.data() + kAttributesAt, static_cast<int16_t>(Codec::kGzip));
  StoreBig<int32_t>(batch.data() + kLastDeltaAt, record_count - 1);
  StoreBig<int32_t>(batch.data() + kCountAt, record_count);
  Reseal(&batch);
  return batch;
}

using TimesBody = Task<> (*)(SimEnv* env, EmbeddedLog* log, TopicPartition partition);

Task<> OnATopic(SimEnv* env, TopicConfig config, TimesBody body) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, SmallLog("/data")));
  EmbeddedLog* log = opened.release();  // ends with the process
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, config, false));
  co_return co_await body(env, log, {topic.id, PartitionId(0)});
}

void RunOnATopic(TopicConfig config, TimesBody body) {
  SimDisk disk(1);
  Runs runs(&disk, 1);
  Status status = runs.Run([&](SimEnv* env) { return OnATopic(env, config, body); });
  EXPECT_TRUE(status.ok()) << Describe(status);
}

Task<> KeepYoungRecords(SimEnv* env, EmbeddedLog* log, TopicPartition partition) {
  int64_t now = env->WallTime().value();
  const std::array<int64_t, 2> lies = {1000, -1};
  for (int64_t told : lies) {
    std::vector<std::byte> batch = BatchOfTimes({now - 20, now, now - 10}, told);
    CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  }
  CO_ASSIGN_OR_RETURN(OffsetForTime in_memory, co_await log->FindByTime(partition, now));
  EXPECT_EQ(in_memory.offset, Offset(1));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_RETURN_IF_ERROR(co_await log->ApplyRetention());
  CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, Offset(0), {}));
  EXPECT_EQ(read.log_start_offset, Offset(0));
  EXPECT_EQ(read.batches.size(), 2u);
  for (const SharedBytes& batch : read.batches) {
    EXPECT_TRUE(BatchCrcMatches(batch.bytes));
    EXPECT_EQ(ReadBatchHeader(batch.bytes.data()).max_timestamp, now);
  }
  CO_ASSIGN_OR_RETURN(OffsetForTime newest, co_await log->FindMaxTimestamp(partition));
  EXPECT_EQ(newest.offset, Offset(1));
  EXPECT_EQ(newest.timestamp_ms, now);
  co_return Status::OK();
}

TEST(AppendTimesTest, RetentionAndSearchesGoByTheRecordsAndNotByTheHeader) {
  RunOnATopic({{"retention.ms", "3600000"}}, KeepYoungRecords);
}

Task<> RefuseWrongTimes(SimEnv* env, EmbeddedLog* log, TopicPartition partition) {
  int64_t now = env->WallTime().value();
  constexpr int64_t kYear = int64_t{365} * 86'400'000;
  std::vector<std::byte> batch = BatchOfTimes({now, now + 10 * kYear}, now);
  auto refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidTimestamp)) << Describe(refused.status());
  batch = BatchOfTimes({now, now - 2 * kYear}, now);
  refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidTimestamp)) << Describe(refused.status());
  batch = BatchOfTimes({now}, now);
  StoreBig<int16_t>(batch.data() + kAttributesAt, 8);
  Reseal(&batch);
  refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidTimestamp)) << Describe(refused.status());
  co_return Status::OK();
}

TEST(AppendTimesTest, RefusesATimeThatOnlyARecordTells) {
  RunOnATopic({{"message.timestamp.before.max.ms", "31536000000"}}, RefuseWrongTimes);
}

Task<> RepeatOne(SimEnv* env, EmbeddedLog* log, TopicPartition partition) {
  std::vector<std::byte> batch = MakeBatch(
      {"a"},
      {.producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(0), .base_sequence = 0});
  CO_ASSIGN_OR_RETURN(AppendResult first, co_await log->Append(partition, batch, {}));
  EXPECT_EQ(first.log_append_time_ms, env->WallTime().value());
  CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::seconds(5)));
  CO_ASSIGN_OR_RETURN(AppendResult again, co_await log->Append(partition, batch, {}));
  EXPECT_EQ(again.base_offset, first.base_offset);
  EXPECT_EQ(again.log_append_time_ms, first.log_append_time_ms);
  co_return Status::OK();
}

TEST(AppendTimesTest, ARepeatIsToldTheTimeOfTheFirst) {
  RunOnATopic({{"message.timestamp.type", "LogAppendTime"}}, RepeatOne);
}

Task<> SearchAcrossGarbage(SimEnv* env, EmbeddedLog* log, TopicPartition partition) {
  int64_t now = env->WallTime().value();
  std::vector<std::byte> batch = GarbageBatch(2'000'000'000, now);
  auto refused = co_await log->Append(partition, batch, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidRecord)) << Describe(refused.status());
  batch = GarbageBatch(5, now);
  CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  batch = MakeBatch({"good"}, {}, now);
  CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  for (int i = 0; i < 2; ++i) {
    CO_ASSIGN_OR_RETURN(OffsetForTime found, co_await log->FindByTime(partition, now - 10));
    EXPECT_EQ(found.offset, Offset(5));
    CO_ASSIGN_OR_RETURN(OffsetForTime newest, co_await log->FindMaxTimestamp(partition));
    EXPECT_EQ(newest.offset, Offset(5));
    CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  }
  CO_ASSIGN_OR_RETURN(Offset start, co_await log->DeleteRecords(partition, Offset(2)));
  EXPECT_EQ(start, Offset(2));
  CO_ASSIGN_OR_RETURN(OffsetForTime newest, co_await log->FindMaxTimestamp(partition));
  EXPECT_EQ(newest.offset, Offset(5));
  co_return Status::OK();
}

TEST(AppendTimesTest, ASearchStepsOverABatchThatCannotBeRead) {
  RunOnATopic({}, SearchAcrossGarbage);
}

// The one pass over the records that the log makes anyway finds the header's time, too.
Task<> KeepYoungRecordsOfAnyCodec(SimEnv* env, EmbeddedLog* log, TopicPartition partition) {
  int64_t now = env->WallTime().value();
  std::vector<std::byte> batch = BatchOfTimes({now - 20, now, now - 10}, 1000);
  CO_RETURN_IF_ERROR(co_await log->Append(partition, batch, {}));
  CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, Offset(0), {}));
  BatchHeader header = ReadBatchHeader(read.batches.at(0).bytes.data());
  EXPECT_EQ(header.codec(), Codec::kZstd);
  EXPECT_EQ(header.max_timestamp, now);
  co_return Status::OK();
}

TEST(AppendTimesTest, ARecompressedBatchHasTheTimeOfItsRecords) {
  RunOnATopic({{"compression.type", "zstd"}}, KeepYoungRecordsOfAnyCodec);
}

}  // namespace
}  // namespace mainstem::storage
