// An operator of a running job: takes batches of rows and watermarks, gives batches on. Operators
// are chained inside a subtask (operator_chain.h); a subtask is one coroutine on one shard, so an
// operator has no locks. Exchanges between subtasks are in exchange.h and input_gate.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "process/expr/evaluator.h"
#include "process/operator/element.h"
#include "process/state/state_table.h"
#include "storage/log.h"

namespace mainstem::process {

// Counters of one operator in one subtask: written by its shard, read by anyone.
struct OperatorMetrics {
  std::atomic<int64_t> rows_in{0};
  std::atomic<int64_t> rows_out{0};
  std::atomic<int64_t> bytes_in{0};
  std::atomic<int64_t> late_rows{0};
  std::atomic<int64_t> rejected_rows{0};
  std::atomic<int64_t> state_entries{0};
  std::atomic<int64_t> state_bytes{0};
  std::atomic<int64_t> watermark_ms{kNoWatermark};
  std::atomic<int64_t> lag_records{-1};
};

class LateRows;
class WorkSlice;

// Where an operator has many rows to send, it sends batches of so many.
inline constexpr size_t kRowsPerOutput = 4096;

// Ids of state tables are unique in the job: an operator has up to so many.
inline constexpr int kStateTablesMax = 8;
inline uint16_t StateTableId(int operator_id, int index) {
  return static_cast<uint16_t>(operator_id * kStateTablesMax + index);
}

// What an operator gets from its subtask; outlives it.
struct OperatorContext {
  Env* env = nullptr;
  int operator_id = 0;
  int subtask = 0;
  int parallelism = 1;
  StateBackend* backend = nullptr;  // of the subtask
  StateMemory* state_memory = nullptr;
  EvalContext eval;  // time zone; the operator sets the times
  OperatorMetrics* metrics = nullptr;
  LateRows* late_rows = nullptr;  // null: late rows are counted only
  WorkSlice* slice = nullptr;     // of the subtask; null: nobody else wants its shard
  // What all subtasks of this operator gave to their snapshot's `blob`; empty at a fresh start.
  std::vector<std::string> restored_blobs;
  bool is_restored = false;  // the job is, not necessarily this operator

  KeyGroupRange key_groups() const { return KeyGroupsOf(subtask, parallelism); }
  uint16_t table_id(int index) const { return StateTableId(operator_id, index); }
  // For the operator's table number `index`; `name` for errors and metrics.
  StateTable::Options TableOptions(int index, std::string name) const {
    StateTable::Options options;
    options.name = std::move(name);
    options.table_id = table_id(index);
    options.key_groups = key_groups();
    options.memory = state_memory;
    options.clock = env;
    return options;
  }
};

// What an operator hands over at a barrier.
struct OperatorSnapshot {
  // The subtask takes what the table held at the barrier, and writes it, while the work goes on.
  void Add(StateTable* table) {
    table->BeginSnapshot();
    tables.push_back(table);
  }
  std::vector<StateTable*> tables;
  std::string blob;  // small state without a key; every subtask gets all blobs at a restore
  // Sinks: what this epoch adds to topics.
  std::vector<storage::EpochCommit::Append> appends;
};

// Where an operator's output goes. Emit waits while the receiver is full.
class Output {
 public:
  virtual ~Output() = default;
  virtual Task<> Emit(Element element) = 0;
};

// Lifecycle: make, Open, then elements in order, Finish at the end of bounded input. Used on the
// subtask's shard only.
class Operator {
 public:
  virtual ~Operator() = default;
  virtual std::string name() const = 0;

  // Prepares and restores state. `context` outlives the operator.
  virtual Task<> Open(const OperatorContext* context) { co_return Status::OK(); }
  virtual Task<> OnBatch(int input, ChangelogBatch batch, Output* out) = 0;
  // After Open: the watermark that the operator was restored with. It stands for every one behind
  // it that comes, so that what was late stays late: sources begin with what their splits know.
  virtual int64_t restored_watermark() const { return kNoWatermark; }
  // Called before the watermark goes on to the next operator. Watermarks never go back.
  virtual Task<> OnWatermark(int64_t watermark_ms, Output* out) { co_return Status::OK(); }
  // The watermark that goes on: behind the one that came, for an operator that still sends rows
  // of earlier times.
  virtual int64_t HeldBack(int64_t watermark_ms) const { return watermark_ms; }
  // Whether OnTime is called: some fifty times a second, with the wall clock.
  virtual bool wants_time() const { return false; }
  virtual Task<> OnTime(int64_t now_ms, Output* out) { co_return Status::OK(); }
  // One input of several has ended, others go on. Told again after each start.
  virtual void OnInputEnd(int input) {}
  // All inputs have ended; the watermark kEndOfTime has come before.
  virtual Task<> Finish(Output* out) { co_return Status::OK(); }

  // At a barrier. Must not wait, nor look at each entry of its state.
  virtual Result<OperatorSnapshot> Snapshot() { return OperatorSnapshot{}; }
};

}  // namespace mainstem::process
