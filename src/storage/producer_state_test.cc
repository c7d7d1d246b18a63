// Kafka's rules for sequences where little is known of a producer: a new epoch that a marker began,
// and a first batch that was refused while the next one is on its way.
#include "storage/producer_state.h"

#include <gtest/gtest.h>

#include "storage/partition_transactions.h"
#include "storage/test_log.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

constexpr ProducerId kSomeProducer{7};

std::vector<std::byte> SequencedBatch(int32_t sequence, int16_t epoch = 0) {
  return MakeBatch({"a", "b"}, {.producer_id = kSomeProducer,
                                .producer_epoch = ProducerEpoch(epoch),
                                .base_sequence = sequence});
}
BatchHeader SequencedHeader(int32_t sequence, int16_t epoch = 0) {
  return ReadBatchHeader(SequencedBatch(sequence, epoch).data());
}

bool IsTakenAsNew(const ProducerStates& states, const BatchHeader& header) {
  Result<std::optional<ProducerBatch>> known = states.Check(header);
  EXPECT_TRUE(known.ok() || Is(known.status(), ErrorCode::kOutOfOrderSequence));
  return known.ok() && !known->has_value();
}

TEST(ProducerStatesTest, OneOfWhomNothingIsKnownBeginsAnywhere) {
  ProducerStates states;
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(6)));
}

// KIP-890: the end of a transaction gives its producer the next epoch.
TEST(ProducerStatesTest, AnEpochThatAMarkerBeganBeginsWithZero) {
  ProducerStates states;
  states.Remember(SequencedHeader(0), 1000, Offset(0));
  std::vector<std::byte> marker = MakeMarker(kSomeProducer, ProducerEpoch(1), true, 1000);
  states.RememberMarker(ReadBatchHeader(marker.data()), 1000);
  EXPECT_FALSE(IsTakenAsNew(states, SequencedHeader(2, 1)));
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(0, 1)));
  EXPECT_TRUE(Is(states.Check(SequencedHeader(2)).status(), ErrorCode::kInvalidProducerEpoch));
}

TEST(ProducerStatesTest, SuchAnEpochIsKeptBeforeItsFirstBatch) {
  ProducerStates before;
  before.Remember(SequencedHeader(0), 1000, Offset(0));
  std::vector<std::byte> marker = MakeMarker(kSomeProducer, ProducerEpoch(1), true, 1000);
  before.RememberMarker(ReadBatchHeader(marker.data()), 1000);
  ProducerStates after;
  for (const ProducerSnapshot& kept : before.Snapshot(Offset(100))) after.Restore(kept);
  EXPECT_TRUE(Is(after.Check(SequencedHeader(7, 1)).status(), ErrorCode::kOutOfOrderSequence));
  EXPECT_TRUE(Is(after.Check(SequencedHeader(2)).status(), ErrorCode::kInvalidProducerEpoch));
  EXPECT_TRUE(IsTakenAsNew(after, SequencedHeader(0, 1)));
}

TEST(ProducerStatesTest, WhatWasSentBehindARefusedBatchWaitsForIt) {
  ProducerStates states;
  states.NoteRefused(SequencedHeader(2), 1000);
  states.NoteRefused(SequencedHeader(0), 1000);
  states.NoteRefused(SequencedHeader(4), 1000);
  EXPECT_FALSE(IsTakenAsNew(states, SequencedHeader(2)));
  EXPECT_FALSE(IsTakenAsNew(states, SequencedHeader(4)));
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(0)));
  states.Remember(SequencedHeader(0), 1000, Offset(0));
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(2)));
}

TEST(ProducerStatesTest, ARefusalIsForgottenWithItsEpochOrItsTime) {
  ProducerStates states;
  states.NoteRefused(SequencedHeader(4, 1), 1000);
  states.NoteRefused(SequencedHeader(0, 0), 1000);  // of a zombie
  EXPECT_FALSE(IsTakenAsNew(states, SequencedHeader(6, 1)));
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(6, 2)));
  states.NoteRefused(SequencedHeader(2, 2), 1000);
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(2, 2)));
  states.Expire(1001);
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(6, 2)));
}

TEST(ProducerStatesTest, AProducerLivesAsLongAsItsTransaction) {
  ProducerStates states;
  states.Remember(SequencedHeader(0), 1000, Offset(0));
  states.Expire(1001, {kSomeProducer});
  EXPECT_FALSE(IsTakenAsNew(states, SequencedHeader(6)));
  states.Expire(1001, {});
  EXPECT_TRUE(IsTakenAsNew(states, SequencedHeader(6)));
}

// The disk is full for the first batch and has room again before the second one comes.
Task<> SendAcrossAFullDisk(SimEnv* env, SimDisk* disk) {
  CO_ASSIGN_OR_RETURN(
      std::unique_ptr<EmbeddedLog> opened,
      co_await EmbeddedLog::Open(env, SizedLog("/data", {256 << 10, 128 << 10, 512 << 10})));
  EmbeddedLog* log = opened.release();  // ends with the process
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, {}, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  disk->set_capacity_bytes(disk->used_bytes() + (64 << 10));
  const std::array<size_t, 2> sizes = {8000, 1};
  for (size_t bytes : sizes) {  // to the last room
    std::vector<std::byte> filling = MakeBatch({std::string(bytes, 'x')});
    Status status;
    for (int i = 0; i < 10'000 && status.ok(); ++i) {
      auto appended = co_await log->Append(partition, filling, {});
      status = appended.status();
    }
    EXPECT_TRUE(Is(status, ErrorCode::kDiskFull)) << Describe(status);
  }
  std::vector<std::byte> first = SequencedBatch(0);
  std::vector<std::byte> second = SequencedBatch(2);
  auto refused = co_await log->Append(partition, first, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kDiskFull)) << Describe(refused.status());
  disk->set_capacity_bytes(int64_t{1} << 40);
  CO_RETURN_IF_ERROR(co_await Sleep(5s));
  refused = co_await log->Append(partition, second, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kOutOfOrderSequence)) << Describe(refused.status());
  CO_ASSIGN_OR_RETURN(AppendResult taken, co_await log->Append(partition, first, {}));
  CO_ASSIGN_OR_RETURN(AppendResult next, co_await log->Append(partition, second, {}));
  EXPECT_EQ(next.base_offset, taken.base_offset + 2);
  co_return Status::OK();
}

TEST(ProducerStatesTest, AFullDiskDoesNotTurnBatchesRound) {
  SimDisk disk(1);
  Runs runs(&disk, 1);
  Status status =
      runs.Run([&disk](SimEnv* env) { return SendAcrossAFullDisk(env, &disk); }, ProcessEnd::kKill);
  ASSERT_TRUE(status.ok()) << Describe(status);
}

// As `producer.id.expiration.ms` of Kafka: then nothing is known of it, and it may go on.
Task<> ComeBackLate(SimEnv* env) {
  EmbeddedLogOptions options = SmallLog("/data");
  options.producer_id_expiration_ms = 3'600'000;
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, options));
  EmbeddedLog* log = opened.release();
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, {}, false));
  TopicPartition partition{topic.id, PartitionId(0)};
  std::vector<std::byte> first = SequencedBatch(0);
  CO_RETURN_IF_ERROR(co_await log->Append(partition, first, {}));
  CO_RETURN_IF_ERROR(co_await Sleep(59min));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  std::vector<std::byte> behind_a_gap = SequencedBatch(6);
  auto refused = co_await log->Append(partition, behind_a_gap, {});
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kOutOfOrderSequence)) << Describe(refused.status());
  CO_ASSIGN_OR_RETURN(AppendResult repeat, co_await log->Append(partition, first, {}));
  EXPECT_EQ(repeat.base_offset, Offset(0));
  CO_RETURN_IF_ERROR(co_await Sleep(61min));
  std::vector<std::byte> other = MakeBatch({"of nobody"});
  CO_RETURN_IF_ERROR(co_await log->Append(partition, other, {}));
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  CO_ASSIGN_OR_RETURN(auto known, co_await log->ListProducers(partition));
  EXPECT_TRUE(known.empty());
  CO_ASSIGN_OR_RETURN(AppendResult late, co_await log->Append(partition, behind_a_gap, {}));
  EXPECT_EQ(late.base_offset, Offset(3));
  co_return Status::OK();
}

// Records of 1970, as a mirror of old data sends them.
Task<> SendOldRecords(SimEnv* env, TopicPartition* partition) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, SmallLog("/data")));
  EmbeddedLog* log = opened.release();
  CO_ASSIGN_OR_RETURN(TopicInfo topic, co_await log->CreateTopic("t", 1, {}, false));
  *partition = {topic.id, PartitionId(0)};
  std::vector<std::byte> first = SequencedBatch(0);
  co_return (co_await log->Append(*partition, first, {})).status();
}

Task<> SendThemAgain(SimEnv* env, TopicPartition partition) {
  CO_ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedLog> opened,
                      co_await EmbeddedLog::Open(env, SmallLog("/data")));
  EmbeddedLog* log = opened.release();
  CO_RETURN_IF_ERROR(co_await log->Checkpoint());
  std::vector<std::byte> first = SequencedBatch(0);
  CO_ASSIGN_OR_RETURN(AppendResult again, co_await log->Append(partition, first, {}));
  EXPECT_EQ(again.base_offset, Offset(0));
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  EXPECT_EQ(offsets.high_watermark, Offset(2));
  co_return Status::OK();
}

TEST(ProducerStatesTest, ARepeatOfOldRecordsIsKnownAfterACrash) {
  SimDisk disk(1);
  Runs runs(&disk, 1);
  TopicPartition partition;
  Status status = runs.Run([&](SimEnv* env) { return SendOldRecords(env, &partition); });
  ASSERT_TRUE(status.ok()) << Describe(status);
  status = runs.Run([&](SimEnv* env) { return SendThemAgain(env, partition); });
  ASSERT_TRUE(status.ok()) << Describe(status);
}

TEST(ProducerStatesTest, AProducerIsForgottenAfterItsTime) {
  SimDisk disk(1);
  Runs runs(&disk, 1);
  Status status = runs.Run(ComeBackLate, ProcessEnd::kKill);
  ASSERT_TRUE(status.ok()) << Describe(status);
}

}  // namespace
}  // namespace mainstem::storage
