#include "format/avro/avro_binary.h"

#include <limits>

#include <fmt/format.h>

namespace mainstem::format {

bool AvroInput::Fail(std::string problem) {
  if (error_.empty()) error_ = fmt::format("{} (byte {})", problem, position_);
  return false;
}

// HOT PATH: every number, length and branch of every value.
bool AvroInput::Long(int64_t* value) {
  if (failed()) return false;
  uint64_t bits = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (position_ == bytes_.size()) return Fail("the data ends too early");
    auto byte = static_cast<unsigned char>(bytes_[position_++]);
    if (shift == 63 && byte > 1) return Fail("a number has more than 64 bits");
    bits |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      *value = static_cast<int64_t>(bits >> 1) ^ -static_cast<int64_t>(bits & 1);
      return true;
    }
  }
  return Fail("a number has more than 64 bits");
}

bool AvroInput::Int(int32_t* value) {
  int64_t wide;
  if (!Long(&wide)) return false;
  if (wide < std::numeric_limits<int32_t>::min() || wide > std::numeric_limits<int32_t>::max()) {
    return Fail("an int has more than 32 bits");
  }
  *value = static_cast<int32_t>(wide);
  return true;
}

bool AvroInput::Boolean(bool* value) {
  unsigned char byte;
  if (failed() || !Raw(&byte, 1)) return false;
  if (byte > 1) return Fail("a boolean is neither 0 nor 1");
  *value = byte == 1;
  return true;
}

bool AvroInput::Bytes(std::string_view* value) {
  int64_t size;
  if (!Long(&size)) return false;
  if (size < 0 || static_cast<uint64_t>(size) > left()) {
    return Fail(fmt::format("a length of {} where {} bytes are left", size, left()));
  }
  return Fixed(static_cast<size_t>(size), value);
}

bool AvroInput::Fixed(size_t size, std::string_view* value) {
  if (failed()) return false;
  if (size > left()) return Fail("the data ends too early");
  *value = bytes_.substr(position_, size);
  position_ += size;
  return true;
}

bool AvroInput::BlockCount(int64_t least_item_bytes, int64_t* count) {
  if (!Long(count)) return false;
  if (*count < 0) {
    if (*count == std::numeric_limits<int64_t>::min()) return Fail("a count is out of range");
    *count = -*count;
    int64_t block_bytes;
    if (!Long(&block_bytes)) return false;
  }
  if (least_item_bytes > 0) {
    if (*count <= static_cast<int64_t>(left()) / least_item_bytes) return true;
    return Fail(fmt::format("{} items where {} bytes are left", *count, left()));
  }
  if (*count > kMaxEmptyItems - empty_items_) return Fail("too many items without content");
  empty_items_ += *count;
  return true;
}

bool AvroInput::Choice(size_t count, size_t* index) {
  int64_t value;
  if (!Long(&value)) return false;
  if (value < 0 || static_cast<uint64_t>(value) >= count) {
    return Fail(fmt::format("choice {} of {}", value, count));
  }
  *index = static_cast<size_t>(value);
  return true;
}

bool AvroInput::Skip(const AvroType& type, int depth) {
  if (depth > kMaxAvroDepth) return Fail("nested too deeply");
  int64_t number;
  std::string_view bytes;
  size_t index;
  switch (type.kind) {
    case AvroKind::kNull: return !failed();
    case AvroKind::kBoolean: return Fixed(1, &bytes);
    case AvroKind::kInt:
    case AvroKind::kLong: return Long(&number);
    case AvroKind::kFloat: return Fixed(4, &bytes);
    case AvroKind::kDouble: return Fixed(8, &bytes);
    case AvroKind::kBytes:
    case AvroKind::kString: return Bytes(&bytes);
    case AvroKind::kFixed: return Fixed(type.fixed_bytes, &bytes);
    case AvroKind::kEnum: return Choice(type.symbols.size(), &index);
    case AvroKind::kUnion:
      return Choice(type.branches.size(), &index) && Skip(*type.branches[index], depth + 1);
    case AvroKind::kRecord:
      for (const AvroField& field : type.fields) {
        if (!Skip(*field.type, depth + 1)) return false;
      }
      return !failed();
    case AvroKind::kArray:
    case AvroKind::kMap: return SkipItems(type, depth);
  }
  return Fail("an unknown type");
}

bool AvroInput::SkipItems(const AvroType& type, int depth) {
  bool is_map = type.kind == AvroKind::kMap;
  std::string_view key;
  while (true) {
    int64_t count;
    if (!BlockCount(type.item().least_bytes + (is_map ? 1 : 0), &count)) return false;
    if (count == 0) return true;
    for (int64_t i = 0; i < count; ++i) {
      if (is_map && !Bytes(&key)) return false;
      if (!Skip(type.item(), depth + 1)) return false;
    }
  }
}

void AppendAvroLong(int64_t value, std::string* out) {
  uint64_t bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (bits >= 0x80) {
    out->push_back(static_cast<char>(bits | 0x80));
    bits >>= 7;
  }
  out->push_back(static_cast<char>(bits));
}

}  // namespace mainstem::format
