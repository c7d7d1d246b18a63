#include "format/protobuf/protobuf_reader.h"

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>

#include "format/utf8.h"

namespace mainstem::format {
namespace {

namespace pb = google::protobuf;
using PbField = pb::FieldDescriptor;
using Kind = ProtobufNode::Kind;

template <typename Builder>
Builder* As(arrow::ArrayBuilder* builder) {
  return static_cast<Builder*>(builder);
}

// What Java calls a number that the enum does not name.
constexpr std::string_view kUnrecognized = "UNRECOGNIZED";

Status NotRead(std::string detail) {
  return MakeError(ErrorCode::kDecodeError, {.message = "the message is not of the protobuf schema",
                                             .detail = std::move(detail)});
}

// The key of a map's entry, equal for equal keys.
std::string KeyBytes(const ProtobufNode& node, const pb::Message& entry) {
  const pb::Reflection& access = *entry.GetReflection();
  switch (node.field->cpp_type()) {
    case PbField::CPPTYPE_STRING: return access.GetString(entry, node.field);
    case PbField::CPPTYPE_BOOL: return access.GetBool(entry, node.field) ? "1" : "0";
    case PbField::CPPTYPE_INT32: return std::to_string(access.GetInt32(entry, node.field));
    case PbField::CPPTYPE_UINT32: return std::to_string(access.GetUInt32(entry, node.field));
    case PbField::CPPTYPE_INT64: return std::to_string(access.GetInt64(entry, node.field));
    case PbField::CPPTYPE_UINT64: return std::to_string(access.GetUInt64(entry, node.field));
    default: CHECK(false);  // protobuf has no other keys
  }
  return "";
}

}  // namespace

ProtobufReader::ProtobufReader(std::shared_ptr<const ProtobufSchema> schema,
                               std::vector<ProtobufNode> columns, ProtobufReadRules rules)
    : schema_(std::move(schema)),
      columns_(std::move(columns)),
      rules_(rules),
      message_(factory_.GetPrototype(schema_->message())->New()) {}

Status ProtobufReader::Parse(std::string_view bytes) {
  if (!message_->ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return NotRead("its bytes end too early, or a text is not UTF-8");
  }
  if (!message_->IsInitialized()) {
    return NotRead("required fields are missing: " + message_->InitializationErrorString());
  }
  return Status::OK();
}

Status ProtobufReader::Append(size_t column, arrow::ArrayBuilder* builder) {
  return AppendField(columns_[column], *message_, builder);
}

bool ProtobufReader::IsThere(const ProtobufNode& node, const Message& message) const {
  const pb::Reflection& access = *message.GetReflection();
  if (node.field->is_repeated()) {
    return rules_.default_nested || access.FieldSize(message, node.field) > 0;
  }
  const bool default_counts =
      node.kind == Kind::kMessage ? rules_.default_nested : rules_.default_scalars;
  return default_counts || access.HasField(message, node.field);
}

Status ProtobufReader::AppendField(const ProtobufNode& node, const Message& message,
                                   arrow::ArrayBuilder* builder) {
  if (!IsThere(node, message)) return builder->AppendNull();
  if (node.kind == Kind::kList) return AppendList(node, message, builder);
  if (node.kind == Kind::kMap) return AppendMap(node, message, builder);
  return AppendValue(node, {&message, -1}, builder);
}

Status ProtobufReader::AppendValue(const ProtobufNode& node, Place place,
                                   arrow::ArrayBuilder* builder) {
  const pb::Reflection& access = *place.message->GetReflection();
  const PbField* field = node.field;
  const Message& message = *place.message;
  const int at = place.index;
  switch (node.kind) {
    case Kind::kBool:
      return As<arrow::BooleanBuilder>(builder)->Append(
          at < 0 ? access.GetBool(message, field) : access.GetRepeatedBool(message, field, at));
    case Kind::kInt32:
      if (field->cpp_type() == PbField::CPPTYPE_UINT32) {
        // As Java, which has no unsigned numbers.
        return As<arrow::Int32Builder>(builder)->Append(
            static_cast<int32_t>(at < 0 ? access.GetUInt32(message, field)
                                        : access.GetRepeatedUInt32(message, field, at)));
      }
      return As<arrow::Int32Builder>(builder)->Append(
          at < 0 ? access.GetInt32(message, field) : access.GetRepeatedInt32(message, field, at));
    case Kind::kInt64:
      if (field->cpp_type() == PbField::CPPTYPE_UINT64) {
        return As<arrow::Int64Builder>(builder)->Append(
            static_cast<int64_t>(at < 0 ? access.GetUInt64(message, field)
                                        : access.GetRepeatedUInt64(message, field, at)));
      }
      return As<arrow::Int64Builder>(builder)->Append(
          at < 0 ? access.GetInt64(message, field) : access.GetRepeatedInt64(message, field, at));
    case Kind::kFloat:
      return As<arrow::FloatBuilder>(builder)->Append(
          at < 0 ? access.GetFloat(message, field) : access.GetRepeatedFloat(message, field, at));
    case Kind::kDouble:
      return As<arrow::DoubleBuilder>(builder)->Append(
          at < 0 ? access.GetDouble(message, field) : access.GetRepeatedDouble(message, field, at));
    case Kind::kText:
    case Kind::kBytes: {
      const std::string& bytes =
          at < 0 ? access.GetStringReference(message, field, &text_)
                 : access.GetRepeatedStringReference(message, field, at, &text_);
      if (node.kind == Kind::kBytes) return As<arrow::BinaryBuilder>(builder)->Append(bytes);
      return As<arrow::StringBuilder>(builder)->Append(ReplaceInvalidUtf8(bytes, &scratch_));
    }
    case Kind::kEnumText:
    case Kind::kEnumNumber: return AppendEnum(node, place, builder);
    case Kind::kMessage:
      return AppendMessage(node,
                           at < 0 ? access.GetMessage(message, field, &factory_)
                                  : access.GetRepeatedMessage(message, field, at),
                           builder);
    case Kind::kList:
    case Kind::kMap: break;
  }
  return MakeError(ErrorCode::kInternal, "a list as one value");
}

Status ProtobufReader::AppendEnum(const ProtobufNode& node, Place place,
                                  arrow::ArrayBuilder* builder) {
  const pb::Reflection& access = *place.message->GetReflection();
  const int number = place.index < 0
                         ? access.GetEnumValue(*place.message, node.field)
                         : access.GetRepeatedEnumValue(*place.message, node.field, place.index);
  if (node.kind == Kind::kEnumText) {
    const pb::EnumValueDescriptor* value = node.field->enum_type()->FindValueByNumber(number);
    return As<arrow::StringBuilder>(builder)->Append(value ? std::string_view(value->name())
                                                           : kUnrecognized);
  }
  switch (node.type->id()) {
    case arrow::Type::INT8:
      return As<arrow::Int8Builder>(builder)->Append(static_cast<int8_t>(number));
    case arrow::Type::INT16:
      return As<arrow::Int16Builder>(builder)->Append(static_cast<int16_t>(number));
    case arrow::Type::INT32: return As<arrow::Int32Builder>(builder)->Append(number);
    default: return As<arrow::Int64Builder>(builder)->Append(number);
  }
}

Status ProtobufReader::AppendMessage(const ProtobufNode& node, const Message& message,
                                     arrow::ArrayBuilder* builder) {
  auto* row = As<arrow::StructBuilder>(builder);
  RETURN_IF_ERROR(row->Append());
  for (size_t i = 0; i < node.children.size(); ++i) {
    RETURN_IF_ERROR(
        AppendField(node.children[i], message, row->field_builder(static_cast<int>(i))));
  }
  return Status::OK();
}

Status ProtobufReader::AppendList(const ProtobufNode& node, const Message& message,
                                  arrow::ArrayBuilder* builder) {
  auto* list = As<arrow::ListBuilder>(builder);
  RETURN_IF_ERROR(list->Append());
  const int count = message.GetReflection()->FieldSize(message, node.field);
  for (int i = 0; i < count; ++i) {
    RETURN_IF_ERROR(AppendValue(node.children[0], {&message, i}, list->value_builder()));
  }
  return Status::OK();
}

Status ProtobufReader::AppendMap(const ProtobufNode& node, const Message& message,
                                 arrow::ArrayBuilder* builder) {
  auto* map = As<arrow::MapBuilder>(builder);
  RETURN_IF_ERROR(map->Append());
  const pb::Reflection& access = *message.GetReflection();
  const int count = access.FieldSize(message, node.field);
  // Of entries with one key the last one counts.
  absl::flat_hash_map<std::string, int> last_of_key;
  const auto entry_at = [&](int i) -> const Message& {
    return access.GetRepeatedMessage(message, node.field, i);
  };
  if (count > 1) {
    for (int i = 0; i < count; ++i) last_of_key[KeyBytes(node.children[0], entry_at(i))] = i;
  }
  for (int i = 0; i < count; ++i) {
    // An entry has both, with defaults where the bytes had not.
    const Message& entry = entry_at(i);
    if (count > 1 && last_of_key[KeyBytes(node.children[0], entry)] != i) continue;
    RETURN_IF_ERROR(AppendValue(node.children[0], {&entry, -1}, map->key_builder()));
    RETURN_IF_ERROR(AppendValue(node.children[1], {&entry, -1}, map->item_builder()));
  }
  return Status::OK();
}

}  // namespace mainstem::format
