#include "process/job/job_answers.h"

#include <absl/time/time.h>

#include "process/expr/evaluator.h"

namespace mainstem::process {
namespace {

std::string TimeText(int64_t millis, const absl::TimeZone& zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", absl::FromUnixMillis(millis), zone);
}

}  // namespace

Status GiveRows(plan::Answer answer, ResultListener* listener) {
  std::vector<ResultColumn> columns;
  for (const std::string& name : answer.columns) columns.push_back({name, "STRING"});
  RETURN_IF_ERROR(listener->OnColumns(columns));
  std::vector<ResultRow> rows;
  for (auto& fields : answer.rows) rows.push_back({"+I", std::move(fields)});
  return listener->OnRows(std::move(rows));
}

Status GiveJobs(const std::vector<JobDescription>& jobs, const std::string& time_zone,
                ResultListener* listener) {
  ASSIGN_OR_RETURN(const absl::TimeZone zone, ParseTimeZone(time_zone));
  const std::vector<ResultColumn> columns = {{"job id", "STRING"},
                                             {"job name", "STRING"},
                                             {"status", "STRING"},
                                             {"start time", "TIMESTAMP_LTZ(3)"}};
  RETURN_IF_ERROR(listener->OnColumns(columns));
  std::vector<ResultRow> rows;
  for (const JobDescription& job : jobs) {
    std::vector<std::optional<std::string>> fields = {
        job.id, job.name, std::string(ToString(job.state)), TimeText(job.created_at_ms, zone)};
    rows.push_back({"+I", std::move(fields)});
  }
  return listener->OnRows(std::move(rows));
}

Status GiveWatermark(const WatermarkReport& report, const std::string& time_zone,
                     ResultListener* listener) {
  ASSIGN_OR_RETURN(const absl::TimeZone zone, ParseTimeZone(time_zone));
  const auto time = [&](std::optional<int64_t> millis) {
    return millis ? std::optional(TimeText(*millis, zone)) : std::nullopt;
  };
  plan::Answer answer;
  answer.columns = {"table", "partition",   "watermark",  "unread",
                    "state", "quiet since", "holds back", "why"};
  answer.rows.push_back({std::nullopt, std::nullopt, time(report.watermark_ms), std::nullopt,
                         std::nullopt, std::nullopt, std::nullopt, report.summary});
  for (const WatermarkReport::Row& row : report.rows) {
    const auto unread = row.unread ? std::optional(std::to_string(*row.unread)) : std::nullopt;
    answer.rows.push_back({row.table, row.split, time(row.watermark_ms), unread,
                           std::string(ToString(row.state)), time(row.quiet_since_ms),
                           row.holds_back ? "TRUE" : "FALSE", row.why});
  }
  return GiveRows(std::move(answer), listener);
}

Status GiveSavepoint(const std::string& path, ResultListener* listener) {
  plan::Answer answer;
  answer.columns = {"savepoint path"};
  answer.rows = {{path}};
  return GiveRows(std::move(answer), listener);
}

}  // namespace mainstem::process
