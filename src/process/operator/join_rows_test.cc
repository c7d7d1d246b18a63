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
  --rows.rows()[0].matches;
  std::string stored;
  rows.Put(&stored);
  JoinRows restored;
  ASSERT_TRUE(restored.Take(stored).ok());
  ASSERT_EQ(restored.rows().size(), 1u);
  EXPECT_EQ(restored.rows()[0].matches, -1);
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

}  // namespace
}  // namespace mainstem::process
