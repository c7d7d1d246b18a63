// One parallel instance of a vertex: a coroutine on one shard that takes elements from its input,
// runs them through its chain and sends them on; takes part in checkpoints. Reports to the job's
// coordinator on another shard through a Mailbox.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/sync.h"
#include "process/operator/input_gate.h"
#include "process/operator/late_rows.h"
#include "process/operator/operator_chain.h"
#include "process/operator/source_feed.h"
#include "process/operator/work_slice.h"

namespace mainstem::process {

struct SubtaskReport {
  enum class Kind : uint8_t {
    kSnapshot,  // state of `checkpoint` is written
    kFinished,  // bounded input has ended; `snapshot` holds the last output
    kFailed,
  };
  Kind kind = Kind::kFailed;
  int vertex = 0;
  int subtask = 0;
  int64_t checkpoint = 0;
  std::vector<std::pair<int, std::string>> blobs;  // (operator id, blob)
  std::vector<storage::EpochCommit::Append> appends;
  std::vector<SplitProgress> splits;
  Status error;
};

// Reports from all shards to the owner's. Made as a shared_ptr; posts in flight keep it alive.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(Executor owner) : owner_(owner), arrived_(owner) {}
  void Send(SubtaskReport report);  // any thread
  // Owner's shard.
  std::deque<SubtaskReport> TakeAll() { return std::exchange(reports_, {}); }
  Event& arrived() { return arrived_; }

 private:
  Executor owner_;
  std::deque<SubtaskReport> reports_;
  Event arrived_;
};

// Where a subtask's time goes; written by its shard, read by anyone.
struct SubtaskMetrics {
  std::atomic<int64_t> busy_ns{0};
  std::atomic<int64_t> blocked_ns{0};
};

struct SubtaskOptions {
  Env* env = nullptr;
  Executor executor;
  int vertex = 0;
  int subtask = 0;
  std::string task_name;
  std::shared_ptr<Mailbox> mailbox;
  std::shared_ptr<SubtaskMetrics> metrics;
  // One for each operator of the chain, in order (a source's comes first, without an operator).
  std::vector<std::unique_ptr<OperatorContext>> contexts;
  std::vector<std::unique_ptr<Operator>> operators;
  std::unique_ptr<StateBackend> backend;
  std::unique_ptr<Output> output;
  std::vector<std::shared_ptr<Channel>> output_channels;
  // Exactly one of the two.
  std::vector<std::vector<std::shared_ptr<Channel>>> input_channels;
  std::vector<bool> inputs_idle_together;  // see InputGate
  std::unique_ptr<SourceFeedOptions> source;
  std::unique_ptr<LateRows> late_rows;  // of all operators; null: they are not kept
};

// Lifecycle: make anywhere; Start, TriggerBarrier, Close and destruction on its shard.
class Subtask {
 public:
  explicit Subtask(SubtaskOptions options);
  ~Subtask();

  void Start();
  SourceFeed* feed() { return feed_.get(); }
  // `directory`: of the checkpoint that the next barrier begins.
  void SetCheckpointDirectory(std::string directory) { directory_ = std::move(directory); }
  Executor executor() const { return options_.executor; }
  Task<> Close();

 private:
  Task<> Run();
  Task<> Loop();
  Task<> TellTime();  // until it is cancelled
  Task<> HandleBarrier(int64_t checkpoint);
  Task<> WriteSnapshot(SubtaskReport report, std::vector<StateTable*> tables,
                       std::string directory);
  // `tables`, if given: those whose snapshots have begun.
  Result<SubtaskReport> MakeReport(SubtaskReport::Kind kind, std::vector<StateTable*>* tables);
  void Account(TimePoint began);

  SubtaskOptions options_;
  std::unique_ptr<OperatorChain> chain_;
  std::unique_ptr<SourceFeed> feed_;
  std::unique_ptr<InputGate> gate_;
  std::string directory_;
  WorkSlice slice_;
  Duration blocked_before_{0};
  Duration rested_before_{0};
  bool is_writing_ = false;  // a snapshot is on its way to the backend
  Event written_;
  TaskScope scope_;
};

}  // namespace mainstem::process
