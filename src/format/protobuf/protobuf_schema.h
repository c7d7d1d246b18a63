// The message that a table's columns stand for: found in a .proto file or a descriptor set, and
// fitted to the columns by Flink's rules of types. Private to format/.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "core/status.h"

namespace mainstem::format {

// One value: a column, an element of a list, a field of a ROW.
struct ProtobufNode {
  enum class Kind : uint8_t {
    kBool,
    kInt32,
    kInt64,
    kFloat,
    kDouble,
    kText,
    kBytes,
    kEnumText,
    kEnumNumber,
    kMessage,  // children: the fields of the ROW
    kList,     // children: the element
    kMap,      // children: key, value
  };
  Kind kind = Kind::kText;
  const google::protobuf::FieldDescriptor* field = nullptr;
  std::shared_ptr<arrow::DataType> type;
  std::vector<ProtobufNode> children = {};
};

// Immutable; any thread. Owns the descriptors.
class ProtobufSchema {
 public:
  // `class_name`: the message's full name, or that of the Java class that protoc makes of it.
  // A .proto text may import what protobuf itself brings (google/protobuf/*.proto).
  static Result<std::shared_ptr<const ProtobufSchema>> FromText(std::string_view proto,
                                                                const std::string& class_name);
  // As `protoc --include_imports --descriptor_set_out` writes it.
  static Result<std::shared_ptr<const ProtobufSchema>> FromDescriptorSet(
      std::string_view bytes, const std::string& class_name);

  const google::protobuf::Descriptor* message() const { return message_; }
  bool is_proto3() const;

  // The columns as fields of the message. kInvalidArgument, naming column and types, where one has
  // no field or another type.
  Result<std::vector<ProtobufNode>> Fit(const arrow::Schema& columns) const;

 private:
  ProtobufSchema();
  Status AddFile(const google::protobuf::FileDescriptorProto& file);
  Status FindMessage(const std::string& class_name);

  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::vector<const google::protobuf::FileDescriptor*> files_;  // those given, without imports
  const google::protobuf::Descriptor* message_ = nullptr;
};

}  // namespace mainstem::format
