#include "gateway/kinesis/subscriptions.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr Duration kTooFresh = std::chrono::seconds(5);

}  // namespace

std::optional<uint64_t> Subscriptions::Begin(const Key& key, TimePoint now) {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(key);
  if (it != entries_.end() && now - it->second.began < kTooFresh) return std::nullopt;
  entries_[key] = {.number = ++last_number_, .began = now};
  return last_number_;
}

bool Subscriptions::IsCurrent(const Key& key, uint64_t number) const {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(key);
  return it != entries_.end() && it->second.number == number;
}

void Subscriptions::End(const Key& key, uint64_t number) {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(key);
  if (it != entries_.end() && it->second.number == number) entries_.erase(it);
}

}  // namespace mainstem::gateway::kinesis
