// Runs one operator over hand-made batches on an inline pool, for tests.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/sim/sim_env.h"
#include "process/operator/operator_chain.h"

namespace mainstem::process::optest {

// Columns by type letter: "s" STRING, "l" BIGINT, "t" TIMESTAMP(3) in ms. A row is its kind and its
// fields: {"+I", "a", "1"}; "-" is NULL.
ChangelogBatch MakeBatch(const std::string& types,
                         const std::vector<std::vector<std::string>>& rows);
// "+I a 1", "-U a 1" ...; watermarks as "wm 5", the end as "end".
std::vector<std::string> ToLines(const Element& element);

// Takes elements in, keeps what comes out.
class OperatorBench {
 public:
  struct Place {
    int subtask = 0;
    int parallelism = 1;
  };
  OperatorBench(std::unique_ptr<Operator> op, std::vector<std::string> restored_blobs = {},
                std::vector<std::string> restore_from = {}, StateBackendFactory* factory = nullptr,
                Place place = {0, 1});
  ~OperatorBench();
  // The lines that this element made come out.
  std::vector<std::string> Push(Element element, int input = 0);
  // The same on a busy shard, where a slice is over whenever an operator looks; how often another
  // task had its turn before the element was through.
  int TurnsOfOthers(Element element, std::vector<std::string>* lines);
  // Snapshot, written and checkpointed in `directory`; the operator's blob.
  std::string Checkpoint(const std::string& directory);
  // The clock on the wall goes on.
  void Wait(std::chrono::milliseconds by) { env_.JumpWallTime(by); }
  OperatorMetrics& metrics() { return metrics_; }

 private:
  class Sink;
  SimDisk disk_{1};
  SimEnv env_{&disk_, {.seed = 1}};
  std::unique_ptr<StateBackendFactory> own_factory_;
  std::unique_ptr<StateBackend> backend_;
  OperatorMetrics metrics_;
  StateMemory state_memory_{32u << 20};
  OperatorContext context_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<OperatorChain> chain_;
};

}  // namespace mainstem::process::optest
