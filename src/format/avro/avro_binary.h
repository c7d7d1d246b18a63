// Avro's binary encoding: numbers, lengths, blocks. For format/ and
// formats built on Avro.
//
//   int, long   zigzag, then 7 bits a byte from the lowest, the high bit set where more follow
//   float       4 bytes, double 8, little-endian IEEE 754
//   bytes       length as long, then the bytes; string is the same in UTF-8
//   array, map  blocks: count as long (negative: -count, then the block's bytes as long), then the
//               items; ended by a block of 0. A map's items have a string in front.
//   union       index of the branch as long, then its value
//   fixed       its bytes; enum the index as int; record its fields in order; null nothing
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "format/avro/avro_schema.h"

namespace mainstem::format {

// Values within values, of data: reading recurses.
inline constexpr int kMaxAvroDepth = 100;
// Items that take no bytes cost memory all the same.
inline constexpr int64_t kMaxEmptyItems = 100000;

// Reads from the front of its bytes. The first error stays: all reads after it fail.
class AvroInput {
 public:
  explicit AvroInput(std::string_view bytes) : bytes_(bytes) {}

  bool Long(int64_t* value);
  bool Int(int32_t* value);
  bool Float(float* value) { return Raw(value, sizeof(*value)); }
  bool Double(double* value) { return Raw(value, sizeof(*value)); }
  bool Boolean(bool* value);
  bool Bytes(std::string_view* value);  // with its length in front
  bool Fixed(size_t size, std::string_view* value);
  // The next block of an array or map whose items take at least so many bytes; 0: the end.
  bool BlockCount(int64_t least_item_bytes, int64_t* count);
  // Index of a union's or enum's choice.
  bool Choice(size_t count, size_t* index);
  // Passes over a value.
  bool Skip(const AvroType& type, int depth);

  bool Fail(std::string problem);
  const std::string& error() const { return error_; }
  bool failed() const { return !error_.empty(); }
  size_t left() const { return bytes_.size() - position_; }
  size_t position() const { return position_; }

 private:
  bool Raw(void* value, size_t size) {
    if (failed()) return false;
    if (left() < size) return Fail("the data ends too early");
    std::memcpy(value, bytes_.data() + position_, size);
    position_ += size;
    return true;
  }
  bool SkipItems(const AvroType& type, int depth);

  std::string_view bytes_;
  size_t position_ = 0;
  int64_t empty_items_ = 0;
  std::string error_;
};

void AppendAvroLong(int64_t value, std::string* out);
inline void AppendAvroBytes(std::string_view bytes, std::string* out) {
  AppendAvroLong(static_cast<int64_t>(bytes.size()), out);
  out->append(bytes);
}
template <typename T>
void AppendAvroRaw(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace mainstem::format
