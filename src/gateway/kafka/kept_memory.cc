#include "gateway/kafka/kept_memory.h"

#include <algorithm>

namespace mainstem::gateway::kafka {
namespace {

// Not leased: clients get in also when others hold all there is.
constexpr int64_t kFreeBytes = 256 << 10;

}  // namespace

bool KeptMemory::Lease(int64_t bytes) {
  return budget_->TryResize(&lease_, std::max<int64_t>(0, bytes - kFreeBytes));
}

bool KeptMemory::HasRoomFor(int64_t growth) {
  if (budget_ == nullptr || growth <= 0) return true;
  return bytes_ + growth <= budget_->shared_bytes() / parts_ && Lease(bytes_ + growth);
}

void KeptMemory::Change(int64_t by) {
  bytes_ += by;
  // More than may be leased: nothing is added before some of it is gone.
  if (budget_ != nullptr) (void)Lease(bytes_);
}

}  // namespace mainstem::gateway::kafka
