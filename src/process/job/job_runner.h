// Runs one job to its end: attempt after attempt from the last committed epoch, with its deliveries
// beside them. Knows plan and sinks, not where the plan came from or where the job is kept
// (job_manager.cc).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/logging.h"
#include "process/job/execution.h"
#include "process/job/job_description.h"
#include "process/job/sink_delivery.h"

namespace mainstem::process {

struct JobRunnerOptions {
  std::string job_id;
  std::string name;
  std::string statement;
  int parallelism = 1;
  Duration checkpoint_interval = std::chrono::seconds(1);
  int retained_checkpoints = 1;
  bool fold_updates = false;
  // Commits epochs and restarts; else one attempt, nothing kept.
  bool durable = true;
  // End with the first error, as a script run in the foreground wants.
  bool fail_fast = false;
  int64_t created_at_ms = 0;
  std::string checkpoint_directory;
  std::function<std::unique_ptr<connector::InlineWriter>()> make_collector;
};

// What all jobs share; outlives the runner.
struct JobEnvironment {
  Env* env = nullptr;
  storage::Log* log = nullptr;  // may be null: then no job is durable
  const connector::ConnectorRegistry* registry = nullptr;
  StateBackendFactory* state = nullptr;
  connector::ConnectorContext context;
  Logger logger;
  StateMemory* state_memory = nullptr;    // of all jobs
  ColumnMemory* column_memory = nullptr;  // of all jobs; null: nobody counts
};

// Lives on shard 0. Run once; cancelling the task that runs it ends the job where it is.
class JobRunner {
 public:
  JobRunner(const JobEnvironment* environment, std::shared_ptr<const plan::Plan> plan,
            JobRunnerOptions options);
  ~JobRunner();

  // Until the job is kFinished, kStopped or kFailed; see state(). The status is that of a failed
  // job, or of the cancellation.
  Task<> Run();
  void RequestStop();
  JobState state() const { return description_.state; }
  // Of a job that is kFailed.
  const Status& failure() const { return failure_; }
  JobDescription Describe() const;
  // Samples the counters for the rates; call about once a second.
  void Sample();

 private:
  Task<> RunUntilDone();
  Task<> Prepare();
  Task<> PrepareQuarantine();
  Task<> PrepareDelivery(JobSink* sink);
  Task<ExecutionOutcome> RunAttempt();
  Task<> CloseDeliveries();
  void DescribeOperators(JobDescription* out) const;
  void DescribeTopicSinks(JobDescription* out) const;

  struct SampleRow {
    int64_t rows_in = 0, rows_out = 0, bytes_in = 0, busy_ns = 0, blocked_ns = 0;
  };
  struct SampleSet {
    TimePoint when;
    std::vector<SampleRow> rows;  // of each operator
  };

  const JobEnvironment* environment_;
  std::shared_ptr<const plan::Plan> plan_;
  JobRunnerOptions options_;
  JobGraph graph_;
  bool graph_ready_ = false;
  std::optional<CheckpointStore> store_;
  storage::TopicPartition quarantine_;
  std::unique_ptr<Execution> execution_;
  std::vector<std::unique_ptr<SinkDelivery>> deliveries_;
  JobDescription description_;
  std::deque<SampleSet> samples_;
  bool stop_requested_ = false;
  Status failure_;
};

}  // namespace mainstem::process
