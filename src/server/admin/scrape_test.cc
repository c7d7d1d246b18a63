#include "server/admin/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::server {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ScrapeTest, TellsWhatAJobDoes) {
  process::JobDescription job;
  job.id = "load-1";
  job.name = "load";
  job.state = process::JobState::kRunning;
  job.restart_count = 2;
  job.checkpoint.completed_at_ms = 8'000;
  job.checkpoint.duration_ms = 250;
  process::OperatorDescription& op = job.operators.emplace_back();
  op.name = "Source: clicks";
  op.rows_out = 7;
  op.watermark_ms = 4'000;
  op.lag_records = 5;
  process::SinkDescription& sink = job.sinks.emplace_back();
  sink.name = "totals";
  sink.connector = "jdbc";
  sink.rows_delivered = 3;
  sink.last_error = "no route";
  Metrics metrics;
  AddJob(job, 10'000, &metrics);
  std::string text = metrics.Text();
  const std::string at_source = R"({job="load-1",name="Source: clicks",operator="0"} )";
  const std::vector<std::string> lines = {
      R"(mainstem_job_state{job="load-1",name="load",state="RUNNING"} 1)",
      R"(mainstem_job_restarts_total{job="load-1",name="load"} 2)",
      R"(mainstem_job_checkpoint_seconds{job="load-1",name="load"} 0.25)",
      R"(mainstem_job_checkpoint_age_seconds{job="load-1",name="load"} 2)",
      "mainstem_operator_rows_out_total" + at_source + "7",
      "mainstem_operator_watermark_lag_seconds" + at_source + "6",
      "mainstem_source_lag_records" + at_source + "5",
      R"(rows_delivered_total{connector="jdbc",job="load-1",sink="totals"} 3)",
      R"(sink_failing{connector="jdbc",job="load-1",sink="totals"} 1)",
  };
  for (const std::string& line : lines) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ScrapeTest, SaysNothingOfWhatIsNotKnown) {
  process::JobDescription job;
  job.operators.emplace_back();
  Metrics metrics;
  AddJob(job, 10'000, &metrics);
  std::string text = metrics.Text();
  EXPECT_THAT(text, Not(HasSubstr("watermark_lag")));
  EXPECT_THAT(text, Not(HasSubstr("source_lag")));
  EXPECT_THAT(text, Not(HasSubstr("checkpoint_age")));
}

}  // namespace
}  // namespace mainstem::server
