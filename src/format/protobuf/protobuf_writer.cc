#include "format/protobuf/protobuf_writer.h"

#include <arrow/api.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace mainstem::format {
namespace {

namespace pb = google::protobuf;
using OutField = pb::FieldDescriptor;
using Kind = ProtobufNode::Kind;

template <typename Array>
auto ValueOf(const arrow::Array& array, int64_t row) {
  return static_cast<const Array&>(array).Value(row);
}

int64_t NumberOf(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::INT8: return ValueOf<arrow::Int8Array>(array, row);
    case arrow::Type::INT16: return ValueOf<arrow::Int16Array>(array, row);
    case arrow::Type::INT32: return ValueOf<arrow::Int32Array>(array, row);
    default: return ValueOf<arrow::Int64Array>(array, row);
  }
}

}  // namespace

ProtobufWriter::ProtobufWriter(std::shared_ptr<const ProtobufSchema> schema,
                               std::vector<ProtobufNode> columns, std::string null_text)
    : schema_(std::move(schema)),
      columns_(std::move(columns)),
      null_text_(std::move(null_text)),
      message_(factory_.GetPrototype(schema_->message())->New()) {}

Status ProtobufWriter::Write(const arrow::RecordBatch& rows, int64_t row, std::string* out) {
  message_->Clear();
  for (size_t i = 0; i < columns_.size(); ++i) {
    RETURN_IF_ERROR(SetField(columns_[i], *rows.column(static_cast<int>(i)), row, message_.get()));
  }
  if (!message_->IsInitialized()) {
    return MakeError(
        ErrorCode::kEvaluationError,
        {.message = "a row lacks required fields of message " + schema_->message()->full_name(),
         .detail = message_->InitializationErrorString()});
  }
  pb::io::StringOutputStream stream(out);
  pb::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);  // maps in the order of their keys
  if (!message_->SerializePartialToCodedStream(&coded)) {
    return MakeError(ErrorCode::kMessageTooLarge, "a protobuf message is larger than 2 GB");
  }
  return Status::OK();
}

Status ProtobufWriter::SetField(const ProtobufNode& node, const arrow::Array& array, int64_t row,
                                Message* message) {
  if (array.IsNull(row)) return Status::OK();
  if (node.kind == Kind::kList) {
    const auto& list = static_cast<const arrow::ListArray&>(array);
    for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
      RETURN_IF_ERROR(PutElement(node.children[0], *list.values(), i, How::kAdd, message));
    }
    return Status::OK();
  }
  if (node.kind == Kind::kMap) {
    const auto& map = static_cast<const arrow::MapArray&>(array);
    for (int64_t i = map.value_offset(row); i < map.value_offset(row + 1); ++i) {
      Message* entry = message->GetReflection()->AddMessage(message, node.field, &factory_);
      RETURN_IF_ERROR(PutElement(node.children[0], *map.keys(), i, How::kSet, entry));
      RETURN_IF_ERROR(PutElement(node.children[1], *map.items(), i, How::kSet, entry));
    }
    return Status::OK();
  }
  return PutValue(node, array, row, How::kSet, message);
}

Status ProtobufWriter::PutElement(const ProtobufNode& node, const arrow::Array& array, int64_t row,
                                  How how, Message* message) {
  if (!array.IsNull(row)) return PutValue(node, array, row, how, message);
  PutNull(node, how, message);
  return Status::OK();
}

Status ProtobufWriter::PutValue(const ProtobufNode& node, const arrow::Array& array, int64_t row,
                                How how, Message* message) {
  const pb::Reflection& access = *message->GetReflection();
  const OutField* field = node.field;
  const auto put = [&](auto set, auto add, auto value) {
    if (how == How::kSet) {
      (access.*set)(message, field, value);
    } else {
      (access.*add)(message, field, value);
    }
    return Status::OK();
  };
  using R = pb::Reflection;
  switch (node.kind) {
    case Kind::kBool:
      return put(&R::SetBool, &R::AddBool, ValueOf<arrow::BooleanArray>(array, row));
    case Kind::kInt32: {
      const int32_t value = ValueOf<arrow::Int32Array>(array, row);
      if (field->cpp_type() == OutField::CPPTYPE_INT32) {
        return put(&R::SetInt32, &R::AddInt32, value);
      }
      return put(&R::SetUInt32, &R::AddUInt32, static_cast<uint32_t>(value));
    }
    case Kind::kInt64: {
      const int64_t value = ValueOf<arrow::Int64Array>(array, row);
      if (field->cpp_type() == OutField::CPPTYPE_INT64) {
        return put(&R::SetInt64, &R::AddInt64, value);
      }
      return put(&R::SetUInt64, &R::AddUInt64, static_cast<uint64_t>(value));
    }
    case Kind::kFloat:
      return put(&R::SetFloat, &R::AddFloat, ValueOf<arrow::FloatArray>(array, row));
    case Kind::kDouble:
      return put(&R::SetDouble, &R::AddDouble, ValueOf<arrow::DoubleArray>(array, row));
    case Kind::kText:
    case Kind::kBytes:
      PutText(node, std::string(static_cast<const arrow::BinaryArray&>(array).GetView(row)), how,
              message);
      return Status::OK();
    case Kind::kEnumText:
    case Kind::kEnumNumber: return PutEnum(node, array, row, how, message);
    case Kind::kMessage: {
      Message* child = how == How::kSet ? access.MutableMessage(message, field, &factory_)
                                        : access.AddMessage(message, field, &factory_);
      const auto& rows = static_cast<const arrow::StructArray&>(array);
      for (size_t i = 0; i < node.children.size(); ++i) {
        RETURN_IF_ERROR(SetField(node.children[i], *rows.field(static_cast<int>(i)), row, child));
      }
      return Status::OK();
    }
    case Kind::kList:
    case Kind::kMap: break;
  }
  return MakeError(ErrorCode::kInternal, "a list as one value");
}

void ProtobufWriter::PutText(const ProtobufNode& node, std::string text, How how,
                             Message* message) {
  const pb::Reflection& access = *message->GetReflection();
  if (how == How::kSet) {
    access.SetString(message, node.field, std::move(text));
  } else {
    access.AddString(message, node.field, std::move(text));
  }
}

Status ProtobufWriter::PutEnum(const ProtobufNode& node, const arrow::Array& array, int64_t row,
                               How how, Message* message) {
  const pb::EnumDescriptor& type = *node.field->enum_type();
  const pb::EnumValueDescriptor* value = nullptr;
  std::string shown;
  if (node.kind == Kind::kEnumText) {
    shown = std::string(static_cast<const arrow::StringArray&>(array).GetView(row));
    value = type.FindValueByName(shown);
  } else {
    const int64_t number = NumberOf(array, row);
    shown = std::to_string(number);
    if (number == static_cast<int>(number))
      value = type.FindValueByNumber(static_cast<int>(number));
  }
  if (value == nullptr) {
    return MakeError(ErrorCode::kEvaluationError,
                     {.message = "enum " + type.full_name() + " has no value '" + shown + "'",
                      .detail = "field " + node.field->full_name()});
  }
  const pb::Reflection& access = *message->GetReflection();
  if (how == How::kSet) {
    access.SetEnum(message, node.field, value);
  } else {
    access.AddEnum(message, node.field, value);
  }
  return Status::OK();
}

// An element that is NULL. A map's key or value that is not set is the default already.
void ProtobufWriter::PutNull(const ProtobufNode& node, How how, Message* message) {
  if (node.kind == Kind::kText) return PutText(node, null_text_, how, message);
  if (how == How::kSet) return;
  const pb::Reflection& access = *message->GetReflection();
  switch (node.field->cpp_type()) {
    case OutField::CPPTYPE_INT32: return access.AddInt32(message, node.field, 0);
    case OutField::CPPTYPE_UINT32: return access.AddUInt32(message, node.field, 0);
    case OutField::CPPTYPE_INT64: return access.AddInt64(message, node.field, 0);
    case OutField::CPPTYPE_UINT64: return access.AddUInt64(message, node.field, 0);
    case OutField::CPPTYPE_FLOAT: return access.AddFloat(message, node.field, 0);
    case OutField::CPPTYPE_DOUBLE: return access.AddDouble(message, node.field, 0);
    case OutField::CPPTYPE_BOOL: return access.AddBool(message, node.field, false);
    case OutField::CPPTYPE_STRING: return access.AddString(message, node.field, "");
    case OutField::CPPTYPE_ENUM:
      return access.AddEnum(message, node.field, node.field->enum_type()->value(0));
    case OutField::CPPTYPE_MESSAGE: access.AddMessage(message, node.field, &factory_); return;
  }
}

}  // namespace mainstem::format
