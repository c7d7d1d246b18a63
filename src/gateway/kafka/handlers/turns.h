// Gives other work of the shard a turn now and then within a long loop.
#pragma once

#include "core/sync.h"

namespace mainstem::gateway::kafka {

class Turns {
 public:
  // After so many small steps.
  Task<> After(int64_t steps) {
    count_ += steps;
    if (count_ < kStepsInARow) co_return Status::OK();
    count_ = 0;
    co_return co_await Yield();
  }

 private:
  static constexpr int64_t kStepsInARow = 1000;
  int64_t count_ = 0;
};

}  // namespace mainstem::gateway::kafka
