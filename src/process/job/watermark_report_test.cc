#include "process/job/watermark_report.h"

#include <gtest/gtest.h>

namespace mainstem::process {
namespace {

using std::chrono::seconds;
constexpr int64_t kWall = 1'000'000;

SourceWatermarks Orders(std::vector<SplitStatus> splits, int64_t idle_timeout_ms = 0) {
  return {.table = "orders",
          .has_watermark = true,
          .idle_timeout_ms = idle_timeout_ms,
          .splits = std::move(splits)};
}

TEST(WatermarkReportTest, NamesThePartitionThatIsBehind) {
  const WatermarkReport report =
      ExplainWatermark({Orders({{.id = "orders/0", .watermark_ms = 900, .lag_records = 0},
                                {.id = "orders/1", .watermark_ms = 400, .lag_records = 12}})},
                       kWall);
  EXPECT_EQ(report.watermark_ms, 400);
  EXPECT_EQ(report.summary, "orders/1 of orders holds the watermark back: 12 records are unread");
  ASSERT_EQ(report.rows.size(), 2u);
  EXPECT_TRUE(report.rows[0].holds_back);
  EXPECT_EQ(report.rows[0].split, "orders/1");
  EXPECT_FALSE(report.rows[1].holds_back);
  EXPECT_EQ(report.rows[1].why, "");
}

TEST(WatermarkReportTest, SaysThatAnEmptyPartitionCountsWithoutAnIdleTimeout) {
  const WatermarkReport report = ExplainWatermark(
      {Orders({{.id = "orders/0", .watermark_ms = 900, .lag_records = 0},
               {.id = "orders/1", .lag_records = 0, .caught_up_for = seconds(90)}})},
      kWall);
  EXPECT_EQ(report.watermark_ms, std::nullopt);
  EXPECT_EQ(report.rows[0].why,
            "it has given no row yet; nothing has come for 1m30s, and without "
            "'table.exec.source.idle-timeout' it counts all the same");
  EXPECT_EQ(report.rows[0].quiet_since_ms, kWall - 90'000);
}

TEST(WatermarkReportTest, SaysWhenAQuietPartitionStopsToCount) {
  const WatermarkReport report = ExplainWatermark(
      {Orders({{.id = "orders/0", .watermark_ms = 5, .caught_up_for = seconds(2)}}, 10'000)},
      kWall);
  EXPECT_EQ(report.rows[0].why, "nothing has come for 2s; it does not count any more 8s from now");
  EXPECT_EQ(report.rows[0].unread, std::nullopt);
}

TEST(WatermarkReportTest, LeavesOutWhatIsIdleOrHasEnded) {
  SourceWatermarks orders = Orders({{.id = "orders/0", .watermark_ms = 5, .is_idle = true},
                                    {.id = "orders/1", .watermark_ms = 1, .ended = true},
                                    {.id = "orders/2", .watermark_ms = 70}},
                                   1000);
  WatermarkReport report = ExplainWatermark({orders}, kWall);
  EXPECT_EQ(report.watermark_ms, 70);
  EXPECT_EQ(report.summary, "orders/2 of orders holds the watermark back: its rows are the oldest");
  orders.splits.pop_back();
  report = ExplainWatermark({orders}, kWall);
  EXPECT_EQ(report.watermark_ms, std::nullopt);
  EXPECT_EQ(report.summary,
            "every partition is idle or has ended: nothing holds the watermark back");
}

TEST(WatermarkReportTest, ComparesTheSourcesOfAJob) {
  SourceWatermarks clicks = Orders({{.id = "clicks/0", .watermark_ms = 3, .lag_records = 1}});
  clicks.table = "clicks";
  SourceWatermarks users{.table = "users", .splits = {{.id = "users/0"}}};
  const WatermarkReport report =
      ExplainWatermark({Orders({{.id = "orders/0", .watermark_ms = 9}}), clicks, users}, kWall);
  EXPECT_EQ(report.summary, "clicks/0 of clicks holds the watermark back: 1 record is unread");
  EXPECT_EQ(report.rows[2].state, WatermarkReport::State::kWithout);
  EXPECT_EQ(ExplainWatermark({users}, kWall).summary, "no source of the job has a WATERMARK");
  EXPECT_EQ(ExplainWatermark({}, kWall).summary, "the job has no source that is read");
}

}  // namespace
}  // namespace mainstem::process
