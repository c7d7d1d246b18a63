// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv): the same number for the same bytes for ever,
// so that it may stand in names of files. Not for hash tables, nor against those who wish to
// collide.
#pragma once

#include <cstdint>
#include <string_view>

namespace mainstem {

inline constexpr uint64_t kFnv1aStart = 14695981039346656037ull;

// Of more bytes behind those that `hash` is of.
constexpr uint64_t Fnv1a(std::string_view bytes, uint64_t hash = kFnv1aStart) {
  for (char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  return hash;
}

}  // namespace mainstem
