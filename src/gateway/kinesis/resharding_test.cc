#include "gateway/kinesis/resharding.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace mainstem::gateway::kinesis {
namespace {

constexpr int64_t kCreatedMs = 1'700'000'000'500;

Stream Make(const std::vector<ShardMeta>& shards, int32_t partitions) {
  storage::TopicInfo topic{.name = "s", .id = {1}, .partition_count = partitions};
  return Stream(topic, {.created_ms = kCreatedMs, .shards = shards}, nullptr);
}

// Parents closed, as when the change has been finished.
std::vector<ShardMeta> Closed(std::vector<ShardMeta> shards) {
  for (const ShardMeta& shard : shards) {
    for (auto parent : {shard.parent, shard.adjacent}) {
      if (parent) shards[static_cast<size_t>(*parent)].closed_ms = kCreatedMs + 1;
    }
  }
  return shards;
}

// What always holds: open ranges cover the key space, and children are later than their parents.
void Check(const Stream& stream) {
  std::vector<HashKeyRange> open;
  for (const Shard& shard : stream.shards()) {
    if (shard.takes_keys()) open.push_back(shard.meta.range);
    for (auto parent : {shard.meta.parent, shard.meta.adjacent}) {
      if (!parent) continue;
      EXPECT_GT(shard.created_s(), stream.FindShard(*parent)->created_s());
    }
  }
  std::sort(open.begin(), open.end(), [](auto& a, auto& b) { return a.first < b.first; });
  ASSERT_FALSE(open.empty());
  EXPECT_TRUE(open.front().first == 0 && open.back().last == kHashKeyMax);
  for (size_t i = 1; i < open.size(); ++i) EXPECT_TRUE(open[i].first == open[i - 1].last + 1);
}

TEST(ReshardingTest, SplitsInTwoAndMergesBack) {
  Resharding split(Make({}, 1), kCreatedMs);
  EXPECT_EQ(split.Split(0, 100), 1);
  Stream after = Make(Closed(split.Take()), 3);
  Check(after);
  EXPECT_EQ(after.Route(99).index, 1);
  EXPECT_EQ(after.Route(100).index, 2);
  EXPECT_EQ(after.FindShard(1)->created_s(), kCreatedMs / 1000 + 1);

  Resharding merge(after, kCreatedMs + 10'000);
  EXPECT_EQ(merge.Merge(1, 2), 3);
  Stream merged = Make(Closed(merge.Take()), 4);
  Check(merged);
  EXPECT_EQ(merged.Route(100).index, 3);
  EXPECT_EQ(merged.FindShard(3)->meta.parent, 1);
  EXPECT_EQ(merged.FindShard(3)->meta.adjacent, 2);
}

TEST(ReshardingTest, DoublingSplitsEachShardOnce) {
  Resharding change(Make({}, 4), kCreatedMs);
  change.MakeUniform(8);
  Stream after = Make(Closed(change.Take()), 12);
  EXPECT_EQ(after.shards().size(), 12u);
  EXPECT_EQ(after.open_count(), 8u);
  Check(after);
}

TEST(ReshardingTest, EveryCountComesFromEveryOther) {
  for (int32_t from = 1; from <= 9; ++from) {
    for (int32_t to = 1; to <= 9; ++to) {
      Resharding change(Make({}, from), kCreatedMs);
      change.MakeUniform(to);
      std::vector<ShardMeta> shards = Closed(change.Take());
      Stream after = Make(shards, static_cast<int32_t>(shards.size()));
      Check(after);
      ASSERT_EQ(after.open_count(), static_cast<size_t>(to)) << from;
      std::vector<HashKeyRange> wanted = EvenRanges(to);
      for (const HashKeyRange& range : wanted) {
        EXPECT_TRUE(after.Route(range.first).meta.range == range) << from << " to " << to;
      }
      EXPECT_EQ(shards.size() == static_cast<size_t>(from), from == to);
    }
  }
}

TEST(ReshardingTest, LeavesAPartitionThatKafkaAddedAlone) {
  Resharding first(Make({}, 1), kCreatedMs);
  first.Split(0, 100);
  Stream with_added = Make(Closed(first.Take()), 4);
  EXPECT_FALSE(with_added.FindShard(3)->takes_keys());
  Resharding second(with_added, kCreatedMs + 10'000);
  EXPECT_EQ(second.Split(1, 50), 4);
  Stream after = Make(Closed(second.Take()), 6);
  Check(after);
  EXPECT_FALSE(after.FindShard(3)->takes_keys());
  EXPECT_FALSE(after.FindShard(3)->closed());
  EXPECT_EQ(after.Route(kHashKeyMax).index, 2);
}

}  // namespace
}  // namespace mainstem::gateway::kinesis
