// A simulated node for SQL tests: inputs, a log, destinations and job managers that live and die on
// virtual time. One world a run; one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sim/sim_env.h"
#include "process/job/job_manager.h"
#include "sqltest/capture.h"
#include "sqltest/stand_ins.h"
#include "sqltest/text_row.h"
#include "storage/testing/memory_log.h"

namespace mainstem::sqltest {

struct StatementResult {
  std::string text;
  std::vector<std::string> columns;  // types
  std::vector<std::string> column_names;
  bool has_columns = false;
  std::vector<TextRow> rows;
  Status error;
};

struct SqlWorldOptions {
  uint64_t seed = 1;
  Inputs inputs;
  // Topics to be there from the beginning, and their records.
  Fixtures topics = {};
  TextFiles files = {};  // on the node's disk from the beginning
  ProcessingTime clock = SimEnvOptions().wall_time_begin;
  std::map<std::string, std::string> settings = {};  // as if SET before the script
  // Of open inputs: when the run ends, whatever the jobs do. Else it ends with its jobs.
  std::optional<ProcessingTime> end = {};
  // Between two checkpoints of a job, and how often it is looked at.
  Duration checkpoint_interval = std::chrono::milliseconds(2);
  Duration poll_interval = std::chrono::milliseconds(1);
};

class SqlWorld {
 public:
  explicit SqlWorld(SqlWorldOptions options);
  ~SqlWorld();

  // Every statement, failing ones too.
  std::vector<StatementResult> Execute(const std::string& script, int parallelism);

  // Submits the script as jobs and runs them to their end through lives of so many steps each: the
  // power is cut after each, the clock begins anew, at the given parallelisms in turn.
  struct JobRun {
    std::vector<int64_t> life_steps;
    std::vector<int> parallelism = {1};
  };
  // `steps_taken`, if given, gets the steps of the last life.
  Status RunJobs(const std::string& script, const JobRun& run, int64_t* steps_taken = nullptr);

  // What the jobs of the last life left out, as they counted it.
  struct LeftOut {
    int64_t late_rows = 0;
    int64_t rejected_rows = 0;  // that could not be decoded
  };
  const LeftOut& left_out() const { return left_out_; }

  // By full name of the table: what came out so far; the types may be set before.
  Captures& captures();

 private:
  struct Outside;
  struct Life;
  std::unique_ptr<Outside> MakeOutside() const;
  std::unique_ptr<Life> Begin(int parallelism);
  Task<> WriteFiles();
  Task<> RunToEnd(process::JobManager* manager, std::string script);
  Task<> WaitForJobs(process::JobManager* manager, std::string script);
  Task<> Submit(process::JobManager* manager, std::string script);

  SqlWorldOptions options_;
  uint64_t seed_;
  std::unique_ptr<Outside> outside_;
  LeftOut left_out_;
  Env* env_ = nullptr;  // of the life that is led now
};

}  // namespace mainstem::sqltest
