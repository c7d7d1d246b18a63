#include "process/state/row_codec.h"

#include <cstring>
#include <limits>

#include <arrow/api.h>

#include "process/expr/value_codec.h"
#include "process/state/key_group.h"

namespace mainstem::process {
namespace {

constexpr int kVariable = -1;
constexpr int kBool = 0;
constexpr int kNullType = -2;
constexpr int kUnknown = -3;
constexpr int kNested = -4;

int WidthOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA: return kNullType;
    case arrow::Type::BOOL: return kBool;
    case arrow::Type::INT8: return 1;
    case arrow::Type::INT16: return 2;
    case arrow::Type::INT32:
    case arrow::Type::FLOAT:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32: return 4;
    case arrow::Type::INT64:
    case arrow::Type::DOUBLE:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME64:
    case arrow::Type::DURATION: return 8;
    case arrow::Type::DECIMAL128: return 16;
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return kVariable;
    case arrow::Type::LIST:
    case arrow::Type::MAP:
    case arrow::Type::STRUCT: return kNested;
    default: return kUnknown;
  }
}

size_t FixedSize(int width) {
  if (width == kNullType) return 0;
  if (width == kBool) return 1;
  if (width == kVariable) return sizeof(uint32_t);
  return static_cast<size_t>(width);
}

void AddLengths(const arrow::Array& column, int width, std::vector<size_t>* lengths) {
  size_t fixed = FixedSize(width);
  const auto* binary =
      width == kVariable ? static_cast<const arrow::BinaryArray*>(&column) : nullptr;
  for (size_t row = 0; row < lengths->size(); ++row) {
    size_t length = 1;
    if (!column.IsNull(static_cast<int64_t>(row))) {
      length += fixed;
      if (binary) length += static_cast<size_t>(binary->value_length(static_cast<int64_t>(row)));
    }
    (*lengths)[row] += length;
  }
}

const uint8_t* FixedValues(const arrow::Array& column, int width) {
  const auto& data = *column.data();
  if (data.buffers.size() < 2 || !data.buffers[1]) return nullptr;
  return data.buffers[1]->data() + data.offset * width;
}

// Writes one column of all rows; cursors move on behind what was written.
template <int kWidth>
void WriteFixed(const arrow::Array& column, std::vector<char*>* cursors) {
  const uint8_t* values = FixedValues(column, kWidth);
  bool has_nulls = column.null_count() != 0;
  for (size_t row = 0; row < cursors->size(); ++row) {
    char*& cursor = (*cursors)[row];
    if (has_nulls && column.IsNull(static_cast<int64_t>(row))) {
      *cursor++ = 0;
      continue;
    }
    *cursor++ = 1;
    std::memcpy(cursor, values + row * kWidth, kWidth);
    cursor += kWidth;
  }
}

void WriteBool(const arrow::BooleanArray& column, std::vector<char*>* cursors) {
  for (size_t row = 0; row < cursors->size(); ++row) {
    char*& cursor = (*cursors)[row];
    auto index = static_cast<int64_t>(row);
    bool is_valid = !column.IsNull(index);
    *cursor++ = is_valid ? 1 : 0;
    if (is_valid) *cursor++ = column.Value(index) ? 1 : 0;
  }
}

void WriteVariable(const arrow::BinaryArray& column, std::vector<char*>* cursors) {
  for (size_t row = 0; row < cursors->size(); ++row) {
    char*& cursor = (*cursors)[row];
    auto index = static_cast<int64_t>(row);
    if (column.IsNull(index)) {
      *cursor++ = 0;
      continue;
    }
    *cursor++ = 1;
    std::string_view value = column.GetView(index);
    auto length = static_cast<uint32_t>(value.size());
    std::memcpy(cursor, &length, sizeof(length));
    cursor += sizeof(length);
    std::memcpy(cursor, value.data(), value.size());
    cursor += value.size();
  }
}

void WriteColumn(const arrow::Array& column, int width, std::vector<char*>* cursors) {
  switch (width) {
    case kNullType:
      for (char*& cursor : *cursors) *cursor++ = 0;
      return;
    case kBool: return WriteBool(static_cast<const arrow::BooleanArray&>(column), cursors);
    case kVariable: return WriteVariable(static_cast<const arrow::BinaryArray&>(column), cursors);
    case 1: return WriteFixed<1>(column, cursors);
    case 2: return WriteFixed<2>(column, cursors);
    case 4: return WriteFixed<4>(column, cursors);
    case 8: return WriteFixed<8>(column, cursors);
    default: return WriteFixed<16>(column, cursors);
  }
}

// The values of a nested column as bytes, which are then written as those of a BYTES column.
Result<std::shared_ptr<arrow::Array>> EncodeNested(const arrow::Array& column) {
  arrow::BinaryBuilder builder;
  std::string value;
  for (int64_t row = 0; row < column.length(); ++row) {
    if (column.IsNull(row)) {
      RETURN_IF_ERROR(builder.AppendNull());
      continue;
    }
    value.clear();
    EncodeValue(*column.data(), row, &value);
    RETURN_IF_ERROR(builder.Append(value));
  }
  return builder.Finish();
}

Result<std::shared_ptr<arrow::Array>> DecodeNested(const std::shared_ptr<arrow::DataType>& type,
                                                   const arrow::BinaryArray& encoded) {
  ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(type));
  for (int64_t row = 0; row < encoded.length(); ++row) {
    if (encoded.IsNull(row)) {
      RETURN_IF_ERROR(builder->AppendNull());
      continue;
    }
    std::string_view bytes = encoded.GetView(row);
    RETURN_IF_ERROR(DecodeValue(&bytes, builder.get()));
  }
  return builder->Finish();
}

Status Corrupt() {
  return MakeError(ErrorCode::kCorruptStorage, "an encoded row of the state is damaged");
}

// Takes `count` bytes off the front; false when there are fewer.
bool Take(std::string_view* bytes, size_t count, const char** out) {
  if (bytes->size() < count) return false;
  *out = bytes->data();
  bytes->remove_prefix(count);
  return true;
}

// STRING or BYTES. Two passes: where each value lies, then all bytes into buffers of the right
// size.
Result<std::shared_ptr<arrow::Array>> DecodeVariable(const std::shared_ptr<arrow::DataType>& type,
                                                     std::vector<std::string_view>* rests) {
  const size_t count = rests->size();
  std::vector<const char*> values(count, nullptr);  // null: NULL
  ASSIGN_OR_RETURN(auto offsets,
                   arrow::AllocateBuffer(static_cast<int64_t>((count + 1) * sizeof(int32_t))));
  auto* offset = reinterpret_cast<int32_t*>(offsets->mutable_data());
  int64_t total = 0;
  int64_t null_count = 0;
  for (size_t row = 0; row < count; ++row) {
    offset[row] = static_cast<int32_t>(total);
    std::string_view& rest = (*rests)[row];
    const char* at = nullptr;
    if (!Take(&rest, 1, &at)) return Corrupt();
    if (*at == 0) {
      ++null_count;
      continue;
    }
    uint32_t length = 0;
    if (!Take(&rest, sizeof(length), &at)) return Corrupt();
    std::memcpy(&length, at, sizeof(length));
    if (!Take(&rest, length, &values[row])) return Corrupt();
    total += length;
    if (total > std::numeric_limits<int32_t>::max()) {
      return MakeError(ErrorCode::kResourceExhausted,
                       "the texts of one batch's column are longer than 2 GiB together");
    }
  }
  offset[count] = static_cast<int32_t>(total);
  ASSIGN_OR_RETURN(auto bytes, arrow::AllocateBuffer(total));
  std::shared_ptr<arrow::Buffer> bitmap;
  if (null_count > 0) {
    ASSIGN_OR_RETURN(bitmap, arrow::AllocateEmptyBitmap(static_cast<int64_t>(count)));
  }
  char* target = reinterpret_cast<char*>(bytes->mutable_data());
  for (size_t row = 0; row < count; ++row) {
    if (values[row] == nullptr) continue;
    std::memcpy(target + offset[row], values[row],
                static_cast<size_t>(offset[row + 1] - offset[row]));
    if (bitmap) bitmap->mutable_data()[row / 8] |= static_cast<uint8_t>(1u << (row % 8));
  }
  return arrow::MakeArray(
      arrow::ArrayData::Make(type, static_cast<int64_t>(count),
                             {std::move(bitmap), std::shared_ptr<arrow::Buffer>(std::move(offsets)),
                              std::shared_ptr<arrow::Buffer>(std::move(bytes))},
                             null_count));
}

Result<std::shared_ptr<arrow::Array>> DecodeFixed(const std::shared_ptr<arrow::DataType>& type,
                                                  int width, std::vector<std::string_view>* rests) {
  auto count = static_cast<int64_t>(rests->size());
  ASSIGN_OR_RETURN(auto values, arrow::AllocateBuffer(count * width));
  ASSIGN_OR_RETURN(auto validity, arrow::AllocateEmptyBitmap(count));
  int64_t null_count = 0;
  for (int64_t row = 0; row < count; ++row) {
    std::string_view& rest = (*rests)[static_cast<size_t>(row)];
    uint8_t* target = values->mutable_data() + row * width;
    const char* at = nullptr;
    if (!Take(&rest, 1, &at)) return Corrupt();
    if (*at == 0) {
      std::memset(target, 0, static_cast<size_t>(width));
      ++null_count;
      continue;
    }
    if (!Take(&rest, static_cast<size_t>(width), &at)) return Corrupt();
    std::memcpy(target, at, static_cast<size_t>(width));
    validity->mutable_data()[row / 8] |= static_cast<uint8_t>(1u << (row % 8));
  }
  std::shared_ptr<arrow::Buffer> bitmap;
  if (null_count > 0) bitmap = std::move(validity);
  return arrow::MakeArray(arrow::ArrayData::Make(
      type, count, {std::move(bitmap), std::shared_ptr<arrow::Buffer>(std::move(values))},
      null_count));
}

Result<std::shared_ptr<arrow::Array>> DecodeColumn(const std::shared_ptr<arrow::DataType>& type,
                                                   int width,
                                                   std::vector<std::string_view>* rests) {
  if (width == kNested) {
    ASSIGN_OR_RETURN(auto encoded, DecodeVariable(arrow::binary(), rests));
    return DecodeNested(type, static_cast<const arrow::BinaryArray&>(*encoded));
  }
  if (width == kVariable) return DecodeVariable(type, rests);
  if (width == kBool || width == kNullType) {
    arrow::BooleanBuilder builder;
    for (std::string_view& rest : *rests) {
      const char* at = nullptr;
      if (!Take(&rest, 1, &at)) return Corrupt();
      if (*at == 0) {
        RETURN_IF_ERROR(builder.AppendNull());
        continue;
      }
      if (width == kNullType || !Take(&rest, 1, &at)) return Corrupt();
      RETURN_IF_ERROR(builder.Append(*at != 0));
    }
    if (width == kNullType) return arrow::MakeArrayOfNull(type, builder.length());
    return builder.Finish();
  }
  return DecodeFixed(type, width, rests);
}

uint64_t Mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  value ^= value >> 33;
  return value;
}

// The last `left` < 8 bytes as a number. A copy of unknown size would be a call.
uint64_t TailOf(std::string_view bytes, size_t left) {
  const char* end = bytes.data() + bytes.size();
  uint64_t tail = 0;
  if (left == 0) return tail;
  if (bytes.size() >= 8) {
    std::memcpy(&tail, end - 8, 8);
    return tail >> (8 * (8 - left));
  }
  for (size_t i = 0; i < left; ++i) {
    tail |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return tail;
}

}  // namespace

uint64_t StableHash(std::string_view bytes) {
  uint64_t hash = 0x9368e53c2f6af274ULL ^ bytes.size();
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    word *= 0x87c37b91114253d5ULL;
    word = (word << 31) | (word >> 33);
    hash ^= word * 0x4cf5ad432745937fULL;
    hash = ((hash << 27) | (hash >> 37)) * 5 + 0x52dce729;
  }
  return Mix(hash ^ (TailOf(bytes, left) * 0x87c37b91114253d5ULL));
}

void EncodedRows::ComputeHashes() {
  hashes_.resize(size());
  for (size_t row = 0; row < hashes_.size(); ++row) hashes_[row] = StableHash(this->row(row));
}

void EncodedRows::Append(std::string_view row) {
  if (offsets_.empty()) offsets_.push_back(0);
  bytes_.insert(bytes_.end(), row.begin(), row.end());
  offsets_.push_back(bytes_.size());
}

RowCodec::RowCodec(std::vector<std::shared_ptr<arrow::DataType>> types) : types_(std::move(types)) {
  for (const auto& type : types_) widths_.push_back(WidthOf(*type));
}

Result<RowCodec> RowCodec::Make(std::vector<std::shared_ptr<arrow::DataType>> types) {
  for (const auto& type : types) {
    if (WidthOf(*type) == kUnknown) {
      return MakeError(
          ErrorCode::kUnsupported,
          {.message = "columns of type " + type->ToString() + " can't be kept in state",
           .hint = "use a column of a simple type as the key"});
    }
  }
  return RowCodec(std::move(types));
}

Status RowCodec::Encode(const ColumnVector& given, int64_t row_count, EncodedRows* out) const {
  CHECK(given.size() == types_.size());
  auto count = static_cast<size_t>(row_count);
  std::vector<size_t> lengths(count, 0);
  ColumnVector columns = given;
  std::vector<int> widths = widths_;
  for (size_t i = 0; i < columns.size(); ++i) {
    CHECK(columns[i]->length() == row_count);
    if (widths[i] == kNested) {
      ASSIGN_OR_RETURN(columns[i], EncodeNested(*columns[i]));
      widths[i] = kVariable;
    }
    AddLengths(*columns[i], widths[i], &lengths);
  }
  out->offsets_.resize(count + 1);
  size_t total = 0;
  for (size_t row = 0; row < count; ++row) {
    out->offsets_[row] = total;
    total += lengths[row];
  }
  out->offsets_[count] = total;
  out->bytes_.resize(total);
  std::vector<char*> cursors(count);
  for (size_t row = 0; row < count; ++row) cursors[row] = out->bytes_.data() + out->offsets_[row];
  for (size_t i = 0; i < columns.size(); ++i) WriteColumn(*columns[i], widths[i], &cursors);
  return Status::OK();
}

Result<ColumnVector> RowCodec::Decode(std::span<const std::string_view> rows) const {
  std::vector<std::string_view> rests(rows.begin(), rows.end());
  ColumnVector columns;
  for (size_t i = 0; i < types_.size(); ++i) {
    ASSIGN_OR_RETURN(auto column, DecodeColumn(types_[i], widths_[i], &rests));
    columns.push_back(std::move(column));
  }
  for (const std::string_view& rest : rests) {
    if (!rest.empty()) return Corrupt();
  }
  return columns;
}

}  // namespace mainstem::process
