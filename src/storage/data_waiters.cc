#include "storage/data_waiters.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace mainstem::storage {
namespace {

using Numbered = std::pair<uint64_t, std::shared_ptr<DataWaiter>>;

// On its own thread.
void Fire(std::shared_ptr<DataWaiter> waiter) {
  Executor executor = waiter->executor;
  executor.scheduler()->Post(UniqueFunction([waiter = std::move(waiter)] {
    waiter->fired = true;
    waiter->event.NotifyAll();
  }));
}

void FireInOrder(std::vector<Numbered> due) {
  if (due.size() > 1) {
    std::sort(due.begin(), due.end(),
              [](const Numbered& a, const Numbered& b) { return a.first < b.first; });
  }
  for (Numbered& one : due) Fire(std::move(one.second));
}

}  // namespace

void DataWaiters::FireBefore(Offset end) {
  if (waiting_.empty()) return;
  std::vector<Numbered> due;
  absl::erase_if(waiting_, [&](const auto& entry) {
    if (end <= entry.second.beyond) return false;
    due.emplace_back(entry.second.number, entry.first);
    return true;
  });
  FireInOrder(std::move(due));
}

void DataWaiters::FireAll() {
  std::vector<Numbered> due;
  for (auto& [waiter, wait] : waiting_) due.emplace_back(wait.number, waiter);
  waiting_.clear();
  FireInOrder(std::move(due));
}

}  // namespace mainstem::storage
