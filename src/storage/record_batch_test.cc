#include "storage/record_batch.h"

#include <random>

#include <gtest/gtest.h>

#include "storage/batch_builder.h"
#include "storage/bytes.h"
#include "storage/crc32c.h"

namespace mainstem::storage {
namespace {

uint32_t SlowCrc(std::span<const std::byte> bytes) {
  uint32_t crc = ~0u;
  for (std::byte byte : bytes) {
    crc ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
  }
  return ~crc;
}

TEST(Crc32cTest, EqualsTheDefinitionAtEveryLength) {
  std::string_view check = "123456789";
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(check))), 0xe3069283u);
  std::mt19937 random(1);
  std::vector<std::byte> bytes(40'000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  for (size_t size = 0; size < bytes.size(); size = size < 2'000 ? size + 1 : size + 977) {
    std::span<const std::byte> part = std::span(bytes).first(size);
    ASSERT_EQ(Crc32c(part), SlowCrc(part)) << size;
    uint32_t joined = Crc32c(part.subspan(size / 3), Crc32c(part.first(size / 3)));
    ASSERT_EQ(joined, SlowCrc(part)) << size;
  }
}

std::vector<std::byte> Sample(Codec codec, int count = 50) {
  BatchBuilder builder({.codec = codec});
  for (int i = 0; i < count; ++i) {
    std::string value = "value " + std::to_string(i) + std::string(100, 'v');
    RecordHeader headers[] = {{"h", "1"}, {"null", std::nullopt}};
    std::optional<std::string_view> key;
    if (i % 2 == 0) key = "key";
    builder.Add(1000 + i * 3, key, value, headers);
  }
  return builder.Build().ValueOrDie();
}

class CodecTest : public testing::TestWithParam<Codec> {};

TEST_P(CodecTest, RecordsComeBackAsTheyWereBuilt) {
  std::vector<std::byte> batch = Sample(GetParam());
  SetBaseOffset(batch.data(), Offset(700), LeaderEpoch(3));
  BatchHeader header = ParseBatchHeader(batch).ValueOrDie();
  EXPECT_TRUE(ValidateBatch(header, batch, {}).ok());
  EXPECT_EQ(header.codec(), GetParam());
  EXPECT_EQ(header.last_offset(), Offset(749));
  EXPECT_EQ(header.max_timestamp, 1000 + 49 * 3);
  RecordReader reader = RecordReader::Open(batch).ValueOrDie();
  RecordView record;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(reader.Next(&record).ValueOrDie());
    EXPECT_EQ(record.offset, Offset(700 + i));
    EXPECT_EQ(record.timestamp_ms, 1000 + i * 3);
    EXPECT_EQ(record.key.has_value(), i % 2 == 0);
    EXPECT_EQ(record.value->substr(0, 6), "value ");
    auto headers = ReadHeaders(record).ValueOrDie();
    ASSERT_EQ(headers.size(), 2u);
    EXPECT_EQ(headers[0].value, "1");
    EXPECT_FALSE(headers[1].value);
  }
  EXPECT_FALSE(reader.Next(&record).ValueOrDie());
}

TEST_P(CodecTest, RefusesToDecompressWithoutLimit) {
  std::vector<std::byte> batch = Sample(GetParam(), 5000);
  if (GetParam() == Codec::kNone) return;
  auto refused = RecordReader::Open(batch, 10'000);
  EXPECT_TRUE(Is(refused.status(), ErrorCode::kInvalidRecord));
}

TEST_P(CodecTest, BrokenBytesNeverCrash) {
  std::vector<std::byte> batch = Sample(GetParam());
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::vector<std::byte> broken = batch;
    for (int flips = 0; flips < 3; ++flips) {
      broken[kBatchHeaderBytes + random() % (broken.size() - kBatchHeaderBytes)] =
          static_cast<std::byte>(random());
    }
    auto reader = RecordReader::Open(broken, 1 << 20);
    if (!reader.ok()) continue;
    RecordView record;
    while (true) {
      auto more = reader->Next(&record);
      if (!more.ok() || !*more) break;
    }
  }
}

TEST_P(CodecTest, RecompressesToAnyOther) {
  std::vector<std::byte> batch = Sample(GetParam());
  for (Codec other : {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    auto changed = RecompressBatch(batch, other, 1 << 20).ValueOrDie();
    BatchHeader header = ParseBatchHeader(changed).ValueOrDie();
    EXPECT_EQ(header.codec(), other);
    EXPECT_TRUE(ValidateBatch(header, changed, {}).ok());
    auto back = RecompressBatch(changed, Codec::kNone, 1 << 20).ValueOrDie();
    EXPECT_EQ(back, Sample(Codec::kNone));
  }
}

INSTANTIATE_TEST_SUITE_P(All, CodecTest,
                         testing::Values(Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4,
                                         Codec::kZstd),
                         [](const auto& info) { return std::string(NameOf(info.param)); });

// The batch that Kafka's Java producer makes of one record (timestamp 1, key "k", value "v").
TEST(RecordBatchTest, BuildsKafkasBytes) {
  BatchBuilder builder;
  builder.Add(1, "k", "v");
  std::vector<std::byte> batch = builder.Build().ValueOrDie();
  const std::vector<uint8_t> after_crc = {0,   0,            // attributes
                                          0,   0,   0,   0,  // last offset delta
                                          0,   0,   0,   0,   0,   0,   0,   1,    // base timestamp
                                          0,   0,   0,   0,   0,   0,   0,   1,    // max timestamp
                                          255, 255, 255, 255, 255, 255, 255, 255,  // producer id
                                          255, 255, 255, 255, 255, 255,  // epoch, sequence
                                          0,   0,   0,   1,              // count
                                          16,  0,   0,   0,   2,   'k', 2,   'v',
                                          0};  // length 8, attributes, deltas, key, value, headers
  ASSERT_EQ(batch.size(), kBatchCrcBegin + after_crc.size());
  EXPECT_EQ(std::memcmp(batch.data() + kBatchCrcBegin, after_crc.data(), after_crc.size()), 0);
  EXPECT_EQ(LoadBig<int32_t>(batch.data() + 8), static_cast<int32_t>(batch.size()) - 12);
}

TEST(RecordBatchTest, RefusesWhatClientsMustNotSend) {
  std::vector<std::byte> good = Sample(Codec::kNone);
  auto check = [](std::vector<std::byte> batch, BatchChecks checks = {}) {
    StoreBig(batch.data() + 17, Crc32c(std::span(batch).subspan(kBatchCrcBegin)));
    auto header = ParseBatchHeader(batch);
    return header.ok() ? ValidateBatch(*header, batch, checks) : header.status();
  };
  EXPECT_TRUE(check(good).ok());
  auto changed = good;
  changed[16] = std::byte{1};
  EXPECT_TRUE(Is(check(changed), ErrorCode::kInvalidRecord));  // magic
  changed = good;
  StoreBig<int32_t>(changed.data() + 57, 49);
  EXPECT_TRUE(Is(check(changed), ErrorCode::kInvalidRecord));  // count
  changed = good;
  changed[22] = std::byte{32};
  EXPECT_TRUE(Is(check(changed), ErrorCode::kInvalidRecord));  // control bit
  changed = good;
  changed[22] = std::byte{7};
  EXPECT_TRUE(Is(check(changed), ErrorCode::kUnsupportedCompression));
  changed = good;
  StoreBig<int64_t>(changed.data() + 43, 5);
  EXPECT_TRUE(Is(check(changed), ErrorCode::kInvalidRecord));  // a producer id without sequence
  EXPECT_TRUE(Is(check(good, {.require_keys = true}), ErrorCode::kInvalidRecord));
  EXPECT_TRUE(Is(check(good, {.max_bytes = 100}), ErrorCode::kMessageTooLarge));
  changed = good;
  StoreBig<int32_t>(changed.data() + 8, 1 << 30);
  EXPECT_TRUE(Is(check(changed), ErrorCode::kCorruptMessage));  // length
  changed.resize(40);
  EXPECT_TRUE(Is(ParseBatchHeader(changed).status(), ErrorCode::kCorruptMessage));
}

TEST(RecordBatchTest, SequencesWrapToZero) {
  BatchHeader header;
  header.last_offset_delta = 4;
  header.base_sequence = INT32_MAX - 1;
  EXPECT_EQ(header.last_sequence(), 2);
}

}  // namespace
}  // namespace mainstem::storage
