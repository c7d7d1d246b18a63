// The memory of what clients leave with the node until they say, or time says, that it is over:
// members of groups, transactional ids. Leased from the node's budget, of which it may have a part.
// Used on the shard of its owner.
#pragma once

#include "core/memory_budget.h"

namespace mainstem::gateway::kafka {

// Longer ids of groups and transactions are refused.
inline constexpr size_t kIdBytesMax = 1024;

class KeptMemory {
 public:
  // 1/`parts` of what is shared. Borrows the budget; without one there is no limit.
  KeptMemory(MemoryBudget* budget, int64_t parts) : budget_(budget), parts_(parts) {}

  // Whether it may grow by that much now.
  bool HasRoomFor(int64_t growth);
  // It has grown, or shrunk. What was there before a start counts, however much it is.
  void Change(int64_t by);

 private:
  bool Lease(int64_t bytes);

  MemoryBudget* const budget_;
  const int64_t parts_;
  int64_t bytes_ = 0;
  MemoryLease lease_;
};

}  // namespace mainstem::gateway::kafka
