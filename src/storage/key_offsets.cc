// HOT PATH: Put and Find run for each record that compaction reads. Budget: 60 ns for a short key.
#include "storage/key_offsets.h"

#include <algorithm>
#include <bit>

#include "storage/bytes.h"

namespace mainstem::storage {
namespace {

constexpr size_t kSlotCountMin = 64;

struct SipState {
  uint64_t v0, v1, v2, v3;
  void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void Take(uint64_t block) {
    v3 ^= block;
    Round();
    Round();
    v0 ^= block;
  }
  uint64_t Finish() {
    for (int i = 0; i < 4; ++i) Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

KeyHash HashKey(std::string_view key, const KeyHashSeed& seed) {
  SipState state{seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d ^ 0xee,
                 seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573};
  const std::byte* at = reinterpret_cast<const std::byte*>(key.data());
  size_t rest = key.size();
  for (; rest >= 8; rest -= 8, at += 8) state.Take(LoadLittle<uint64_t>(at));
  uint64_t last = static_cast<uint64_t>(key.size()) << 56;
  for (size_t i = 0; i < rest; ++i) last |= static_cast<uint64_t>(at[i]) << (8 * i);
  state.Take(last);
  state.v2 ^= 0xee;
  KeyHash hash;
  hash.low = state.Finish();
  state.v1 ^= 0xdd;
  hash.high = state.Finish();
  return hash;
}

// While it grows, the old table (half the size) is there, too.
KeyOffsets::KeyOffsets(size_t bytes_max, KeyHashSeed seed)
    : slot_count_max_(std::max(kSlotCountMin, bytes_max / sizeof(Slot) * 2 / 3)),
      seed_(seed),
      slots_(kSlotCountMin) {}

size_t KeyOffsets::FindSlot(const std::vector<Slot>& slots, const KeyHash& key) {
  unsigned __int128 product = static_cast<unsigned __int128>(key.low) * slots.size();
  size_t index = static_cast<size_t>(product >> 64);
  while (slots[index].offset >= 0 && slots[index].key != key) {
    if (++index == slots.size()) index = 0;
  }
  return index;
}

void KeyOffsets::Grow() {
  std::vector<Slot> larger(std::min(slots_.size() * 2, slot_count_max_));
  for (const Slot& slot : slots_) {
    if (slot.offset >= 0) larger[FindSlot(larger, slot.key)] = slot;
  }
  slots_ = std::move(larger);
}

bool KeyOffsets::Put(std::string_view key, Offset offset) {
  KeyHash hash = HashKey(key, seed_);
  size_t index = FindSlot(slots_, hash);
  if (slots_[index].offset < 0) {
    if (size_ >= slots_.size() / 4 * 3) {
      if (slots_.size() == slot_count_max_) return false;
      Grow();
      index = FindSlot(slots_, hash);
      if (size_ >= slots_.size() / 4 * 3) return false;
    }
    ++size_;
    slots_[index].key = hash;
  }
  slots_[index].offset = std::max(slots_[index].offset, offset.value());
  return true;
}

std::optional<Offset> KeyOffsets::Find(std::string_view key) const {
  const Slot& slot = slots_[FindSlot(slots_, HashKey(key, seed_))];
  if (slot.offset < 0) return std::nullopt;
  return Offset(slot.offset);
}

}  // namespace mainstem::storage
