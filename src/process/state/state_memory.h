// The memory for the hot state of all jobs, shared by their tables: one that needs much takes what
// the others leave. Thread-safe, lock-free; a table tells what it holds once for each batch.
//
// Together the tables stay below the limit. From three quarters of it on a table that holds more
// than an even share gives back; only at the limit one that holds less does, so that a table that
// is at rest and keeps much never takes the last quarter from those at work.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mainstem::process {

class StateMemory {
 public:
  explicit StateMemory(size_t limit_bytes) : limit_(static_cast<int64_t>(limit_bytes)) {}
  StateMemory(const StateMemory&) = delete;
  StateMemory& operator=(const StateMemory&) = delete;

  void Enter() { tables_.fetch_add(1, std::memory_order_relaxed); }
  void Leave() { tables_.fetch_sub(1, std::memory_order_relaxed); }
  // What a table holds has grown by so much (or shrunk, below 0).
  void Change(int64_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }

  // Whether a table that holds `own` bytes has to give back; `untold` of them are not yet told.
  bool IsOver(int64_t own, int64_t untold) const {
    const int64_t used = used_.load(std::memory_order_relaxed) + untold;
    const int64_t share = limit_ / tables_.load(std::memory_order_relaxed);
    return (own > share && used > limit_ - limit_ / 4) || (own > share / 4 && used > limit_);
  }

  int64_t limit_bytes() const { return limit_; }
  int64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }

 private:
  const int64_t limit_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> tables_{0};
};

}  // namespace mainstem::process
