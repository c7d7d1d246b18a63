#include "gateway/kinesis/sequence_number.h"

#include <gtest/gtest.h>

namespace mainstem::gateway::kinesis {
namespace {

// Longer is greater: there are no leading zeros.
bool IsLess(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

TEST(SequenceNumberTest, HasAmazonsLayout) {
  // 2 | 054ccbe08 | 1 | 0000000000000002 | 00 | 054ccbe08 | 00000011 | 2
  SequenceNumber number{.shard_created_s = 0x54ccbe08, .shard = 17, .index = 2};
  EXPECT_EQ(FormatSequenceNumber(number),
            "49547495106608050751323558368405489136889917731044851986");
  EXPECT_EQ(ParseSequenceNumber(FormatSequenceNumber(number)), number);
}

TEST(SequenceNumberTest, GrowsWithTheOffsetAndFromParentToChild) {
  SequenceNumber number{.shard_created_s = 1'700'000'000, .shard = 3, .index = kFirstIndex};
  std::string before = FormatSequenceNumber(number);
  for (int64_t index : {int64_t{1}, int64_t{2}, int64_t{1} << 40, kLastIndex}) {
    number.index = index;
    std::string text = FormatSequenceNumber(number);
    EXPECT_TRUE(IsLess(before, text)) << index;
    EXPECT_EQ(ParseSequenceNumber(text), number);
    before = text;
  }
  SequenceNumber child{.shard_created_s = 1'700'000'001, .shard = 1, .index = kFirstIndex};
  EXPECT_TRUE(IsLess(before, FormatSequenceNumber(child)));
}

TEST(SequenceNumberTest, RefusesWhatItCouldNotHaveMade) {
  std::string good = FormatSequenceNumber({.shard_created_s = 1, .shard = 1, .index = 1});
  ASSERT_TRUE(ParseSequenceNumber(good));
  for (std::string text : {std::string(), std::string("0"), std::string("1"), "0" + good,
                           good + "0", good.substr(1), std::string(57, '9'), std::string("12a")}) {
    EXPECT_FALSE(ParseSequenceNumber(text)) << text;
  }
  good.back() = good.back() == '0' ? '1' : '0';
  EXPECT_FALSE(ParseSequenceNumber(good));
}

TEST(ShardNameTest, ReadsTheFormsThatAmazonReads) {
  EXPECT_EQ(ShardName(12), "shardId-000000000012");
  EXPECT_EQ(ParseShardName("shardId-000000000012"), 12);
  EXPECT_EQ(ParseShardName("12"), 12);
  EXPECT_EQ(ParseShardName("x-2147483647"), INT32_MAX);
  for (const char* text : {"", "shardId", "shardId-", "shardId-2147483648", "a-1-2"}) {
    EXPECT_FALSE(ParseShardName(text)) << text;
  }
}

}  // namespace
}  // namespace mainstem::gateway::kinesis
