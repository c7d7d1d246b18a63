// Reading and writing integers at given places: big-endian for Kafka's formats, little-endian for
// our own, zigzag varints for records. Pure; the caller has checked the room.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mainstem::storage {

static_assert(std::endian::native == std::endian::little);

template <typename T>
T LoadLittle(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}
template <typename T>
void StoreLittle(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

inline uint16_t SwapBytes(uint16_t v) { return __builtin_bswap16(v); }
inline uint32_t SwapBytes(uint32_t v) { return __builtin_bswap32(v); }
inline uint64_t SwapBytes(uint64_t v) { return __builtin_bswap64(v); }

template <typename T>
T LoadBig(const std::byte* at) {
  return static_cast<T>(SwapBytes(LoadLittle<std::make_unsigned_t<T>>(at)));
}
template <typename T>
void StoreBig(std::byte* at, T value) {
  StoreLittle(at, SwapBytes(static_cast<std::make_unsigned_t<T>>(value)));
}

// Takes a zigzag varint off the front; false when it is cut off or longer than 64 bits.
inline bool TakeVarint(std::span<const std::byte>* bytes, int64_t* value) {
  uint64_t raw = 0;
  size_t size = bytes->size() < 10 ? bytes->size() : 10;
  for (size_t i = 0; i < size; ++i) {
    uint64_t byte = static_cast<uint64_t>((*bytes)[i]);
    raw |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
      *bytes = bytes->subspan(i + 1);
      return true;
    }
  }
  return false;
}

}  // namespace mainstem::storage
