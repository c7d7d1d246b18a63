// Memory for what is read of the log to answer with.
#pragma once

#include <algorithm>
#include <optional>

#include "core/memory_budget.h"

namespace mainstem::gateway::http {

// Half of what is shared is left for what comes in. nullopt: none is left now. Without a budget
// (null) there is always room.
inline std::optional<MemoryLease> TryLeaseAnswer(MemoryBudget* memory, int64_t bytes) {
  if (memory == nullptr) return MemoryLease();
  int64_t leave = memory->shared_bytes() / 2;
  MemoryLease lease = memory->TryLease(std::min(bytes, leave), leave);
  if (lease.bytes() == 0) return std::nullopt;
  return lease;
}

}  // namespace mainstem::gateway::http
