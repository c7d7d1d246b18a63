#include "storage/compacted_batch.h"

#include <gtest/gtest.h>

#include "storage/batch_builder.h"

namespace mainstem::storage {
namespace {

constexpr KeyHashSeed kSeed{1, 2};
constexpr int64_t kHour = 3'600'000;
const std::vector<AbortedTransaction> kNone;

struct Row {
  std::string key;
  std::optional<std::string> value;
  int64_t time_ms = 1000;
};

std::vector<std::byte> BatchOf(const std::vector<Row>& rows, Offset base,
                               BatchBuilderOptions options = {}) {
  BatchBuilder builder(options);
  RecordHeader header{.key = "h", .value = "v"};
  for (const Row& row : rows) {
    std::optional<std::string_view> value;
    if (row.value) value = *row.value;
    builder.Add(row.time_ms, row.key, value, std::span(&header, 1));
  }
  std::vector<std::byte> batch = builder.Build().ValueOrDie();
  SetBaseOffset(batch.data(), base, LeaderEpoch(0));
  return batch;
}

std::string Show(std::span<const std::byte> batch) {
  std::string text;
  RecordReader reader = RecordReader::Open(batch).ValueOrDie();
  RecordView record;
  while (reader.Next(&record).ValueOrDie()) {
    text += std::to_string(record.offset.value()) + ":" + std::string(*record.key) + "=" +
            std::string(record.value.value_or("null")) + "@" + std::to_string(record.timestamp_ms) +
            "/" + std::to_string(ReadHeaders(record).ValueOrDie().size()) + " ";
  }
  return text;
}

class CompactedBatchTest : public testing::TestWithParam<Codec> {};

TEST_P(CompactedBatchTest, DropsWhatANewerRecordReplacesAndKeepsTheRestAsItIs) {
  BatchBuilderOptions options{.codec = GetParam(),
                              .producer_id = ProducerId(9),
                              .producer_epoch = ProducerEpoch(3),
                              .base_sequence = 70};
  std::vector<std::byte> batch =
      BatchOf({{"a", "1", 5000}, {"b", "2", 4000}, {"a", "3", 4500}, {"c", "4", 4600}}, Offset(100),
              options);
  KeyOffsets newest(1 << 16, kSeed);
  MappedKeys mapped = MapKeys(batch, Offset(0), Offset(1000), kNone, &newest).ValueOrDie();
  EXPECT_EQ(mapped.end, Offset(104));
  newest.Put("c", Offset(200));
  CompactionRules rules{.newest = &newest, .aborted = &kNone, .mapped_end = Offset(300)};
  CompactedBatch result = CompactBatch(batch, rules).ValueOrDie();
  ASSERT_EQ(result.kind, CompactedBatch::Kind::kChanged);
  EXPECT_EQ(Show(result.bytes), "101:b=2@4000/1 102:a=3@4500/1 ");
  EXPECT_TRUE(BatchCrcMatches(result.bytes));
  BatchHeader header = ReadBatchHeader(result.bytes.data());
  EXPECT_EQ(header.total_bytes(), result.bytes.size());
  EXPECT_EQ(header.base_offset, Offset(100));
  EXPECT_EQ(header.last_offset(), Offset(103));
  EXPECT_EQ(header.record_count, 2);
  EXPECT_EQ(header.max_timestamp, 4500);
  EXPECT_EQ(header.codec(), GetParam());
  EXPECT_EQ(header.producer_id, ProducerId(9));
  EXPECT_EQ(header.base_sequence, 70);
  EXPECT_EQ(header.last_sequence(), 73);
}

INSTANTIATE_TEST_SUITE_P(Codecs, CompactedBatchTest,
                         testing::Values(Codec::kNone, Codec::kGzip, Codec::kLz4, Codec::kZstd));

TEST(CompactedBatchTest, KeepsATombstoneUntilItsHorizonCountedFromTheFirstPass) {
  std::vector<std::byte> batch = BatchOf({{"a", "1", 10}, {"a", std::nullopt, 20}}, Offset(0));
  KeyOffsets newest(1 << 16, kSeed);
  ASSERT_TRUE(MapKeys(batch, Offset(0), Offset(2), kNone, &newest).ok());
  CompactionRules rules{.newest = &newest,
                        .aborted = &kNone,
                        .mapped_end = Offset(2),
                        .now_ms = 50'000,
                        .delete_retention_ms = kHour};
  CompactedBatch first = CompactBatch(batch, rules).ValueOrDie();
  ASSERT_EQ(first.kind, CompactedBatch::Kind::kChanged);
  EXPECT_EQ(Show(first.bytes), "1:a=null@20/1 ");
  EXPECT_EQ(first.delete_horizon_ms, 50'000 + kHour);
  BatchHeader header = ReadBatchHeader(first.bytes.data());
  EXPECT_EQ(header.attributes & kDeleteHorizonBit, kDeleteHorizonBit);
  EXPECT_EQ(header.base_timestamp, 50'000 + kHour);
  EXPECT_EQ(header.max_timestamp, 20);

  rules.now_ms += kHour - 1;  // the horizon stays where it was
  CompactedBatch second = CompactBatch(first.bytes, rules).ValueOrDie();
  EXPECT_EQ(second.kind, CompactedBatch::Kind::kSame);
  EXPECT_EQ(second.delete_horizon_ms, 50'000 + kHour);
  rules.now_ms += 1;
  EXPECT_EQ(CompactBatch(first.bytes, rules).ValueOrDie().kind, CompactedBatch::Kind::kEmpty);
}

TEST(CompactedBatchTest, LeavesWhatLiesBeyondThePassAndBrokenBatchesAlone) {
  std::vector<std::byte> batch = BatchOf({{"a", "1"}, {"a", "2"}, {"a", "3"}}, Offset(10));
  KeyOffsets newest(1 << 16, kSeed);
  MappedKeys mapped = MapKeys(batch, Offset(0), Offset(12), kNone, &newest).ValueOrDie();
  EXPECT_EQ(mapped.end, Offset(12));
  CompactionRules rules{.newest = &newest, .aborted = &kNone, .mapped_end = Offset(12)};
  CompactedBatch result = CompactBatch(batch, rules).ValueOrDie();
  EXPECT_EQ(Show(result.bytes), "11:a=2@1000/1 12:a=3@1000/1 ");
  batch.back() ^= std::byte{1};
  EXPECT_TRUE(Is(CompactBatch(batch, rules).status(), ErrorCode::kCorruptMessage));
}

TEST(CompactedBatchTest, DropsWhatWasAbortedAndKeepsMarkers) {
  BatchBuilderOptions options{.producer_id = ProducerId(9),
                              .producer_epoch = ProducerEpoch(3),
                              .base_sequence = 0,
                              .transactional = true};
  std::vector<std::byte> batch = BatchOf({{"a", "1"}}, Offset(10), options);
  std::vector<AbortedTransaction> aborted = {{.producer_id = ProducerId(8),
                                              .first_offset = Offset(10),
                                              .last_offset = Offset(12),
                                              .last_stable_offset = Offset(10)},
                                             {.producer_id = ProducerId(9),
                                              .first_offset = Offset(10),
                                              .last_offset = Offset(20),
                                              .last_stable_offset = Offset(13)}};
  KeyOffsets newest(1 << 16, kSeed);
  ASSERT_TRUE(MapKeys(batch, Offset(0), Offset(99), aborted, &newest).ok());
  EXPECT_EQ(newest.size(), 0u);
  CompactionRules rules{.newest = &newest, .aborted = &aborted, .mapped_end = Offset(99)};
  EXPECT_EQ(CompactBatch(batch, rules).ValueOrDie().kind, CompactedBatch::Kind::kEmpty);
  aborted.pop_back();  // then it was committed
  EXPECT_EQ(CompactBatch(batch, rules).ValueOrDie().kind, CompactedBatch::Kind::kSame);
  options.is_marker = true;
  std::vector<std::byte> marker = BatchOf({{"a", "1"}}, Offset(12), options);
  EXPECT_EQ(CompactBatch(marker, rules).ValueOrDie().kind, CompactedBatch::Kind::kSame);
}

TEST(CompactedBatchTest, AnEmptyBatchKeepsOffsetsAndSequence) {
  BatchBuilderOptions options{.codec = Codec::kZstd,
                              .producer_id = ProducerId(9),
                              .producer_epoch = ProducerEpoch(3),
                              .base_sequence = 5};
  std::vector<std::byte> batch = BatchOf({{"a", "1"}, {"b", "2"}}, Offset(10), options);
  std::vector<std::byte> empty = MakeEmptyBatch(batch);
  EXPECT_EQ(empty.size(), kBatchHeaderBytes);
  EXPECT_TRUE(BatchCrcMatches(empty));
  EXPECT_EQ(Show(empty), "");
  BatchHeader header = ReadBatchHeader(empty.data());
  EXPECT_EQ(header.next_offset(), Offset(12));
  EXPECT_EQ(header.last_sequence(), 6);
  EXPECT_EQ(MakeEmptyBatch(empty), empty);
}

}  // namespace
}  // namespace mainstem::storage
