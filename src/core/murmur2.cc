#include "core/murmur2.h"

#include <cstring>

namespace mainstem {

uint32_t Murmur2(std::string_view bytes) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(bytes.size());
  size_t whole = bytes.size() & ~size_t{3};
  for (size_t i = 0; i < whole; i += 4) {
    uint32_t block;
    std::memcpy(&block, bytes.data() + i, 4);  // little-endian, as on x86-64 and arm64
    block *= kMultiplier;
    block ^= block >> 24;
    hash = hash * kMultiplier ^ block * kMultiplier;
  }
  if (size_t rest = bytes.size() - whole; rest > 0) {
    for (size_t i = rest; i-- > 0;) {
      hash ^= static_cast<uint32_t>(static_cast<unsigned char>(bytes[whole + i])) << (8 * i);
    }
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  return hash ^ hash >> 15;
}

}  // namespace mainstem
