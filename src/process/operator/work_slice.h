// How long a subtask works before others on its shard go first. What takes long inside an operator
// is cut into pieces: it looks here between them, and each batch that it emits is such a place.
// Owned by the subtask, used on its shard only.
#pragma once

#include "core/executor.h"
#include "process/operator/operator.h"

namespace mainstem::process {

class WorkSlice {
 public:
  static constexpr Duration kLength = std::chrono::microseconds(300);
  explicit WorkSlice(const Scheduler* scheduler) : scheduler_(scheduler) {}

  bool IsOver() const { return scheduler_->Now() - began_ > kLength; }
  void Begin() { began_ = scheduler_->Now(); }
  // Lets others go first, then begins anew.
  Task<> Rest();
  // All the time in Rest.
  Duration rested() const { return rested_; }

 private:
  const Scheduler* scheduler_;
  TimePoint began_{};
  Duration rested_{0};
};

// Whether the operator should Rest before it goes on.
inline bool IsSliceOver(const OperatorContext& context) {
  return context.slice != nullptr && context.slice->IsOver();
}

}  // namespace mainstem::process
