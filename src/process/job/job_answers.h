// The rows that statements about jobs, and those that need no job, answer with.
#pragma once

#include <string>
#include <vector>

#include "process/job/job_manager.h"
#include "process/plan/session.h"

namespace mainstem::process {

// SHOW, DESCRIBE, EXPLAIN.
Status GiveRows(plan::Answer answer, ResultListener* listener);
// SHOW JOBS, DESCRIBE JOB: Flink's columns. Times in `time_zone`.
Status GiveJobs(const std::vector<JobDescription>& jobs, const std::string& time_zone,
                ResultListener* listener);
// EXPLAIN WATERMARK: the whole job first, then its partitions. Times in `time_zone`.
Status GiveWatermark(const WatermarkReport& report, const std::string& time_zone,
                     ResultListener* listener);
// STOP JOB .. WITH SAVEPOINT: the folder.
Status GiveSavepoint(const std::string& path, ResultListener* listener);

}  // namespace mainstem::process
