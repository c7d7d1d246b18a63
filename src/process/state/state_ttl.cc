// Time to live of a state table's entries.
//
// Stored form of an entry that has one: 0xFE | i64 when it was changed last (ms since 1970, little
// endian) | the value's own form, whose first byte, a version, is never 0xFE.
#include <cstring>

#include "process/state/state_table.h"

namespace mainstem::process {
namespace {

constexpr char kStamped = static_cast<char>(0xFE);
constexpr size_t kStampBytes = 1 + sizeof(int64_t);
// Entries that Sweep looks at: once for each batch.
constexpr size_t kSweepSteps = 256;

}  // namespace

void StateTable::ReadClock() {
  if (has_ttl()) now_ms_ = options_.clock->WallTime().value();
}

void StateTable::Stamp(StateEntry* entry, int64_t changed_at_ms) {
  std::memcpy(ChangedAt(entry), &changed_at_ms, sizeof(changed_at_ms));
}

bool StateTable::IsExpired(StateEntry* entry) const {
  if (!has_ttl() || entry->is_deleted) return false;
  int64_t changed_at_ms = 0;
  std::memcpy(&changed_at_ms, ChangedAt(entry), sizeof(changed_at_ms));
  if (now_ms_ - changed_at_ms < options_.ttl_ms) return false;
  return !options_.is_held || !options_.is_held(entry->value());
}

StateEntry* StateTable::Expire(StateEntry* entry) {
  if (IsPending(entry)) Unpend(entry);  // which stays, as it is not deleted
  const bool leaves_memory = !entry->is_stored && !IsInFlight(entry);
  Delete(entry);
  return leaves_memory ? nullptr : entry;
}

void StateTable::Revive(StateEntry* entry) {
  entry->is_deleted = false;
  entry->is_new = true;
  ++live_count_;
  Link(entry);
  if (has_ttl()) Stamp(entry, now_ms_);
}

// So that keys that never come again leave memory: some entries at a time.
void StateTable::Sweep() {
  ReadClock();
  for (size_t step = 0; step < kSweepSteps && !clock_.empty(); ++step) {
    if (sweep_hand_ >= clock_.size()) sweep_hand_ = 0;
    StateEntry* entry = clock_[sweep_hand_];
    // Where it leaves memory the last entry takes its slot: the hand stays.
    if (!IsExpired(entry) || Expire(entry) != nullptr) ++sweep_hand_;
  }
}

void StateTable::PutStamp(StateEntry* entry, std::string* out) const {
  out->push_back(kStamped);
  out->append(ChangedAt(entry), sizeof(int64_t));
}

int64_t StateTable::TakeStamp(std::string_view* bytes) const {
  if (bytes->size() < kStampBytes || (*bytes)[0] != kStamped) return now_ms_;
  int64_t changed_at_ms = 0;
  std::memcpy(&changed_at_ms, bytes->data() + 1, sizeof(changed_at_ms));
  bytes->remove_prefix(kStampBytes);
  return changed_at_ms;
}

}  // namespace mainstem::process
