// Pieces of which operators make the stored form of their values: numbers as they are in memory
// (little endian), texts behind a u32 length.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace mainstem::process {

template <typename T>
requires std::is_arithmetic_v<T>
void PutNumber(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

inline void PutText(std::string_view text, std::string* out) {
  PutNumber(static_cast<uint32_t>(text.size()), out);
  out->append(text);
}

// Takes a number off the front of `bytes`; false when there are too few.
template <typename T>
requires std::is_arithmetic_v<T>
bool TakeNumber(std::string_view* bytes, T* value) {
  if (bytes->size() < sizeof(T)) return false;
  std::memcpy(value, bytes->data(), sizeof(T));
  bytes->remove_prefix(sizeof(T));
  return true;
}

// The same; the text is a view into `bytes`.
inline bool TakeText(std::string_view* bytes, std::string_view* text) {
  uint32_t length = 0;
  if (!TakeNumber(bytes, &length) || bytes->size() < length) return false;
  *text = bytes->substr(0, length);
  bytes->remove_prefix(length);
  return true;
}

}  // namespace mainstem::process
