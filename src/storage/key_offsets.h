// The newest offset of each key: the memory of one pass of compaction. Keys are told apart by 128
// bits of SipHash under a random seed, so that nobody can make two keys fall together. One owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace mainstem::storage {

struct KeyHash {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const KeyHash&) const = default;
};
using KeyHashSeed = std::array<uint64_t, 2>;
// SipHash-2-4 with 128 bits.
KeyHash HashKey(std::string_view key, const KeyHashSeed& seed);

class KeyOffsets {
 public:
  // Takes at most `bytes_max` of memory, also while it grows, but has room for a few keys always.
  KeyOffsets(size_t bytes_max, KeyHashSeed seed);

  // Offsets of a key ascend. False: there is no room for another key.
  bool Put(std::string_view key, Offset offset);
  std::optional<Offset> Find(std::string_view key) const;
  size_t size() const { return size_; }

 private:
  struct Slot {
    KeyHash key;
    int64_t offset = -1;  // -1: free
  };
  static size_t FindSlot(const std::vector<Slot>& slots, const KeyHash& key);
  void Grow();

  const size_t slot_count_max_;
  const KeyHashSeed seed_;
  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace mainstem::storage
