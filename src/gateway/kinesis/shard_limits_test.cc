#include "gateway/kinesis/shard_limits.h"

#include <gtest/gtest.h>

namespace mainstem::gateway::kinesis {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

storage::TopicPartition ShardNumber(int32_t index) {
  return {.topic_id = {1}, .partition = PartitionId(index)};
}

TEST(ShardLimitsTest, TakesAThousandRecordsASecondForEachShard) {
  ShardLimits limits;
  int allowed = 0;
  for (int i = 0; i < 1500; ++i) allowed += limits.AllowRecord(ShardNumber(0), 10, kStart) ? 1 : 0;
  EXPECT_EQ(allowed, 1000);
  EXPECT_TRUE(limits.AllowRecord(ShardNumber(1), 10, kStart));
  EXPECT_FALSE(limits.AllowRecord(ShardNumber(0), 10, kStart + 500us));
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(limits.AllowRecord(ShardNumber(0), 10, kStart + 501ms)) << i;
  }
}

TEST(ShardLimitsTest, TakesAMebibyteASecond) {
  ShardLimits limits;
  EXPECT_TRUE(limits.AllowRecord(ShardNumber(0), 1 << 20, kStart));
  EXPECT_FALSE(limits.AllowRecord(ShardNumber(0), 1, kStart));
  EXPECT_FALSE(limits.AllowRecord(ShardNumber(0), 1 << 20, kStart + 900ms));
  EXPECT_TRUE(limits.AllowRecord(ShardNumber(0), 1 << 20, kStart + 1s));
  // A record of ten mebibytes passes, and those after it wait for ten seconds.
  EXPECT_TRUE(limits.AllowRecord(ShardNumber(0), 10 << 20, kStart + 2s));
  EXPECT_FALSE(limits.AllowRecord(ShardNumber(0), 100, kStart + 11s));
  EXPECT_TRUE(limits.AllowRecord(ShardNumber(0), 100, kStart + 12s));
}

TEST(ShardLimitsTest, AnswersFiveReadsASecondAndTwoMebibytes) {
  ShardLimits limits;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limits.AllowRead(ShardNumber(0), kStart));
  EXPECT_FALSE(limits.AllowRead(ShardNumber(0), kStart));
  EXPECT_TRUE(limits.AllowRead(ShardNumber(0), kStart + 200ms));
  limits.CountRead(ShardNumber(0), 10 << 20, kStart + 200ms);
  EXPECT_FALSE(limits.AllowRead(ShardNumber(0), kStart + 4s));
  EXPECT_TRUE(limits.AllowRead(ShardNumber(0), kStart + 4300ms));
}

TEST(ShardLimitsTest, ForgetsShardsThatNobodyUses) {
  ShardLimits limits;
  for (int i = 0; i < 10'001; ++i) limits.AllowRead(ShardNumber(i), kStart);
  limits.AllowRead(ShardNumber(20'000), kStart + 1min);
  EXPECT_EQ(limits.size(), 1u);
}

}  // namespace
}  // namespace mainstem::gateway::kinesis
