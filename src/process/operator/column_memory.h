// The memory of columns: batches on their way between operators, files being encoded, decoded
// pages. Arrow's pool counts them, for the whole process; this leases what it counts from the
// node's budget. Sources ask before each batch, so that a job that can't get on stops reading.
#pragma once

#include <cstdint>
#include <mutex>

#include "core/memory_budget.h"

namespace mainstem::process {

class ColumnMemory {
 public:
  // `reserve` is always there; what goes beyond it is leased from `budget` (outlives this).
  ColumnMemory(MemoryBudget* budget, MemoryLease reserve)
      : budget_(budget), reserve_(std::move(reserve)) {}

  // True when all columns that are in memory now fit. False: wait. kResourceExhausted, naming the
  // flag to raise, when they are more than the whole budget. Any thread.
  Result<bool> Admit();
  // What is leased beyond the reserve.
  int64_t leased_bytes() const;

 private:
  static constexpr int64_t kChunkBytes = 1 << 20;

  MemoryBudget* budget_;
  MemoryLease reserve_;
  mutable std::mutex mutex_;
  MemoryLease extra_;
};

}  // namespace mainstem::process
