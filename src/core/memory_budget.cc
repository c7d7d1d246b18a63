#include "core/memory_budget.h"

#include <fmt/format.h>

namespace mainstem {

MemoryLease& MemoryLease::operator=(MemoryLease&& other) noexcept {
  if (this != &other) {
    Release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

bool MemoryLease::Resize(int64_t bytes) {
  CHECK(budget_ != nullptr);
  return budget_->TryResize(this, bytes);
}

void MemoryLease::Release() {
  if (budget_ != nullptr) budget_->Give(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

bool MemoryBudget::Take(int64_t bytes, int64_t leave_bytes) {
  int64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used + bytes + leave_bytes > total_) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

MemoryLease MemoryBudget::TryLease(int64_t bytes, int64_t leave_bytes) {
  CHECK(bytes >= 0);
  return Take(bytes, leave_bytes) ? MemoryLease(this, bytes) : MemoryLease();
}

bool MemoryBudget::TryResize(MemoryLease* lease, int64_t bytes, int64_t leave_bytes) {
  CHECK(lease->budget_ == nullptr || lease->budget_ == this);
  CHECK(bytes >= 0);
  int64_t delta = bytes - lease->bytes_;
  if (delta > 0 && !Take(delta, leave_bytes)) return false;
  if (delta < 0) Give(-delta);
  lease->budget_ = this;
  lease->bytes_ = bytes;
  return true;
}

Result<MemoryLease> MemoryBudget::Reserve(int64_t bytes, const std::string& holder) {
  CHECK(bytes >= 0);
  if (Take(bytes)) {
    reserved_.fetch_add(bytes, std::memory_order_relaxed);
    return MemoryLease(this, bytes);
  }
  return MakeError(
      ErrorCode::kResourceExhausted,
      {.message = fmt::format("not enough memory for {}: it needs {} MiB", holder,
                              (bytes + (1 << 20) - 1) >> 20),
       .detail = fmt::format("{} of {} MiB are in use", used_bytes() >> 20, total_ >> 20),
       .hint = "give the node more with --memory, or run fewer jobs"});
}

}  // namespace mainstem
