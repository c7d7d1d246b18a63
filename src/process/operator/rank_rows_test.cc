// Goal: rows stay in order, equal ones in the order they came, whatever goes; the stored form and
// the changes lead to the same rows in the same order.
#include "process/operator/rank_rows.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

struct RankedLine {
  std::string sort_key, row, key;
  bool operator==(const RankedLine&) const = default;
};

std::vector<RankedLine> LinesOf(const RankRows& rows) {
  std::vector<RankedLine> lines;
  for (const auto& [sort_key, row] : rows.rows()) lines.push_back({sort_key, row.row, row.key});
  return lines;
}

// What a list that is looked through from its beginning would have.
class RankedModel {
 public:
  void Insert(const std::string& sort_key, const std::string& row) {
    auto at = lines_.begin();
    while (at != lines_.end() && at->sort_key <= sort_key) ++at;
    lines_.insert(at, {sort_key, row, ""});
  }
  bool Remove(const std::string& sort_key, const std::string& row) {
    for (auto at = lines_.begin(); at != lines_.end(); ++at) {
      if (at->sort_key != sort_key || at->row != row) continue;
      lines_.erase(at);
      return true;
    }
    return false;
  }
  void RemoveLast() { lines_.pop_back(); }
  const std::vector<RankedLine>& lines() const { return lines_; }

 private:
  std::vector<RankedLine> lines_;
};

TEST(RankRowsTest, ChangesLeadFromWhatWasStoredToWhatIs) {
  std::mt19937 random(3);
  RankRows rows;
  RankedModel model;
  auto stored = std::make_unique<RankRows>();  // what a restore would make of what was stored
  int whole_count = 0, changes_count = 0;
  for (int round = 0; round < 150; ++round) {
    const int steps = round == 0 ? 900 : round % 50 == 49 ? 900 : 25;
    for (int step = 0; step < steps; ++step) {
      // Few sort keys, and rows that come more than once.
      const auto number = random() % 300;
      const std::string sort_key = "k" + std::to_string(number % 3);
      const std::string row = "row" + std::to_string(number);
      const bool shrinks = round % 50 == 49;
      if (random() % 20 == 0 && !model.lines().empty()) {
        rows.Extract(std::prev(rows.rows().end()));
        model.RemoveLast();
      } else if (random() % (shrinks ? 4 : 2) == 0 || round == 0) {
        rows.Insert(sort_key, row, "");
        model.Insert(sort_key, row);
      } else {
        const RankRows::Place at = rows.Find(sort_key, row);
        ASSERT_EQ(at != rows.rows().end(), model.Remove(sort_key, row));
        if (at != rows.rows().end()) rows.Extract(at);
      }
    }
    ASSERT_EQ(LinesOf(rows), model.lines()) << round;
    std::string bytes;
    if (rows.has_changes()) {
      ++changes_count;
      rows.PutChanges(&bytes);
      ASSERT_TRUE(stored->ApplyChanges(bytes).ok());
    } else {
      ++whole_count;
      rows.Put(&bytes);
      stored = std::make_unique<RankRows>();
      ASSERT_TRUE(stored->Take(bytes).ok());
    }
    rows.OnStored();
    stored->OnStored();
    ASSERT_EQ(LinesOf(*stored), model.lines()) << round;
  }
  EXPECT_GT(whole_count, 1);
  EXPECT_GT(changes_count, 50);
}

TEST(RankRowsTest, OneChangeAmongManyRowsIsStoredAlone) {
  RankRows rows;
  for (int i = 0; i < 5000; ++i) rows.Insert("same", "row" + std::to_string(i), "");
  rows.OnStored();
  const size_t bytes_before = rows.heap_bytes();
  rows.Extract(rows.Find("same", "row4321"));
  rows.Insert("same", "another", "");
  ASSERT_TRUE(rows.has_changes());
  std::string bytes;
  rows.PutChanges(&bytes);
  EXPECT_LT(bytes.size(), 100u);
  rows.OnStored();
  while (!rows.rows().empty()) rows.Extract(rows.Find("same", rows.rows().begin()->second.row));
  EXPECT_LT(rows.heap_bytes(), bytes_before / 100);
}

TEST(RankRowsTest, ARowThatTakesAnothersPlaceKeepsItInTheStoredForm) {
  RankRows rows;
  for (int i = 0; i < 200; ++i) rows.Insert("same", "row", "id" + std::to_string(i));
  rows.OnStored();
  const RankRows::Place second = std::next(rows.rows().begin());
  const RankRows::Place third = std::next(second);
  rows.Extract(second);
  rows.InsertBefore(third, "same", "new", "id1");
  EXPECT_FALSE(rows.has_changes());
  std::string bytes;
  rows.Put(&bytes);
  RankRows restored;
  ASSERT_TRUE(restored.Take(bytes).ok());
  EXPECT_EQ(std::next(restored.rows().begin())->second.row, "new");
}

TEST(RankRowsTest, SeesDamage) {
  RankRows rows;
  for (int i = 0; i < 200; ++i) rows.Insert("k", "row" + std::to_string(i), "");
  rows.OnStored();
  rows.Extract(rows.Find("k", "row7"));
  std::string bytes;
  rows.PutChanges(&bytes);
  RankRows empty;
  EXPECT_FALSE(empty.ApplyChanges(bytes).ok());
  EXPECT_FALSE(empty.ApplyChanges(std::string_view(bytes).substr(0, 9)).ok());
  EXPECT_FALSE(empty.Take("\x02").ok());
}

}  // namespace
}  // namespace mainstem::process
