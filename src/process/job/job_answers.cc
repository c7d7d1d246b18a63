#include "process/job/job_answers.h"

#include <absl/time/time.h>

#include "process/expr/evaluator.h"

namespace mainstem::process {

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
    std::string began =
        absl::FormatTime("%Y-%m-%d %H:%M:%E3S", absl::FromUnixMillis(job.created_at_ms), zone);
    std::vector<std::optional<std::string>> fields = {
        job.id, job.name, std::string(ToString(job.state)), std::move(began)};
    rows.push_back({"+I", std::move(fields)});
  }
  return listener->OnRows(std::move(rows));
}

Status GiveSavepoint(const std::string& path, ResultListener* listener) {
  plan::Answer answer;
  answer.columns = {"savepoint path"};
  answer.rows = {{path}};
  return GiveRows(std::move(answer), listener);
}

}  // namespace mainstem::process
