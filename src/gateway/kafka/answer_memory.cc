#include "gateway/kafka/answer_memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/sync.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr int64_t kLeastBytes = 64 << 10;
constexpr Duration kRetry = std::chrono::milliseconds(10);

}  // namespace

Task<int64_t> AnswerMemory::Lease(int64_t wanted) {
  lease_.Release();
  int64_t leave = budget_->shared_bytes() / 2;
  int64_t least = std::min({wanted, kLeastBytes, leave});
  if (wanted <= 0) co_return int64_t{0};
  for (;;) {
    for (int64_t bytes = std::min(wanted, leave);; bytes = std::max(bytes / 2, least)) {
      lease_ = budget_->TryLease(bytes, leave);
      if (lease_.bytes() > 0 || bytes <= least) break;
    }
    if (lease_.bytes() > 0) co_return lease_.bytes();
    CO_RETURN_IF_ERROR(co_await Sleep(kRetry));
  }
}

Task<> AnswerMemory::LeaseFor(int64_t bytes) {
  if (bytes <= kLeastBytes || budget_ == nullptr) co_return Status::OK();
  co_return (co_await Lease(bytes)).status();
}

Task<> AnswerMemory::LeaseWhole(int64_t bytes) {
  if (budget_ != nullptr && bytes > budget_->shared_bytes() / 2) {
    co_return MakeError(
        ErrorCode::kMessageTooLarge,
        {.message = fmt::format("the answer to a request may take {} bytes of memory", bytes),
         .hint = "ask for less at once, or give the node more with --memory"});
  }
  co_return co_await LeaseFor(bytes);
}

void AnswerMemory::Settle(int64_t bytes) {
  if (lease_.bytes() == 0) return;
  (void)lease_.Resize(bytes);
}

}  // namespace mainstem::gateway::kafka
