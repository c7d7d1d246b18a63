#include "process/state/state_entry.h"

namespace mainstem::process {
namespace {

// A list may have so many places of removed entries in any case.
constexpr size_t kHolesMin = 1024;
// An entry is brought into the processor's cache while so many before it are worked on.
constexpr size_t kFetchedAhead = 8;

}  // namespace

void DirtyEntries::Add(StateEntry* entry) {
  if (holes_ > kHolesMin && holes_ > entries_.size() / 2) DropHoles();
  entry->dirty_slot = begin_ + static_cast<uint32_t>(entries_.size());
  entries_.push_back(entry);
}

void DirtyEntries::Remove(StateEntry* entry) {
  entries_[entry->dirty_slot - begin_] = nullptr;
  ++holes_;
}

StateEntry* DirtyEntries::TakeFirst() {
  for (;; --holes_) {
    StateEntry* entry = entries_.front();
    entries_.pop_front();
    ++begin_;
    if (entry == nullptr) continue;
    if (entries_.size() > kFetchedAhead) {
      const auto* ahead = reinterpret_cast<const char*>(entries_[kFetchedAhead]);
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + 64);
    }
    return entry;
  }
}

void DirtyEntries::DropHoles() {
  std::erase(entries_, nullptr);
  begin_ = 0;
  for (size_t i = 0; i < entries_.size(); ++i) entries_[i]->dirty_slot = static_cast<uint32_t>(i);
  holes_ = 0;
}

}  // namespace mainstem::process
