// What a state table keeps of one key, and lists of those that have changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "process/state/key_group.h"

namespace mainstem::process {

// One key's entry. Its address is stable while it is in the table. Operators use value(), the key
// and the scratch fields; the rest is the table's.
struct alignas(16) StateEntry {
  uint64_t hash = 0;
  int64_t name_space = 0;
  uint32_t key_size = 0;
  uint32_t heap_bytes = 0;
  // The operator's own, for one batch: position of the entry in the batch's list of groups.
  uint32_t batch_stamp = 0;
  uint32_t batch_group = 0;
  uint32_t clock_slot = 0;
  uint32_t dirty_slot = 0;
  uint32_t namespace_slot = 0;
  uint16_t value_units = 0;     // of kUnit bytes
  uint8_t dirty_mark = 0;       // 0: clean; else one of two that change with each snapshot
  bool is_new : 1 = true;       // made by Resolve and not yet kept: see StateTable::Resolve
  bool is_deleted : 1 = false;  // kept only until its deletion is stored
  bool is_stored : 1 = false;   // the backend may hold a value for this key
  bool was_used : 1 = true;     // since the clock's hand passed
  uint8_t flight_mark : 4 = 0;  // of the snapshot that it was last in

  static constexpr size_t kUnit = 16;
  size_t value_size() const { return value_units * kUnit; }
  std::byte* value() { return reinterpret_cast<std::byte*>(this + 1); }
  std::string_view key() const {
    return {reinterpret_cast<const char*>(this + 1) + value_size(), key_size};
  }
  int key_group() const { return KeyGroupOf(hash); }
};

static_assert(sizeof(StateEntry) == 48, "one of each key: each byte counts");

// Entries by their first change. An entry is in one list at most, and knows its slot.
class DirtyEntries {
 public:
  size_t size() const { return entries_.size() - holes_; }
  bool empty() const { return size() == 0; }
  void Add(StateEntry* entry);
  void Remove(StateEntry* entry);
  StateEntry* TakeFirst();  // there must be one

 private:
  void DropHoles();
  std::deque<StateEntry*> entries_;  // null: removed since
  uint32_t begin_ = 0;               // the slot of the first
  size_t holes_ = 0;
};

}  // namespace mainstem::process
