// Operators of one subtask, one after the other without queues: an element given to the first runs
// through all of them and leaves by the last one's output.
#pragma once

#include <memory>
#include <vector>

#include "process/operator/operator.h"

namespace mainstem::process {

// What a chain hands over at a barrier, all operators together.
struct ChainSnapshot {
  std::vector<StateTable*> tables;                 // whose snapshots have begun
  std::vector<std::pair<int, std::string>> blobs;  // (operator id, blob), those not empty
  std::vector<storage::EpochCommit::Append> appends;
};

// Lifecycle: Add all, Open, Push. Owned by a subtask, used on its shard only. The final output and
// the contexts outlive it.
class OperatorChain {
 public:
  explicit OperatorChain(Output* final_output) : final_output_(final_output) {}
  void Add(std::unique_ptr<Operator> op, const OperatorContext* context);

  Task<> Open();
  // `input` is the first operator's. Barriers pass through untouched: call Snapshot before.
  Task<> Push(int input, Element element);
  Result<ChainSnapshot> Snapshot();
  bool empty() const { return links_.empty(); }
  bool wants_time() const;

 private:
  // An operator together with the way on from it.
  struct Link final : Output {
    std::unique_ptr<Operator> op;
    const OperatorContext* context = nullptr;
    OperatorChain* chain = nullptr;
    size_t index = 0;
    int64_t watermark_ms = kNoWatermark;  // the highest that has come, over restarts
    Task<> Emit(Element element) override;
  };
  Task<> PushTo(size_t index, int input, Element element);

  std::vector<std::unique_ptr<Link>> links_;
  Output* final_output_;
};

}  // namespace mainstem::process
