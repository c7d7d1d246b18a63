#include "gateway/kinesis/hash_key.h"

#include <gtest/gtest.h>

namespace mainstem::gateway::kinesis {
namespace {

TEST(HashKey, IsTheMd5OfThePartitionKeyAsANumber) {
  // md5("a") = 0cc175b9c0f1b6a831c399e269772661
  EXPECT_EQ(FormatHashKey(HashKeyOf("a")), "16955237001963240173058271559858726497");
  EXPECT_EQ(FormatHashKey(HashKeyOf("")), "281949768489412648962353822266799178366");
}

TEST(HashKey, ReadsOnlyNumbersOfTheSpace) {
  EXPECT_EQ(ParseHashKey("0"), HashKey{0});
  EXPECT_EQ(ParseHashKey("340282366920938463463374607431768211455"), kHashKeyMax);
  EXPECT_FALSE(ParseHashKey("340282366920938463463374607431768211456"));
  for (const char* text :
       {"", "01", "-1", "1a", " 1", "1000000000000000000000000000000000000000"}) {
    EXPECT_FALSE(ParseHashKey(text)) << text;
  }
}

TEST(HashKey, CutsTheSpaceWithoutGaps) {
  for (int32_t count : {1, 2, 3, 4, 7, 1000}) {
    std::vector<HashKeyRange> ranges = EvenRanges(count);
    ASSERT_EQ(ranges.size(), static_cast<size_t>(count));
    EXPECT_TRUE(ranges.front().first == 0 && ranges.back().last == kHashKeyMax);
    for (size_t i = 1; i < ranges.size(); ++i) {
      EXPECT_TRUE(ranges[i].first == ranges[i - 1].last + 1);
    }
  }
  EXPECT_EQ(FormatHashKey(EvenRanges(2)[1].first), "170141183460469231731687303715884105728");
  EXPECT_EQ(FormatHashKey(EvenRanges(3)[0].last), "113427455640312821154458202477256070484");
}

}  // namespace
}  // namespace mainstem::gateway::kinesis
