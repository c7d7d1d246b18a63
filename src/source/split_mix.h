// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"): a well mixed
// number for each input. What made-up rows are made of; changing it changes them.
#pragma once

#include <cstdint>

namespace mainstem::source {

inline uint64_t SplitMix64(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace mainstem::source
