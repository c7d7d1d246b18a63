// One attempt to run a job: makes its subtasks, restores them from the job's last committed epoch,
// takes checkpoints and commits each with its output in one write of the log. Ends when bounded
// input is processed and committed, when it was asked to stop, or with the first error;
// job_runner.h tries again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "process/checkpoint/checkpoint_store.h"
#include "process/job/job_description.h"
#include "process/job/job_graph.h"
#include "process/job/subtask.h"
#include "process/job/watermark_report.h"

namespace mainstem::process {

struct ExecutionOptions {
  std::string job_id;
  Duration checkpoint_interval = std::chrono::seconds(1);
  // One that takes longer ends the attempt.
  Duration checkpoint_timeout = std::chrono::minutes(10);
  int retained_checkpoints = 1;
  StateMemory* state_memory = nullptr;    // outlives the execution, as the next
  ColumnMemory* column_memory = nullptr;  // null: nobody counts
  // False: nothing survives and nothing is committed (a query whose result goes to its caller).
  bool durable = true;
  storage::TopicPartition quarantine;                // of partition 0; used if some source wants it
  std::optional<storage::TopicPartition> late_rows;  // where they are kept, if they are
  std::string statement;                             // for manifests
  // A job without an epoch of its own begins with this savepoint, if there is one.
  std::string restore_from;
  bool ignore_unclaimed_state = false;
  // Told of each epoch when it is committed, before older checkpoints are removed.
  std::function<void(int64_t)> on_epoch;
};

// How a job ends that did not come to its end by itself.
struct StopOptions {
  bool drain = false;  // bring the watermark to the end of time first
  // The last committed epoch is the one to stop at, whatever it was: nothing runs.
  bool at_last_epoch = false;
};

enum class ExecutionOutcome : uint8_t { kFinished, kStopped };

// How often each source, checkpoint and operator has done what; shared with who describes the job.
struct ExecutionMetrics {
  struct OperatorEntry {
    int vertex = 0;
    GraphOperator op;
    std::vector<std::shared_ptr<OperatorMetrics>> subtasks;
  };
  std::vector<OperatorEntry> operators;                                // in order of id
  std::vector<std::vector<std::shared_ptr<SubtaskMetrics>>> subtasks;  // [vertex][subtask]
  CheckpointDescription checkpoint;
};

// Lives on its home shard; Run once. Everything passed outlives it.
class Execution {
 public:
  Execution(Env* env, storage::Log* log, const JobGraph* graph, StateBackendFactory* factory,
            CheckpointStore* store, ExecutionOptions options);
  ~Execution();

  // Cancelling the calling task ends the attempt without a checkpoint. All subtasks are gone when
  // it returns.
  Task<ExecutionOutcome> Run();
  // Take a checkpoint, then end with kStopped. An epoch at which the job was stopped before, in
  // the same way, is not followed by another. Home shard.
  void RequestStop(StopOptions options);
  // Take a checkpoint soon: gives the number of its epoch. Home shard.
  int64_t RequestCheckpoint();
  const ExecutionMetrics& metrics() const { return metrics_; }
  // How far the splits of each source are, now. Home shard; the execution may go meanwhile.
  Task<std::vector<SourceWatermarks>> GatherWatermarks() const;
  // A checkpoint was begun that has not been committed: of an attempt that has ended, it failed.
  bool is_in_checkpoint() const { return begun_epoch_ > epoch_; }
  // The job is made known to be done in the log with this metadata.
  static constexpr const char* kFinishedMetadata = "finished";
  // What an epoch that ended the attempt has before its number, where others have "chk-".
  static constexpr std::string_view kStopPrefix = "stop-";

 private:
  struct Pending {  // the checkpoint that is being taken
    int64_t id = 0;
    TimePoint began;
    std::optional<StopOptions> stop;  // nothing follows it
    std::set<std::pair<int, int>> waiting_for;
    std::vector<SubtaskReport> reports;
  };

  Task<ExecutionOutcome> Supervise();
  Task<> LoadLastEpoch();
  Task<> LoadSavepoint();
  Status Restore(CheckpointManifest manifest, const FitOptions& options);
  Task<> MakeSubtasks();
  Task<std::unique_ptr<Subtask>> MakeSubtask(const GraphVertex& vertex, int index);
  void ConnectOutputs(const GraphVertex& vertex, int index, SubtaskOptions* subtask);
  std::unique_ptr<Output> MakeEdgeOutput(const GraphVertex& target, size_t input, int index,
                                         std::vector<std::shared_ptr<Channel>>* channels);
  Task<> MakeChannels();
  Task<> AssignSplits(const GraphVertex& vertex, bool discover_again);
  Task<> StartSubtasks();
  Task<> CloseSubtasks();
  Status Handle(SubtaskReport report);
  Status CheckTimeout() const;
  bool WantsCheckpoint() const;
  int64_t ProgressToken() const;
  Task<> Trigger();
  Task<> Complete(bool final_one);
  void KeepEndedSplits(const Pending& pending);
  CheckpointManifest MakeManifest(const Pending& pending) const;
  Task<> NotifySources(const CheckpointManifest& manifest);
  // By the node id of the source.
  using SourcePositions = std::map<std::string, std::vector<connector::SourceSplit>>;
  // What sources want to be kept when they may begin again there.
  void NoteHolds(const SourcePositions& positions);
  // Pins it; not after each checkpoint, but soon after the last one.
  Task<> HoldRetention();
  Executor ShardOf(int index) const;
  const std::string& NodeIdOf(int operator_id) const;

  Env* env_;
  storage::Log* log_;
  const JobGraph* graph_;
  StateBackendFactory* factory_;
  CheckpointStore* store_;
  ExecutionOptions options_;
  Executor home_;
  std::shared_ptr<Mailbox> mailbox_;
  PendingOutput pending_output_;
  ExecutionMetrics metrics_;

  int64_t epoch_ = 0;        // last committed
  int64_t begun_epoch_ = 0;  // last one that was begun
  CheckpointManifest restored_;
  std::string restored_directory_;
  // Operator -> operator of `restored_` whose state tables it takes.
  std::map<std::string, std::string> operator_before_;
  std::optional<ExecutionOutcome> outcome_before_;  // nothing is left to run
  // channels_[vertex][input][from subtask][to subtask]; null where there is no way.
  using EdgeChannels = std::vector<std::vector<std::shared_ptr<Channel>>>;
  std::map<std::pair<int, size_t>, EdgeChannels> channels_;
  std::vector<std::vector<std::unique_ptr<Subtask>>> subtasks_;
  std::map<int, std::set<std::string>> known_splits_;  // of each source vertex
  SourcePositions first_positions_;                    // where this attempt began to read
  std::map<storage::TopicPartition, Offset> to_hold_;  // what is to be pinned next
  std::map<storage::TopicPartition, Offset> held_;     // what is
  TimePoint next_hold_{};
  std::set<std::pair<int, int>> finished_;
  // Of subtasks that ended after their part in the checkpoint that is being taken.
  std::vector<SubtaskReport> final_reports_;
  std::vector<CheckpointManifest::Split> ended_splits_;  // of finished subtasks
  std::optional<Pending> pending_;
  TimePoint next_checkpoint_{};
  TimePoint next_discovery_{};
  int64_t committed_token_ = -1;
  std::optional<StopOptions> stop_;
  bool early_requested_ = false;
  Status failure_;
};

}  // namespace mainstem::process
