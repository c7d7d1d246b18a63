#include "source/filesystem/column_conversion.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "format/text_time.h"
#include "format/type_text.h"
#include "format/utf8.h"

namespace mainstem::source {
namespace {

using arrow::Type;
using format::SqlTypeText;

int IntegerBits(const arrow::DataType& type) {
  return arrow::is_integer(type.id()) ? type.bit_width() : 0;
}

bool IsSigned(const arrow::DataType& type) { return arrow::is_signed_integer(type.id()); }

bool IsText(Type::type id) {
  return arrow::is_base_binary_like(id) || id == Type::FIXED_SIZE_BINARY ||
         id == Type::STRING_VIEW || id == Type::BINARY_VIEW;
}

bool IsList(Type::type id) {
  return id == Type::LIST || id == Type::LARGE_LIST || id == Type::FIXED_SIZE_LIST;
}

bool FitsInteger(const arrow::DataType& from, const arrow::DataType& to) {
  if (IntegerBits(from) == 0 || IntegerBits(to) == 0) return false;
  if (IsSigned(from)) return IntegerBits(from) <= IntegerBits(to);
  return IntegerBits(from) < IntegerBits(to);
}

bool FitsDecimal(const arrow::DataType& from, const arrow::DataType& to) {
  const auto& target = static_cast<const arrow::DecimalType&>(to);
  if (from.id() == Type::UINT64) return target.scale() == 0 && target.precision() >= 20;
  if (!arrow::is_decimal(from.id())) return false;
  const auto& source = static_cast<const arrow::DecimalType&>(from);
  return source.scale() <= target.scale() &&
         source.precision() - source.scale() <= target.precision() - target.scale();
}

bool FitsLeaf(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.id() == Type::NA) return true;
  switch (to.id()) {
    case Type::BOOL: return from.id() == Type::BOOL;
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64: return FitsInteger(from, to);
    case Type::FLOAT: return from.id() == Type::FLOAT;
    case Type::DOUBLE: return from.id() == Type::FLOAT || from.id() == Type::DOUBLE;
    case Type::DECIMAL128: return FitsDecimal(from, to);
    case Type::STRING:
    case Type::BINARY: return IsText(from.id());
    case Type::DATE32: return from.id() == Type::DATE32 || from.id() == Type::DATE64;
    case Type::TIME32: return arrow::is_time(from.id());
    case Type::TIMESTAMP: return from.id() == Type::TIMESTAMP;
    default: return false;
  }
}

// Cut towards the past, as a clock of less precision would have it.
Result<std::shared_ptr<arrow::Array>> ConvertTimestamp(const arrow::Array& column,
                                                       std::shared_ptr<arrow::DataType> to) {
  int64_t from_ticks =
      format::UnitsPerSecond(static_cast<const arrow::TimestampType&>(*column.type()).unit());
  int64_t to_ticks = format::UnitsPerSecond(static_cast<const arrow::TimestampType&>(*to).unit());
  if (from_ticks == to_ticks) return column.View(to);
  const auto& values = static_cast<const arrow::TimestampArray&>(column);
  arrow::TimestampBuilder out(to, arrow::default_memory_pool());
  RETURN_IF_ERROR(out.Reserve(column.length()));
  for (int64_t i = 0; i < column.length(); ++i) {
    if (values.IsNull(i)) {
      out.UnsafeAppendNull();
      continue;
    }
    int64_t value = values.Value(i);
    if (from_ticks > to_ticks) {
      int64_t factor = from_ticks / to_ticks;
      int64_t quotient = value / factor;
      value = quotient - (value % factor < 0 ? 1 : 0);
    } else if (__builtin_mul_overflow(value, to_ticks / from_ticks, &value)) {
      return MakeError(ErrorCode::kDecodeError,
                       "a time is beyond what " + SqlTypeText(*to) + " can hold");
    }
    out.UnsafeAppend(value);
  }
  return out.Finish();
}

Result<std::shared_ptr<arrow::Array>> ConvertText(const arrow::Array& column,
                                                  const std::shared_ptr<arrow::DataType>& to) {
  ASSIGN_OR_RETURN(auto bytes, arrow::compute::Cast(column, arrow::binary()));
  if (to->id() == Type::BINARY) return bytes;
  const auto& texts = static_cast<const arrow::BinaryArray&>(*bytes);
  std::string scratch;
  auto is_valid = [&](int64_t i) {
    if (texts.IsNull(i)) return true;
    std::string_view text = texts.GetView(i);
    return format::ReplaceInvalidUtf8(text, &scratch).data() == text.data();
  };
  int64_t valid = 0;
  while (valid < texts.length() && is_valid(valid)) ++valid;
  if (valid == texts.length()) return bytes->View(to);
  arrow::StringBuilder out;
  for (int64_t i = 0; i < texts.length(); ++i) {
    RETURN_IF_ERROR(texts.IsNull(i)
                        ? out.AppendNull()
                        : out.Append(format::ReplaceInvalidUtf8(texts.GetView(i), &scratch)));
  }
  return out.Finish();
}

Result<std::shared_ptr<arrow::Array>> ConvertLeaf(const std::shared_ptr<arrow::Array>& column,
                                                  const std::shared_ptr<arrow::DataType>& to) {
  if (column->type_id() == Type::NA) return arrow::MakeArrayOfNull(to, column->length());
  if (to->id() == Type::TIMESTAMP) return ConvertTimestamp(*column, to);
  if (to->id() == Type::STRING || to->id() == Type::BINARY) return ConvertText(*column, to);
  if (column->type()->Equals(*to)) return column;
  auto options = arrow::compute::CastOptions::Safe(to);
  options.allow_time_truncate = true;
  return arrow::compute::Cast(*column, to, options);
}

// The same array with other children. Children are those of the data, not cut to its offset.
Result<std::shared_ptr<arrow::Array>> WithChildren(
    const arrow::Array& column, const std::shared_ptr<arrow::DataType>& to,
    std::vector<std::shared_ptr<arrow::ArrayData>> children) {
  auto data = column.data()->Copy();
  data->type = to;
  data->child_data = std::move(children);
  return arrow::MakeArray(data);
}

Result<std::shared_ptr<arrow::Array>> ConvertStruct(const arrow::Array& column,
                                                    const std::shared_ptr<arrow::DataType>& to) {
  const auto& from = static_cast<const arrow::StructType&>(*column.type());
  std::vector<std::shared_ptr<arrow::ArrayData>> children;
  for (const auto& field : to->fields()) {
    int index = from.GetFieldIndex(field->name());
    std::shared_ptr<arrow::Array> child;
    if (index < 0) {
      ASSIGN_OR_RETURN(
          child, arrow::MakeArrayOfNull(field->type(), column.data()->offset + column.length()));
    } else {
      ASSIGN_OR_RETURN(
          child, ConvertColumn(arrow::MakeArray(column.data()->child_data[index]), field->type()));
    }
    children.push_back(child->data());
  }
  return WithChildren(column, to, std::move(children));
}

Result<std::shared_ptr<arrow::Array>> ConvertMap(const arrow::Array& column,
                                                 const std::shared_ptr<arrow::DataType>& to) {
  const auto& target = static_cast<const arrow::MapType&>(*to);
  auto entries = column.data()->child_data[0]->Copy();
  ASSIGN_OR_RETURN(auto keys,
                   ConvertColumn(arrow::MakeArray(entries->child_data[0]), target.key_type()));
  ASSIGN_OR_RETURN(auto items,
                   ConvertColumn(arrow::MakeArray(entries->child_data[1]), target.item_type()));
  entries->type = target.value_type();
  entries->child_data = {keys->data(), items->data()};
  return WithChildren(column, to, {entries});
}

Result<std::shared_ptr<arrow::Array>> ConvertList(const std::shared_ptr<arrow::Array>& column,
                                                  const std::shared_ptr<arrow::DataType>& to) {
  std::shared_ptr<arrow::Array> list = column;
  if (column->type_id() != Type::LIST) {
    ASSIGN_OR_RETURN(list,
                     arrow::compute::Cast(*column, arrow::list(column->type()->field(0)->type())));
  }
  ASSIGN_OR_RETURN(auto items,
                   ConvertColumn(arrow::MakeArray(list->data()->child_data[0]),
                                 static_cast<const arrow::ListType&>(*to).value_type()));
  return WithChildren(*list, to, {items->data()});
}

}  // namespace

Status CheckConvertible(const arrow::DataType& from, const arrow::DataType& to,
                        const std::string& path) {
  if (from.id() == Type::DICTIONARY) {
    return CheckConvertible(*static_cast<const arrow::DictionaryType&>(from).value_type(), to,
                            path);
  }
  if (to.id() == Type::MAP && from.id() == Type::MAP) {
    const auto& source = static_cast<const arrow::MapType&>(from);
    const auto& target = static_cast<const arrow::MapType&>(to);
    RETURN_IF_ERROR(CheckConvertible(*source.key_type(), *target.key_type(), path + ".key"));
    return CheckConvertible(*source.item_type(), *target.item_type(), path + ".value");
  }
  if (to.id() == Type::LIST && IsList(from.id())) {
    return CheckConvertible(*from.field(0)->type(), *to.field(0)->type(), path + ".element");
  }
  if (to.id() == Type::STRUCT && from.id() == Type::STRUCT) {
    for (const auto& field : to.fields()) {
      auto source = static_cast<const arrow::StructType&>(from).GetFieldByName(field->name());
      if (source == nullptr) continue;
      RETURN_IF_ERROR(
          CheckConvertible(*source->type(), *field->type(), path + "." + field->name()));
    }
    return Status::OK();
  }
  if (FitsLeaf(from, to)) return Status::OK();
  return MakeError(ErrorCode::kDecodeError,
                   {.message = "column '" + path + "' holds " + from.ToString() +
                               ", the table declares it " + SqlTypeText(to)});
}

Result<std::shared_ptr<arrow::Array>> ConvertColumn(const std::shared_ptr<arrow::Array>& column,
                                                    const std::shared_ptr<arrow::DataType>& to) {
  if (column->type_id() == Type::DICTIONARY) {
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*column);
    ASSIGN_OR_RETURN(auto values,
                     arrow::compute::Take(*dictionary.dictionary(), *dictionary.indices()));
    return ConvertColumn(values, to);
  }
  switch (to->id()) {
    case Type::MAP: return ConvertMap(*column, to);
    case Type::LIST: return ConvertList(column, to);
    case Type::STRUCT: return ConvertStruct(*column, to);
    default: return ConvertLeaf(column, to);
  }
}

}  // namespace mainstem::source
