// Which files are merged: by size, by what they make together, and when a partition is finished.
#include "connector/iceberg/compaction_plan.h"

#include <deque>

#include <gtest/gtest.h>

namespace mainstem::connector::iceberg {
namespace {

constexpr int64_t kMegabyte = 1 << 20;

class PlanTest : public ::testing::Test {
 protected:
  void Add(int64_t size_bytes, int64_t added_ms = 0, const std::string& partition = "p") {
    DataFile& file = files_.emplace_back();
    file.path = std::to_string(files_.size());
    file.partition.emplace_back(partition);
    file.size_bytes = size_bytes;
    inputs_.push_back({.file = &file, .added_ms = added_ms});
  }
  // How many files each group has.
  std::vector<size_t> Plan(int64_t now_ms = 0) const {
    std::vector<size_t> sizes;
    for (const auto& group : PlanCompaction(inputs_, {}, now_ms)) sizes.push_back(group.size());
    return sizes;
  }

  std::deque<DataFile> files_;
  std::vector<CompactionInput> inputs_;
};

using Sizes = std::vector<size_t>;

TEST_F(PlanTest, EightOfOneSizeAreMerged) {
  for (int i = 0; i < 7; ++i) Add(1000);
  EXPECT_EQ(Plan(), Sizes());
  Add(64 << 10);  // of the next size
  EXPECT_EQ(Plan(), Sizes());
  Add(1000);
  EXPECT_EQ(Plan(), Sizes{8});
}

TEST_F(PlanTest, SmallerOnesGoAlong) {
  for (int i = 0; i < 8; ++i) Add(kMegabyte);
  for (int i = 0; i < 3; ++i) Add(1000);
  Add(20 * kMegabyte);
  EXPECT_EQ(Plan(), Sizes{11});
}

TEST_F(PlanTest, WhatMakesAWholeFileIsMerged) {
  Add(50 * kMegabyte);
  Add(60 * kMegabyte);
  EXPECT_EQ(Plan(), Sizes());
  Add(30 * kMegabyte);
  EXPECT_EQ(Plan(), Sizes{3});
}

TEST_F(PlanTest, LargeFilesAreLeftAlone) {
  for (int i = 0; i < 20; ++i) Add(64 * kMegabyte);
  EXPECT_EQ(Plan(), Sizes());
}

TEST_F(PlanTest, PartitionsAreNotMixed) {
  for (int i = 0; i < 7; ++i) Add(1000, 0, "a");
  for (int i = 0; i < 9; ++i) Add(1000, 0, "b");
  EXPECT_EQ(Plan(), Sizes{9});
}

TEST_F(PlanTest, AGroupIsNotMuchLargerThanAFileIsToBe) {
  for (int i = 0; i < 10; ++i) Add(40 * kMegabyte);
  EXPECT_EQ(Plan(), (Sizes{4, 4, 2}));
}

TEST_F(PlanTest, AFinishedPartitionIsMergedAtLast) {
  Add(3 * kMegabyte, 1000);
  Add(2 * kMegabyte, 5000);
  EXPECT_EQ(Plan(600 * 1000), Sizes());
  EXPECT_EQ(Plan(605 * 1000), Sizes{2});
  // But not all of it again for each late row.
  Add(60 * kMegabyte, 0, "late");
  Add(1000, 0, "late");
  EXPECT_EQ(Plan(605 * 1000), Sizes{2});
}

TEST(CompactionOptionsTest, FollowSmallTargets) {
  EXPECT_EQ(CompactionFor(int64_t{512} << 20).small_bytes, 64 * kMegabyte);
  EXPECT_EQ(CompactionFor(4 * kMegabyte).small_bytes, 3 * kMegabyte);
  EXPECT_EQ(CompactionFor(4 * kMegabyte).output_bytes, 4 * kMegabyte);
}

}  // namespace
}  // namespace mainstem::connector::iceberg
