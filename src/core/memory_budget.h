// The hard memory budget: what is accounted leases its bytes here before it allocates. Whoever
// must always go on (sinks, operators, the admin door) reserves its minimum at start or is refused
// with a clear message; the rest is shared first come, first served, and a lease that is refused
// means back-pressure at the caller, never an unbounded queue. Thread-safe, lock-free.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "core/status.h"

namespace mainstem {

class MemoryBudget;

// Bytes taken from a budget; given back by the destructor. Movable.
class MemoryLease {
 public:
  MemoryLease() = default;
  MemoryLease(MemoryLease&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryLease& operator=(MemoryLease&& other) noexcept;
  ~MemoryLease() { Release(); }

  int64_t bytes() const { return bytes_; }
  // As MemoryBudget::TryResize, of a lease that is not empty.
  [[nodiscard]] bool Resize(int64_t bytes);
  void Release();

 private:
  friend class MemoryBudget;
  MemoryLease(MemoryBudget* budget, int64_t bytes) : budget_(budget), bytes_(bytes) {}
  MemoryBudget* budget_ = nullptr;
  int64_t bytes_ = 0;
};

class MemoryBudget {
 public:
  // `total_bytes`: the accounted part, about 70% of what the user allows the process.
  explicit MemoryBudget(int64_t total_bytes) : total_(total_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;

  // A lease from the shared part, or an empty one (bytes() == 0) when it does not fit now. With
  // `leave_bytes` it also does not fit when less than that would be left for others.
  MemoryLease TryLease(int64_t bytes, int64_t leave_bytes = 0);
  // Makes a lease of this budget, or an empty one, that size. Growing may be refused, as by
  // TryLease, and then nothing changes.
  [[nodiscard]] bool TryResize(MemoryLease* lease, int64_t bytes, int64_t leave_bytes = 0);
  // For what must exist: kResourceExhausted, naming `holder` and the flag to raise. Made at start;
  // what it takes is never in the shared part again.
  Result<MemoryLease> Reserve(int64_t bytes, const std::string& holder);

  int64_t total_bytes() const { return total_; }
  // The shared part: a lease of more than that would never fit.
  int64_t shared_bytes() const { return total_ - reserved_.load(std::memory_order_relaxed); }
  int64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }
  int64_t refused_count() const { return refused_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryLease;
  bool Take(int64_t bytes, int64_t leave_bytes = 0);
  void Give(int64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  const int64_t total_;
  std::atomic<int64_t> used_{0};
  std::atomic<int64_t> reserved_{0};
  std::atomic<int64_t> refused_{0};
};

}  // namespace mainstem
