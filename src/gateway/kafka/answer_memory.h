// The memory that the answer to one request takes until it is sent: leased from the node's budget
// before records are read, so that many fetches, or slow consumers, wait instead of growing the
// process. Lives with the request, on the shard of the connection.
#pragma once

#include "core/env.h"
#include "core/memory_budget.h"

namespace mainstem::gateway::kafka {

class AnswerMemory {
 public:
  AnswerMemory() = default;
  explicit AnswerMemory(MemoryBudget* budget) : budget_(budget) {}

  // Leases `wanted` bytes, or as many as there are, but not fewer than a small part that is enough
  // to go on; waits while there is not even that. Answers take at most half of what is shared: what
  // producers send has the other half. Gives what is leased now.
  Task<int64_t> Lease(int64_t wanted);
  // The same for an answer that takes `bytes` whatever is there, so that many of them wait for each
  // other. A small one takes none: clients get in also when consumers hold what there is.
  Task<> LeaseFor(int64_t bytes);
  // The same; kMessageTooLarge when there can never be as much.
  Task<> LeaseWhole(int64_t bytes);
  // To what the answer really takes. One batch may be larger than what was leased: it is taken
  // along if it fits, and else sent unaccounted, because a consumer could never get past it.
  void Settle(int64_t bytes);

 private:
  MemoryBudget* budget_ = nullptr;
  MemoryLease lease_;
};

}  // namespace mainstem::gateway::kafka
