// Goal: a key's rows are a bag, few or many, and come back from their stored form; damage is seen.
#include "process/operator/join_rows.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

std::map<std::string, int> CountsOf(const JoinRows& rows) {
  std::map<std::string, int> counts;
  for (const JoinRow& row : rows.rows()) counts[std::string(row.view())] += row.copies;
  return counts;
}

TEST(JoinRowsTest, EqualsABagThroughAddsAndRemovals) {
  std::mt19937 random(5);
  for (const int distinct : {5, 40}) {  // below and above the size from which rows are indexed
    JoinRows rows;
    std::map<std::string, int> model;
    for (int step = 0; step < 2000; ++step) {
      const std::string row = "row" + std::to_string(random() % static_cast<unsigned>(distinct));
      if (random() % 2 == 0) {
        rows.Add(row, step);
        ++model[row];
      } else {
        EXPECT_EQ(rows.Remove(row), model.contains(row));
        if (model.contains(row) && --model[row] == 0) model.erase(row);
      }
    }
    EXPECT_EQ(CountsOf(rows), model);
    std::string stored;
    rows.Put(&stored);
    JoinRows restored;
    ASSERT_TRUE(restored.Take(stored).ok());
    EXPECT_EQ(CountsOf(restored), model);
    EXPECT_EQ(restored.heap_bytes(), rows.heap_bytes());
    for (const auto& [row, count] : model) {
      for (int i = 0; i < count; ++i) EXPECT_TRUE(restored.Remove(row));
    }
    EXPECT_TRUE(restored.empty());
    EXPECT_EQ(restored.heap_bytes(), 0u);
  }
}

TEST(JoinRowsTest, KeepsTheOrderOfFewRowsAndTheMatchesOfEach) {
  JoinRows rows;
  rows.Add("b", 2);
  rows.Add("a", 0);
  rows.Add("c", 1);
  EXPECT_TRUE(rows.Remove("a"));
  rows.Add("b", 3);
  ASSERT_EQ(rows.rows().size(), 2u);
  EXPECT_EQ(rows.rows()[0].view(), "b");
  EXPECT_EQ(rows.rows()[0].copies, 2);
  EXPECT_EQ(rows.rows()[0].matches, 3);
  EXPECT_EQ(rows.rows()[1].view(), "c");
}

TEST(JoinRowsTest, RestoresMatchesBelowZero) {
  // The other side took back a row that it had never sent.
  JoinRows rows;
  rows.Add("a", 0);
  rows.rows()[0].AddMatches(-1);
  std::string stored;
  rows.Put(&stored);
  JoinRows restored;
  ASSERT_TRUE(restored.Take(stored).ok());
  ASSERT_EQ(restored.rows().size(), 1u);
  EXPECT_EQ(restored.rows()[0].matches, -1);
}

// Each row with its copies and matches.
std::map<std::string, std::pair<int, int>> ContentsOf(const JoinRows& rows) {
  std::map<std::string, std::pair<int, int>> contents;
  for (const JoinRow& row : rows.rows()) {
    contents[std::string(row.view())] = {row.copies, row.matches};
  }
  return contents;
}

TEST(JoinRowsTest, ChangesLeadFromWhatWasStoredToWhatIs) {
  std::mt19937 random(7);
  JoinRows rows;
  JoinRows stored;  // what a restore would make of what was stored
  int whole_count = 0, changes_count = 0;
  for (int round = 0; round < 200; ++round) {
    // Sometimes nearly all rows go, sometimes a few change.
    const int steps = round % 50 == 49 ? 5000 : round % 10 == 0 ? 1500 : 20;
    for (int step = 0; step < steps; ++step) {
      const std::string row = "row" + std::to_string(random() % 1000);
      if (random() % 3 != 0 && round % 50 != 49) {
        rows.Add(row, step % 5);
      } else {
        rows.Remove(row);
      }
    }
    for (int i = 0; i < 5 && !rows.empty(); ++i) {
      rows.rows()[random() % rows.rows().size()].AddMatches(1);
    }
    std::string bytes;
    if (rows.has_changes()) {
      ++changes_count;
      rows.PutChanges(&bytes);
      ASSERT_TRUE(stored.ApplyChanges(bytes).ok());
    } else {
      ++whole_count;
      rows.Put(&bytes);
      stored = JoinRows();
      ASSERT_TRUE(stored.Take(bytes).ok());
    }
    rows.OnStored();
    ASSERT_EQ(ContentsOf(stored), ContentsOf(rows)) << round;
    EXPECT_EQ(stored.heap_bytes(), rows.heap_bytes());
  }
  EXPECT_GT(whole_count, 1);
  EXPECT_GT(changes_count, 100);
}

TEST(JoinRowsTest, OneChangeAmongManyRowsIsStoredAlone) {
  JoinRows rows;
  for (int i = 0; i < 5000; ++i) rows.Add("row" + std::to_string(i), 0);
  rows.OnStored();
  rows.Add("one more", 0);
  ASSERT_TRUE(rows.has_changes());
  std::string bytes;
  rows.PutChanges(&bytes);
  EXPECT_LT(bytes.size(), 50u);
  for (size_t size = 0; size < bytes.size(); ++size) {
    JoinRows cut;
    EXPECT_FALSE(cut.ApplyChanges(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(JoinRowsTest, RefusesADamagedForm) {
  JoinRows rows;
  rows.Add("some row", 1);
  rows.Add("another", 0);
  std::string stored;
  rows.Put(&stored);
  for (size_t size = 0; size < stored.size(); ++size) {
    JoinRows cut;
    EXPECT_FALSE(cut.Take(stored.substr(0, size)).ok()) << size;
  }
  JoinRows longer;
  EXPECT_FALSE(longer.Take(stored + "x").ok());
  stored[0] = 9;
  JoinRows other_version;
  EXPECT_FALSE(other_version.Take(stored).ok());
}

TEST(JoinRowsTest, EachRowHasATimeToLiveOfItsOwn) {
  const auto at = [](int64_t ms) { return RowLife::Of(1000, 1'767'229'200'000 + ms); };
  JoinRows rows;
  rows.Add("a", 0, at(0));
  rows.Add("b", 0, at(0));
  rows.Add("c", 0, at(700));
  rows.rows()[1].AddMatches(1, at(600).now);
  EXPECT_FALSE(rows.ForgetOld(at(999)));
  std::string stored;
  rows.Put(&stored);
  for (const bool is_restored : {false, true}) {
    JoinRows same;
    ASSERT_TRUE(same.Take(stored).ok());
    JoinRows& one = is_restored ? same : rows;
    EXPECT_TRUE(one.ForgetOld(at(1300)));
    EXPECT_EQ(CountsOf(one), (std::map<std::string, int>{{"b", 1}, {"c", 1}}));
    // A row that is over is none, though it may still be there.
    EXPECT_FALSE(one.ForgetOld(at(2000), 20));
    EXPECT_FALSE(one.Remove("b", at(2000)));
    one.Add("c", 0, at(2000));
    EXPECT_EQ(CountsOf(one), (std::map<std::string, int>{{"c", 1}}));
  }
}

TEST(JoinRowsTest, TheLivesOfRowsOfBeforeBeginWhenTheyAreLookedAt) {
  JoinRows before;
  before.Add("a", 0);
  std::string stored;
  before.Put(&stored);
  EXPECT_EQ(stored[0], 1);
  JoinRows rows;
  ASSERT_TRUE(rows.Take(stored).ok());
  const auto at = [](int64_t ms) { return RowLife::Of(1000, 1'767'229'200'000 + ms); };
  rows.ForgetOld(at(0));
  EXPECT_EQ(rows.rows().size(), 1u);
  EXPECT_FALSE(rows.ForgetOld(at(900)));
  EXPECT_TRUE(rows.ForgetOld(at(1300)));
  EXPECT_TRUE(rows.empty());
}

}  // namespace
}  // namespace mainstem::process
