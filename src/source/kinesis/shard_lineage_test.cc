#include "source/kinesis/shard_lineage.h"

#include <gtest/gtest.h>

namespace mainstem::source {
namespace {

using connector::KinesisShard;
using Shards = std::vector<KinesisShard>;
using Ids = std::vector<std::string>;
using Want = ShardLineage::Want;

// 0 was split into 1 and 2; these were merged into 3.
const KinesisShard kZero{.id = "0", .is_open = false};
const KinesisShard kOne{.id = "1", .parent = "0", .is_open = false};
const KinesisShard kTwo{.id = "2", .parent = "0", .is_open = false};
const KinesisShard kThree{.id = "3", .parent = "1", .adjacent_parent = "2"};
const Shards kAll = {kZero, kOne, kTwo, kThree};

TEST(ShardLineageTest, ChildrenComeWhenAllTheirParentsAreRead) {
  ShardLineage lineage;
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), (Ids{"0"}));
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), Ids());
  lineage.SetDrained("0");
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), (Ids{"1", "2"}));
  lineage.SetDrained("2");
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), Ids());
  lineage.SetDrained("1");
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), (Ids{"3"}));
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), Ids());
}

TEST(ShardLineageTest, AParentIsLeftWhenItsChildrenAreBeingRead) {
  ShardLineage lineage;
  lineage.Take(kAll, Want::kAll);
  lineage.SetOpened("0");
  EXPECT_FALSE(lineage.MayEnd("0"));
  lineage.SetDrained("0");
  EXPECT_FALSE(lineage.MayEnd("0"));  // nobody has looked for its children since
  lineage.Take(kAll, Want::kAll);
  EXPECT_FALSE(lineage.MayEnd("0"));
  lineage.SetOpened("1");
  EXPECT_FALSE(lineage.MayEnd("0"));
  lineage.SetOpened("2");
  EXPECT_TRUE(lineage.MayEnd("0"));
}

TEST(ShardLineageTest, AParentWithoutChildrenIsLeftAfterTheNextListing) {
  ShardLineage lineage;
  lineage.Take({kZero}, Want::kAll);
  lineage.SetDrained("0");
  EXPECT_FALSE(lineage.MayEnd("0"));
  lineage.Take({kZero}, Want::kAll);
  EXPECT_TRUE(lineage.MayEnd("0"));
}

TEST(ShardLineageTest, WhoBeginsWithTheNewestNeverReadsWhatIsOlder) {
  ShardLineage lineage;
  EXPECT_EQ(lineage.Take(kAll, Want::kNewest), (Ids{"3"}));
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), Ids());
  lineage.Restore({"3"}, {});
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), Ids());
  // A closed shard whose children are not yet listed is the newest there is.
  ShardLineage early;
  EXPECT_EQ(early.Take({kZero}, Want::kNewest), (Ids{"0"}));
}

TEST(ShardLineageTest, WhatCameWhileTheJobWasAwayIsReadInOrder) {
  ShardLineage lineage;
  lineage.Restore({"0"}, {});
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), Ids());
  lineage.Restore({"0"}, {"0"});
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), (Ids{"1", "2"}));
  // 1 and 2 have expired meanwhile: what is left comes all the same.
  lineage.Restore({"0"}, {"0"});
  EXPECT_EQ(lineage.Take({kZero, kThree}, Want::kAll), (Ids{"3"}));
  lineage.Restore({"0"}, {"0"});
  EXPECT_EQ(lineage.Take({kThree}, Want::kAll), (Ids{"3"}));
}

TEST(ShardLineageTest, ARestoredParentThatHadEndedHoldsUpNobody) {
  ShardLineage lineage;
  lineage.Restore({"0", "1", "2"}, {"0", "1"});
  EXPECT_TRUE(lineage.Take(kAll, Want::kAll).empty());
  lineage.SetOpened("2");
  lineage.SetDrained("2");
  EXPECT_EQ(lineage.Take(kAll, Want::kAll), (Ids{"3"}));
}

}  // namespace
}  // namespace mainstem::source
