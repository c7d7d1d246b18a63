// Retention by the table's properties, and what branches and tags keep.
#include "connector/iceberg/snapshot_expiry.h"

#include <gtest/gtest.h>

namespace mainstem::connector::iceberg {
namespace {

using Ids = std::vector<int64_t>;

// Snapshots 1 to 6, one each second, each the parent of the next.
TableMetadata Chain() {
  TableMetadata table;
  for (int64_t id = 1; id <= 6; ++id) {
    Snapshot snapshot;
    snapshot.id = id;
    snapshot.timestamp_ms = id * 1000;
    if (id > 1) snapshot.parent_id = id - 1;
    table.snapshots.push_back(std::move(snapshot));
  }
  table.current_snapshot_id = 6;
  table.refs["main"] = R"({"snapshot-id":6,"type":"branch"})";
  table.properties["history.expire.max-snapshot-age-ms"] = "2500";
  return table;
}

TEST(SnapshotExpiryTest, KeepsTheYoungOnes) {
  EXPECT_EQ(ExpiredSnapshots(Chain(), 7000), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(ExpiredSnapshots(Chain(), 3000), Ids());
}

TEST(SnapshotExpiryTest, KeepsTheNewestHoweverOldTheyAre) {
  TableMetadata table = Chain();
  EXPECT_EQ(ExpiredSnapshots(table, 99000), (Ids{1, 2, 3, 4, 5}));
  table.properties["history.expire.min-snapshots-to-keep"] = "4";
  EXPECT_EQ(ExpiredSnapshots(table, 99000), (Ids{1, 2}));
  table.refs.clear();
  EXPECT_EQ(ExpiredSnapshots(table, 99000), (Ids{1, 2}));
}

TEST(SnapshotExpiryTest, FiveDaysWhenNothingIsSaid) {
  TableMetadata table = Chain();
  table.properties.clear();
  int64_t five_days_ms = int64_t{5} * 24 * 3600 * 1000;
  EXPECT_EQ(ExpiredSnapshots(table, five_days_ms + 3500), (Ids{1, 2, 3}));
}

TEST(SnapshotExpiryTest, TagsAndBranchesKeepTheirs) {
  TableMetadata table = Chain();
  table.refs["release"] = R"({"snapshot-id":2,"type":"tag"})";
  table.refs["audit"] =
      R"({"snapshot-id":4,"type":"branch","min-snapshots-to-keep":2,"max-snapshot-age-ms":0})";
  EXPECT_EQ(ExpiredSnapshots(table, 99000), (Ids{1, 5}));
}

TEST(SnapshotExpiryTest, WhatNoBranchLeadsToGoesByItsAge) {
  TableMetadata table = Chain();
  table.current_snapshot_id = 3;  // rolled back
  table.refs["main"] = R"({"snapshot-id":3,"type":"branch"})";
  EXPECT_EQ(ExpiredSnapshots(table, 7600), (Ids{1, 2, 4, 5}));
}

TEST(SnapshotExpiryTest, NothingGoesWhereThatIsForbiddenOrNotUnderstood) {
  TableMetadata table = Chain();
  table.properties["gc.enabled"] = "false";
  EXPECT_EQ(ExpiredSnapshots(table, 99000), Ids());
  table = Chain();
  table.refs["odd"] = R"({"type":"branch"})";
  EXPECT_EQ(ExpiredSnapshots(table, 99000), Ids());
}

}  // namespace
}  // namespace mainstem::connector::iceberg
