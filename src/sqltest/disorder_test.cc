#include "sqltest/disorder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace mainstem::sqltest {
namespace {

// Rows of these event times, with a watermark of 5 behind; the text is the number of the row.
struct Rows {
  explicit Rows(const std::vector<int64_t>& rowtimes) {
    for (int64_t rowtime : rowtimes) {
      FixtureLine& line = fixture.lines.emplace_back();
      line.text = std::to_string(times.size());
      times.push_back({rowtime, rowtime - 5});
    }
  }
  // Which rows are late when they come in this order.
  std::vector<int> Late(const Fixture& order) const {
    std::vector<int> late;
    int64_t watermark = -1000;
    for (const FixtureLine& line : order.lines) {
      const RowTime& time = times[std::stoul(line.text)];
      if (time.rowtime_ms <= watermark) late.push_back(std::stoi(line.text));
      watermark = std::max(watermark, time.watermark_ms);
    }
    std::sort(late.begin(), late.end());
    return late;
  }
  Fixture fixture;
  std::vector<RowTime> times;
};

TEST(DisorderTest, ShufflesWithoutMakingARowLate) {
  Rows rows({0, 1, 2, 3, 4, 6, 9, 12, 13, 2, 14, 20, 21, 22});
  ASSERT_EQ(rows.Late(rows.fixture), std::vector<int>{9});
  size_t changed = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Fixture other = Shuffled(rows.fixture, rows.times, seed);
    ASSERT_EQ(other.lines.size(), rows.fixture.lines.size());
    EXPECT_EQ(rows.Late(other), std::vector<int>{9}) << "seed " << seed;
    changed += other.lines[0].text != "0" || other.lines[1].text != "1" ? 1 : 0;
  }
  EXPECT_GT(changed, 50u);
}

TEST(DisorderTest, LeavesRowsAtTheirMoments) {
  Rows rows({0, 1, 2, 3});
  rows.fixture.lines[2].arrival = rows.fixture.lines[3].arrival = ProcessingTime(7);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Fixture other = Shuffled(rows.fixture, rows.times, seed);
    EXPECT_LT(std::stoi(other.lines[0].text), 2);
    EXPECT_LT(std::stoi(other.lines[1].text), 2);
  }
}

TEST(DisorderTest, AddsCopiesOfOldRowsAtTheEnd) {
  Rows rows({0, 10, 20, 30});
  Fixture other = WithLateCopies(rows.fixture, rows.times, 15, 1);  // the last watermark is 25
  ASSERT_EQ(other.lines.size(), 6u);
  EXPECT_GT(other.lines[4].arrival, other.lines[3].arrival);
  std::vector<std::string> copies = {other.lines[4].text, other.lines[5].text};
  std::sort(copies.begin(), copies.end());
  EXPECT_EQ(copies, (std::vector<std::string>{"0", "1"}));
}

}  // namespace
}  // namespace mainstem::sqltest
