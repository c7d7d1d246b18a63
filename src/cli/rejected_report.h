// What `mainstem run` says at its end about records that went to a job's quarantine: how many, and
// why the first of them.
#pragma once

#include <string>
#include <vector>

#include "storage/log.h"

namespace mainstem::cli {

struct RejectedReportOptions {
  std::vector<std::string> job_ids;
  bool log_is_kept = false;  // else the records go with the log, and the text says how to keep them
};

// "" when nothing was rejected; else lines that each end with a newline. `log` outlives the task.
Task<std::string> RejectedReport(storage::Log* log, RejectedReportOptions options);

}  // namespace mainstem::cli
