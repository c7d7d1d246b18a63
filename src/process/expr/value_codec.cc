#include "process/expr/value_codec.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include "process/expr/vector.h"

namespace mainstem::process {
namespace {

// The sign bit flipped and the bytes in big-endian order, so that bytes sort as numbers.
template <typename T>
void PutOrdered(T value, std::string* out) {
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned bits = static_cast<Unsigned>(value) ^ (Unsigned{1} << (sizeof(T) * 8 - 1));
  for (size_t i = sizeof(T); i-- > 0;) out->push_back(static_cast<char>(bits >> (i * 8)));
}

template <typename T>
Result<T> TakeOrdered(std::string_view* bytes) {
  if (bytes->size() < sizeof(T)) return CorruptValue();
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned bits = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    bits =
        static_cast<Unsigned>(static_cast<uint64_t>(bits) << 8 | static_cast<uint8_t>((*bytes)[i]));
  }
  bytes->remove_prefix(sizeof(T));
  return static_cast<T>(bits ^ (Unsigned{1} << (sizeof(T) * 8 - 1)));
}

template <typename T>
void PutRaw(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <typename T>
Result<T> TakeRaw(std::string_view* bytes) {
  if (bytes->size() < sizeof(T)) return CorruptValue();
  T value;
  std::memcpy(&value, bytes->data(), sizeof(T));
  bytes->remove_prefix(sizeof(T));
  return value;
}

void EncodeNested(const arrow::ArrayData& data, int64_t row, std::string* out) {
  if (data.type->id() == arrow::Type::STRUCT) {
    for (const auto& child : data.child_data) EncodeValue(*child, data.offset + row, out);
    return;
  }
  const int32_t* offsets = data.GetValues<int32_t>(1);
  PutFixed32(static_cast<uint32_t>(offsets[row + 1] - offsets[row]), out);
  const arrow::ArrayData& items = *data.child_data[0];
  for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
    if (data.type->id() == arrow::Type::MAP) {
      EncodeValue(*items.child_data[0], items.offset + i, out);
      EncodeValue(*items.child_data[1], items.offset + i, out);
    } else {
      EncodeValue(items, i, out);
    }
  }
}

template <typename Builder, typename T>
Status AppendTaken(Result<T> taken, arrow::ArrayBuilder* builder) {
  RETURN_IF_ERROR(taken.status());
  return static_cast<Builder*>(builder)->Append(*taken);
}

Status DecodeNested(std::string_view* bytes, arrow::ArrayBuilder* builder) {
  switch (builder->type()->id()) {
    case arrow::Type::STRUCT: {
      auto* structs = static_cast<arrow::StructBuilder*>(builder);
      RETURN_IF_ERROR(structs->Append());
      for (int i = 0; i < structs->num_fields(); ++i) {
        RETURN_IF_ERROR(DecodeValue(bytes, structs->field_builder(i)));
      }
      return Status::OK();
    }
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ASSIGN_OR_RETURN(const uint32_t count, TakeFixed32(bytes));
      RETURN_IF_ERROR(list->Append());
      for (uint32_t i = 0; i < count; ++i) {
        RETURN_IF_ERROR(DecodeValue(bytes, list->value_builder()));
      }
      return Status::OK();
    }
    case arrow::Type::MAP: {
      auto* map = static_cast<arrow::MapBuilder*>(builder);
      ASSIGN_OR_RETURN(const uint32_t count, TakeFixed32(bytes));
      RETURN_IF_ERROR(map->Append());
      for (uint32_t i = 0; i < count; ++i) {
        RETURN_IF_ERROR(DecodeValue(bytes, map->key_builder()));
        RETURN_IF_ERROR(DecodeValue(bytes, map->item_builder()));
      }
      return Status::OK();
    }
    default: return CorruptValue();
  }
}

}  // namespace

Status CorruptValue() {
  return MakeError(ErrorCode::kCorruptStorage, "a stored value is cut off or of another type");
}

void PutFixed64(uint64_t value, std::string* out) { PutRaw(value, out); }
void PutFixed32(uint32_t value, std::string* out) { PutRaw(value, out); }
void PutBytes(std::string_view bytes, std::string* out) {
  PutFixed32(static_cast<uint32_t>(bytes.size()), out);
  out->append(bytes);
}
Result<uint64_t> TakeFixed64(std::string_view* bytes) { return TakeRaw<uint64_t>(bytes); }
Result<uint32_t> TakeFixed32(std::string_view* bytes) { return TakeRaw<uint32_t>(bytes); }
Result<std::string_view> TakeBytes(std::string_view* bytes) {
  ASSIGN_OR_RETURN(const uint32_t size, TakeFixed32(bytes));
  if (bytes->size() < size) return CorruptValue();
  const std::string_view taken = bytes->substr(0, size);
  bytes->remove_prefix(size);
  return taken;
}

void EncodeValue(const arrow::ArrayData& data, int64_t row, std::string* out) {
  if (data.type->id() == arrow::Type::NA || data.IsNull(row)) {
    out->push_back('\0');
    return;
  }
  out->push_back('\1');
  switch (data.type->id()) {
    case arrow::Type::BOOL: out->push_back(Column<bool>(data)[row] ? '\1' : '\0'); break;
    case arrow::Type::INT8: PutOrdered(Column<int8_t>(data)[row], out); break;
    case arrow::Type::INT16: PutOrdered(Column<int16_t>(data)[row], out); break;
    case arrow::Type::INT32:
    case arrow::Type::DATE32:
    case arrow::Type::TIME32: PutOrdered(Column<int32_t>(data)[row], out); break;
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DURATION: PutOrdered(Column<int64_t>(data)[row], out); break;
    case arrow::Type::FLOAT: PutRaw(Column<float>(data)[row], out); break;
    case arrow::Type::DOUBLE: PutRaw(Column<double>(data)[row], out); break;
    case arrow::Type::DECIMAL128: PutRaw(Column<Int128>(data)[row], out); break;
    case arrow::Type::STRING:
    case arrow::Type::BINARY: PutBytes(Column<std::string_view>(data)[row], out); break;
    default: EncodeNested(data, row, out); break;
  }
}

Status DecodeValue(std::string_view* bytes, arrow::ArrayBuilder* builder) {
  if (bytes->empty()) return CorruptValue();
  const bool valid = bytes->front() == '\1';
  bytes->remove_prefix(1);
  if (!valid) return builder->AppendNull();
  switch (builder->type()->id()) {
    case arrow::Type::BOOL:
      return AppendTaken<arrow::BooleanBuilder>(TakeRaw<bool>(bytes), builder);
    case arrow::Type::INT8:
      return AppendTaken<arrow::Int8Builder>(TakeOrdered<int8_t>(bytes), builder);
    case arrow::Type::INT16:
      return AppendTaken<arrow::Int16Builder>(TakeOrdered<int16_t>(bytes), builder);
    case arrow::Type::INT32:
      return AppendTaken<arrow::Int32Builder>(TakeOrdered<int32_t>(bytes), builder);
    case arrow::Type::DATE32:
      return AppendTaken<arrow::Date32Builder>(TakeOrdered<int32_t>(bytes), builder);
    case arrow::Type::TIME32:
      return AppendTaken<arrow::Time32Builder>(TakeOrdered<int32_t>(bytes), builder);
    case arrow::Type::INT64:
      return AppendTaken<arrow::Int64Builder>(TakeOrdered<int64_t>(bytes), builder);
    case arrow::Type::TIMESTAMP:
      return AppendTaken<arrow::TimestampBuilder>(TakeOrdered<int64_t>(bytes), builder);
    case arrow::Type::DURATION:
      return AppendTaken<arrow::DurationBuilder>(TakeOrdered<int64_t>(bytes), builder);
    case arrow::Type::FLOAT:
      return AppendTaken<arrow::FloatBuilder>(TakeRaw<float>(bytes), builder);
    case arrow::Type::DOUBLE:
      return AppendTaken<arrow::DoubleBuilder>(TakeRaw<double>(bytes), builder);
    case arrow::Type::DECIMAL128: {
      ASSIGN_OR_RETURN(const Int128 value, TakeRaw<Int128>(bytes));
      return static_cast<arrow::Decimal128Builder*>(builder)->Append(
          arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
    }
    case arrow::Type::STRING: return AppendTaken<arrow::StringBuilder>(TakeBytes(bytes), builder);
    case arrow::Type::BINARY: return AppendTaken<arrow::BinaryBuilder>(TakeBytes(bytes), builder);
    default: return DecodeNested(bytes, builder);
  }
}

}  // namespace mainstem::process
