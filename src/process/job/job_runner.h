// Runs one job to its end: attempt after attempt from the last committed epoch, with its deliveries
// beside them. Knows plan and sinks, not where the plan came from or where the job is kept
// (job_manager.cc).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/backoff.h"
#include "core/logging.h"
#include "process/job/execution.h"
#include "process/job/job_description.h"
#include "process/job/sink_delivery.h"

namespace mainstem::process {

// What a job is asked to do before it stops.
struct StopRequest {
  std::string savepoint;  // folder of the savepoint to leave; empty: none
  StopOptions options;
};

struct JobRunnerOptions {
  std::string job_id;
  std::string name;
  std::string statement;
  int parallelism = 1;
  Duration checkpoint_interval = std::chrono::seconds(1);
  Duration checkpoint_timeout = std::chrono::minutes(10);  // of savepoints, too
  int retained_checkpoints = 1;
  bool fold_updates = false;
  // Commits epochs and restarts; else one attempt, nothing kept.
  bool durable = true;
  // End with the first error, as a script run in the foreground wants.
  bool fail_fast = false;
  // Try again after errors, too, that come back with the same input: somebody may mend what is
  // wrong.
  bool restarts_always = false;
  int64_t created_at_ms = 0;
  uint32_t generation = 0;    // of the job's script
  std::string delivery_name;  // what destinations know the job by; empty: its id
  std::string checkpoint_directory;
  std::string late_rows_topic;  // empty: late rows are counted only
  std::string restore_from;     // savepoint of a job that has no epoch yet
  bool ignore_unclaimed_state = false;
  std::optional<StopRequest> stop;  // asked for before the node ended
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
  // The last one counts, but for one after a request for a savepoint. What became of that: see
  // savepoint_outcome().
  void RequestStop(StopRequest request);
  // Leaves a savepoint in the folder while the job goes on; returns when everything before it has
  // been delivered and it is whole. One at a time; must have ended before the runner goes.
  Task<> TakeSavepoint(std::string directory);
  // Before Run or after it: lets go of all rows that destinations have, as they say themselves. One
  // that does not answer is taken at what it was known to have.
  Task<> LetGoOfDelivered();
  // Deliveries go on whose destinations have lost their position. kInvalidArgument: none has.
  Status AcceptLostPositions();
  // Of a job that was stopped; kInvalidArgument while it has left none.
  const Status& savepoint_outcome() const { return savepoint_outcome_; }
  JobState state() const { return description_.state; }
  // Of a job that is kFailed.
  const Status& failure() const { return failure_; }
  JobDescription Describe() const;
  // Of the attempt that runs now; none between two.
  Task<std::vector<SourceWatermarks>> GatherWatermarks() const;
  // Samples the counters for the rates; call about once a second.
  void Sample();

 private:
  Task<> RunUntilDone();
  Task<> Prepare();
  Task<> PrepareUntilItWorks();
  bool TriesAgain(const Status& failure, bool is_permanent) const;
  // Between two tries a job stops where it is: kStopped when this returns.
  Task<> AwaitRestart(Status failure, Backoff* backoff);
  bool StopsAtOnce() const;
  Task<> PrepareQuarantine();
  Task<> PrepareLateRows();
  Task<> PrepareDelivery(JobSink* sink);
  Task<ExecutionOutcome> RunAttempt();
  Task<> RunAttempts();
  Task<> CloseDeliveries();
  Task<> DrainDeliveries(bool input_has_ended);
  // job_runner_savepoints.cc
  void OnEpoch(int64_t epoch);
  Task<> AwaitHeldCheckpoint(TimePoint deadline);
  Task<> AwaitDeliveries(TimePoint deadline);
  Task<> WriteSavepoint(int64_t epoch, std::string directory);
  Task<> LeaveStopSavepoint();
  void DescribeOperators(JobDescription* out) const;
  void DescribeTopicSinks(JobDescription* out) const;

  void WatchRejected();

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
  bool is_prepared_ = false;
  std::optional<CheckpointStore> store_;
  storage::TopicPartition quarantine_;
  std::optional<storage::TopicPartition> late_rows_;
  std::unique_ptr<Execution> execution_;
  std::vector<std::unique_ptr<SinkDelivery>> deliveries_;
  JobDescription description_;
  std::deque<SampleSet> samples_;
  std::optional<StopRequest> stop_;
  Event stop_requested_;
  int64_t failed_checkpoints_ = 0;  // each ended an attempt
  bool is_attempting_ = false;      // execution_ is the one that runs
  // The savepoint that is being taken: the epoch that it waits for, then its checkpoint.
  bool wants_savepoint_ = false;
  int64_t wanted_epoch_ = 0;
  int64_t held_epoch_ = 0;
  Event savepoint_moved_;
  Status savepoint_outcome_ =
      MakeError(ErrorCode::kInvalidArgument, "the job was stopped before the savepoint was taken");
  Status failure_;
  // Of the sources' records, for all tables; set on their shards.
  struct FirstRejected {
    std::mutex mutex;  // guards both
    std::set<std::string> tables;
    std::string text;
  };
  std::shared_ptr<FirstRejected> first_rejected_ = std::make_shared<FirstRejected>();
};

// Whether a job of this plan can begin as `options` say: the savepoint is there, whole and fits. OK
// when it begins with none. Opens nothing.
Task<> CheckSavepointFits(const JobEnvironment& environment, const plan::Plan& plan,
                          JobRunnerOptions options);

}  // namespace mainstem::process
