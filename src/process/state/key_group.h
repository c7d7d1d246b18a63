// Key groups: the fixed number of shares into which all keys of a job are cut, so that state can
// move between subtasks when the parallelism changes. A key's group follows from its hash alone and
// never changes; which subtask owns a group follows from the parallelism. Pure functions, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mainstem::process {

// Part of the state's format: never change it.
inline constexpr int kKeyGroupCount = 128;

// A 64-bit hash that is the same in every process and version (murmur3's mixing, 8 bytes a step).
uint64_t StableHash(std::string_view bytes);

inline int KeyGroupOf(uint64_t hash) { return static_cast<int>(hash >> 57); }
static_assert(kKeyGroupCount == 1 << (64 - 57));

// [begin, end) of the groups that subtask `index` of `parallelism` owns: contiguous and even.
struct KeyGroupRange {
  int begin = 0;
  int end = kKeyGroupCount;
  bool Contains(int group) const { return group >= begin && group < end; }
  bool operator==(const KeyGroupRange&) const = default;
};
inline KeyGroupRange KeyGroupsOf(int index, int parallelism) {
  return {(index * kKeyGroupCount + parallelism - 1) / parallelism,
          ((index + 1) * kKeyGroupCount + parallelism - 1) / parallelism};
}
inline int SubtaskOf(int key_group, int parallelism) {
  return key_group * parallelism / kKeyGroupCount;
}

}  // namespace mainstem::process
