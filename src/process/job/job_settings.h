// What the settings of a plan mean for its job: name, parallelism, checkpoints, savepoints. Pure
// functions.
#pragma once

#include <string>

#include "process/job/job_manager.h"
#include "process/job/job_record_format.h"
#include "process/job/job_runner.h"
#include "process/plan/logical_plan.h"

namespace mainstem::process {

// Lower-case letters and digits with '-' between, for ids; 48 at most, of a long text its two ends.
std::string SlugOf(const std::string& text);
// pipeline.name, else after the tables that the job writes.
std::string JobNameOf(const plan::Plan& plan);

// `shard_count`: the parallelism where nothing says another one.
Result<JobRunnerOptions> RunnerOptionsOf(const JobManagerOptions& manager, const JobRecord& record,
                                         const plan::Plan& plan, size_t shard_count);

// The folder in which the job leaves savepoints: `given`, else
// 'execution.checkpointing.savepoint-dir', else the manager's.
Result<std::string> SavepointFolderOf(const JobManagerOptions& manager, const plan::Plan& plan,
                                      const std::string& given);

}  // namespace mainstem::process
