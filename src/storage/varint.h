// Zig-zag variable-length integers, as in Kafka's record format (protobuf's sint64).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace mainstem::storage {

inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline size_t VarintSize(int64_t value) {
  return static_cast<size_t>((std::bit_width(ZigZag(value) | 1) + 6) / 7);
}

}  // namespace mainstem::storage
