#include "storage/journal_format.h"

#include <gtest/gtest.h>

#include "storage/batch_builder.h"
#include "storage/meta_state.h"
#include "storage/segment_format.h"

namespace mainstem::storage {
namespace {

std::string Hex(std::span<const std::byte> bytes) {
  std::string text;
  for (std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<int>(byte));
  return text;
}

// A change of these bytes needs another kJournalVersion.
TEST(JournalFormatTest, BytesAreGolden) {
  std::vector<std::byte> block(kJournalBlockBytes);
  EncodeFileHeader({.journal_id = 0x1122334455667788, .incarnation = 9}, block.data());
  EXPECT_EQ(Hex(std::span(block).first(32)),
            "4d534a4801000000887766554433221109000000000000003b1797eb00000000");
  EncodeFrameHeader({.journal_id = 0x1122334455667788,
                     .incarnation = 9,
                     .sequence = LogPosition(5),
                     .previous = LogPosition(4),
                     .body_bytes = 24,
                     .entry_count = 1},
                    block.data());
  EXPECT_EQ(Hex(std::span(block).first(64)),
            "4d534a4601000000887766554433221109000000000000000500000000000000040000000000000018"
            "000000010000000000000000000000000000000e21162a");
  std::byte* entry = block.data();
  std::memcpy(entry + kEntryHeaderBytes, "hello", 5);
  SealEntry(entry, EntryType::kMeta, 5, FrameSeed(0x1122334455667788, LogPosition(5)));
  EXPECT_EQ(Hex({entry, EntrySpace(5)}),
            "4578e2160500000007000000000000006865"
            "6c6c6f000000");
}

TEST(JournalFormatTest, HeadersComeBackAndDamageIsSeen) {
  std::vector<std::byte> block(kJournalBlockBytes);
  FrameHeader header;
  header.sequence = LogPosition(3);
  EncodeFrameHeader(header, block.data());
  ASSERT_TRUE(DecodeFrameHeader(block));
  EXPECT_EQ(DecodeFrameHeader(block)->sequence, LogPosition(3));
  for (size_t i = 0; i < kFrameHeaderBytes; ++i) {
    block[i] ^= std::byte{4};
    EXPECT_FALSE(DecodeFrameHeader(block)) << i;
    block[i] ^= std::byte{4};
  }
}

TEST(JournalFormatTest, ADamagedHeaderIsKnownByItsOtherFields) {
  std::vector<std::byte> block(kJournalBlockBytes);
  FrameHeader header{.journal_id = 0x1122334455667788,
                     .incarnation = 9,
                     .sequence = LogPosition(305),
                     .previous = LogPosition(304),
                     .body_bytes = 24,
                     .entry_count = 1};
  EncodeFrameHeader(header, block.data());
  auto is_damaged = [&](uint64_t incarnation, int64_t previous) {
    return IsDamagedFrameHeader(block, header.journal_id, incarnation, LogPosition(previous));
  };
  EXPECT_FALSE(is_damaged(9, 304));
  for (size_t i = 0; i < kFrameHeaderBytes; ++i) {
    block[i] ^= std::byte{4};
    EXPECT_TRUE(is_damaged(9, 304)) << i;
    EXPECT_FALSE(is_damaged(10, 306)) << i;  // of an earlier time of the file
    EXPECT_FALSE(is_damaged(9, 400)) << i;   // what it held is covered
    block[i] ^= std::byte{4};
  }
  std::fill(block.begin(), block.end(), std::byte{0});
  EXPECT_FALSE(is_damaged(9, 304));
}

TEST(JournalFormatTest, AnAppendIsCoveredWholly) {
  BatchBuilder builder;
  builder.Add(1, "k", "some value");
  std::vector<std::byte> batch = builder.Build().ValueOrDie();
  size_t payload = kAppendPrefixBytes + batch.size();
  std::vector<std::byte> entry(EntrySpace(payload));
  TopicPartition partition{{1, 2, 3}, PartitionId(7)};
  EncodeAppendPrefix(partition, entry.data() + kEntryHeaderBytes);
  std::copy(batch.begin(), batch.end(), entry.begin() + kEntryHeaderBytes + kAppendPrefixBytes);
  uint32_t seed = FrameSeed(1, LogPosition(2));
  SealEntry(entry.data(), EntryType::kAppend, payload, seed);
  auto view = DecodeEntry(entry, seed);
  ASSERT_TRUE(view);
  EXPECT_EQ(DecodeAppend(view->payload).partition, partition);
  EXPECT_FALSE(DecodeEntry(entry, FrameSeed(1, LogPosition(3))));  // another frame's
  for (size_t i = 0; i < kEntryHeaderBytes + payload; ++i) {
    entry[i] ^= std::byte{1};
    EXPECT_FALSE(DecodeEntry(entry, seed)) << i;
    entry[i] ^= std::byte{1};
  }
}

std::vector<Change> EveryChange() {
  TopicInfo topic{.name = "t", .id = {1}, .partition_count = 3, .config = {{"retention.ms", "5"}}};
  CommittedOffset offset{.offset = Offset(4), .metadata = "m", .commit_time_ms = 6};
  PartitionState state{.partition = {{1}, PartitionId(2)},
                       .log_start = Offset(1),
                       .flushed = Offset(9),
                       .segments = {{.next_offset = Offset(9), .bytes = 100}},
                       .producers = {}};
  state.producers.push_back(
      {.id = ProducerId(4), .epoch = ProducerEpoch(1), .batches = {ProducerBatch()}});
  return {TopicChange{topic},
          TopicDeletion{{1}, "t"},
          ProducerIdBlock{1000},
          GroupOffsetsChange{
              {{{"g", "t", PartitionId(1)}, offset}, {{"g", "t", PartitionId(2)}, std::nullopt}}},
          JobEpochChange{"job", JobEpoch{3, "c"}},
          JobEpochChange{"gone", std::nullopt},
          MetaChange{"key", "value"},
          LogStartChange{{{1}, PartitionId(2)}, Offset(3)},
          PinChange{"sink", {{1}, PartitionId(2)}, Offset(3)},
          state};
}

TEST(MetadataTest, EveryChangeComesBackAndShortBytesAreRefused) {
  for (const Change& change : EveryChange()) {
    std::string bytes;
    EncodeChange(change, &bytes);
    auto back = DecodeChange(TypeOf(change), std::as_bytes(std::span(bytes)));
    ASSERT_TRUE(back.ok()) << change.index();
    std::string again;
    EncodeChange(*back, &again);
    EXPECT_EQ(again, bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      auto cut = DecodeChange(TypeOf(change), std::as_bytes(std::span(bytes).first(size)));
      EXPECT_TRUE(Is(cut.status(), ErrorCode::kCorruptStorage)) << change.index() << " " << size;
    }
  }
}

TEST(MetadataTest, ASnapshotComesBackAndDamageIsSeen) {
  Snapshot snapshot{.journal_id = 7, .covered = LogPosition(8), .changes = EveryChange()};
  std::string bytes = EncodeSnapshot(snapshot);
  Snapshot back = DecodeSnapshot(bytes).ValueOrDie();
  EXPECT_EQ(back.journal_id, 7u);
  EXPECT_EQ(back.covered, LogPosition(8));
  EXPECT_EQ(EncodeSnapshot(back), bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_FALSE(DecodeSnapshot(bytes).ok()) << i;
    bytes[i] ^= 1;
  }
}

TEST(SegmentFormatTest, BytesAreKafkas) {
  EXPECT_EQ(SegmentFileName(Offset(42), ".log"), "00000000000000000042.log");
  EXPECT_EQ(ParseSegmentFileName("00000000000000000042.log", ".log"), Offset(42));
  EXPECT_FALSE(ParseSegmentFileName("x0000000000000000042.log", ".log"));
  std::vector<IndexEntry> entries = {{1, 2}, {0x10, 0x2030}};
  EXPECT_EQ(Hex(EncodeIndex(entries)), "00000001000000020000001000002030");
  std::vector<TimeIndexEntry> times = {{0x0102, 3}};
  EXPECT_EQ(Hex(EncodeTimeIndex(times)), "000000000000010200000003");
  EXPECT_EQ(PartitionMetadata(TopicId{}), "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n");
}

TEST(SegmentFormatTest, AnIndexIsTakenAsFarAsItAscends) {
  std::vector<IndexEntry> entries = {{1, 10}, {5, 20}, {4, 30}};
  EXPECT_EQ(DecodeIndex(EncodeIndex(entries), 100).size(), 2u);
  EXPECT_EQ(DecodeIndex(EncodeIndex(entries), 15).size(), 1u);
  EXPECT_EQ(DecodeIndex(std::vector<std::byte>(80), 100).size(), 1u);
}

}  // namespace
}  // namespace mainstem::storage
