#include "storage/key_offsets.h"

#include <string>

#include <gtest/gtest.h>

namespace mainstem::storage {
namespace {

constexpr KeyHashSeed kReferenceSeed{0x0706050403020100, 0x0f0e0d0c0b0a0908};

std::string FirstBytes(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

// The vectors that the authors of SipHash publish: key 00 01 .. 0f, input 00 01 ..
TEST(KeyOffsetsTest, HashesAsThePublishedVectorsSay) {
  KeyHash none = HashKey("", kReferenceSeed);
  EXPECT_EQ(none.low, 0xe6a825ba047f81a3u);
  EXPECT_EQ(none.high, 0x930255c71472f66du);
  KeyHash one = HashKey(FirstBytes(1), kReferenceSeed);
  EXPECT_EQ(one.low, 0x44af996bd8c187dau);
  EXPECT_EQ(one.high, 0x45fc229b11597634u);
}

TEST(KeyOffsetsTest, KeepsTheGreatestOffsetOfEachKey) {
  KeyOffsets offsets(1 << 20, kReferenceSeed);
  for (int64_t i = 0; i < 5000; ++i) {
    ASSERT_TRUE(offsets.Put("key" + std::to_string(i % 1000), Offset(i)));
  }
  EXPECT_EQ(offsets.size(), 1000u);
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(offsets.Find("key" + std::to_string(i)), Offset(4000 + i));
  }
  EXPECT_EQ(offsets.Find("another"), std::nullopt);
}

TEST(KeyOffsetsTest, RefusesNewKeysWhenItsMemoryIsFullButTakesKnownOnes) {
  constexpr size_t kBytes = 24'000;
  KeyOffsets offsets(kBytes, kReferenceSeed);
  int64_t count = 0;
  while (offsets.Put(std::to_string(count), Offset(count))) ++count;
  EXPECT_GE(count, 400);  // of the 1000 that the bytes would hold at best
  EXPECT_LE(count, 1000);
  EXPECT_TRUE(offsets.Put("7", Offset(100'000)));
  EXPECT_EQ(offsets.Find("7"), Offset(100'000));
  EXPECT_EQ(offsets.Find(std::to_string(count)), std::nullopt);
}

}  // namespace
}  // namespace mainstem::storage
