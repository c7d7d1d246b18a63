#include "cli/progress.h"

#include <gtest/gtest.h>
#include <simdjson.h>

namespace mainstem::cli {
namespace {

process::JobDescription Loading() {
  process::JobDescription job;
  job.name = "load";
  job.state = process::JobState::kRunning;
  process::OperatorDescription& source = job.operators.emplace_back();
  source.name = "Source: in";
  source.rows_out = 1'234'567;
  source.rows_out_per_second = 230'000;
  process::OperatorDescription& sink = job.operators.emplace_back();
  sink.name = "Sink: out";
  sink.detail = "blackhole";
  sink.rows_in = 7;
  return job;
}

TEST(ProgressTest, SaysShareRowsPaceAndTimeToGo) {
  process::JobDescription job = Loading();
  job.progress = {.ratio = 0.451, .eta_ms = 12'000};
  EXPECT_EQ(ProgressText(ProgressOf(job), 200),
            "load: 45%, 1,234,567 rows, 230,000/s, 12.0s to go");
}

TEST(ProgressTest, CutsTheNameNotWhatChanges) {
  process::JobDescription job = Loading();
  job.name = "insert-into_default_catalog.default_database.page_views_per_minute";
  job.progress = {.ratio = 0.451, .eta_ms = 12'000};
  EXPECT_EQ(ProgressText(ProgressOf(job), 79),
            "insert-into_page_views_per_minute: 45%, 1,234,567 rows, 230,000/s, 12.0s to go");
  EXPECT_EQ(ProgressText(ProgressOf(job), 60),
            "insert-into_pa…: 45%, 1,234,567 rows, 230,000/s, 12.0s to go");
  EXPECT_EQ(ProgressText(ProgressOf(job), 20), ": 45%, 1,234,567 ro…");
}

TEST(ProgressTest, SaysWhatIsKnownWhenTheSizeOfTheInputIsNot) {
  EXPECT_EQ(ProgressText(ProgressOf(Loading()), 200), "load: 1,234,567 rows, 230,000/s");
}

TEST(ProgressTest, EstimatesThePaceUntilTheNodeKnowsIt) {
  JobProgress first{.name = "load", .rows = 100, .ratio = 0.1};
  JobProgress now{.name = "load", .rows = 500, .ratio = 0.5};
  EstimatePace(first, 2, &now);
  EXPECT_EQ(ProgressText(now, 200), "load: 50%, 500 rows, 200/s, 2.5s to go");
  EstimatePace(first, 1, &now);  // known now
  EXPECT_EQ(ProgressText(now, 200), "load: 50%, 500 rows, 200/s, 2.5s to go");
}

TEST(ProgressTest, TellsTheDrainingOfSinksFromReading) {
  process::JobDescription job = Loading();
  job.state = process::JobState::kFinishing;
  EXPECT_EQ(ProgressText(ProgressOf(job), 200),
            "load: 1,234,567 rows, delivering the last results");
}

TEST(ProgressTest, KnowsThatRowsGoToTheScreen) {
  process::JobDescription job = Loading();
  EXPECT_FALSE(ProgressOf(job).prints_to_screen);
  job.operators[1].detail = "print, at least once";
  EXPECT_TRUE(ProgressOf(job).prints_to_screen);
}

TEST(ProgressTest, ReadsWhatTheAdminApiTells) {
  simdjson::dom::parser parser;
  simdjson::dom::element job;
  std::string text = R"({"name":"load","state":"RUNNING","progress":{"ratio":0.5,"eta_ms":null},
    "operators":[{"name":"Source: in","rows_out":10,"rows_out_per_second":0.5},
                 {"name":"Calc","rows_out":99}]})";
  ASSERT_EQ(parser.parse(text).get(job), simdjson::SUCCESS);
  EXPECT_EQ(ProgressText(ProgressOf(job), 200), "load: 50%, 10 rows");
}

}  // namespace
}  // namespace mainstem::cli
