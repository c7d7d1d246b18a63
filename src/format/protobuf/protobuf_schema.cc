#include "format/protobuf/protobuf_schema.h"

#include <algorithm>
#include <map>
#include <set>

#include <arrow/api.h>
#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "core/suggest.h"

namespace mainstem::format {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;
using Kind = ProtobufNode::Kind;

constexpr const char* kTextFile = "table.proto";
constexpr int kDepthMax = 64;

Status BadSchema(std::string message, std::string detail = "", std::string hint = "") {
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = std::move(message), .detail = std::move(detail), .hint = std::move(hint)});
}

// The first complaint of the parser.
class ParseErrors final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (first.empty()) first = fmt::format("line {}, column {}: {}", line + 1, column + 1, message);
  }
  std::string first;
};

class BuildErrors final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*,
                ErrorLocation, const std::string& message) override {
    if (first.empty()) first = fmt::format("{}: {}: {}", file, element, message);
  }
  std::string first;
};

// Makes a Java name of a file's: "order_items.proto" -> "OrderItems".
std::string CamelCase(std::string_view file) {
  file = file.substr(file.rfind('/') + 1);
  file = file.substr(0, file.rfind('.'));
  std::string out;
  bool upper = true;
  for (const char c : file) {
    if (!std::isalnum(static_cast<unsigned char>(c))) {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = std::isdigit(static_cast<unsigned char>(c)) != 0;
  }
  return out;
}

std::string OuterClassOf(const pb::FileDescriptor& file) {
  if (file.options().has_java_outer_classname()) return file.options().java_outer_classname();
  const std::string name = CamelCase(file.name());
  bool is_taken =
      file.FindEnumTypeByName(name) != nullptr || file.FindServiceByName(name) != nullptr;
  for (int i = 0; i < file.message_type_count(); ++i) {
    is_taken |= file.message_type(i)->name() == name;
  }
  return is_taken ? name + "OuterClass" : name;
}

// "com.acme.OrderProtos$Order", as protoc names the class.
std::string JavaClassOf(const pb::Descriptor& message) {
  const pb::FileDescriptor& file = *message.file();
  std::string package =
      file.options().has_java_package() ? file.options().java_package() : file.package();
  std::string name = message.name();
  for (const pb::Descriptor* at = message.containing_type(); at != nullptr;
       at = at->containing_type()) {
    name = at->name() + "$" + name;
  }
  if (!file.options().java_multiple_files()) name = OuterClassOf(file) + "$" + name;
  return package.empty() ? name : package + "." + name;
}

void ListMessages(const pb::Descriptor& message, std::vector<const pb::Descriptor*>* out) {
  if (message.options().map_entry()) return;
  out->push_back(&message);
  for (int i = 0; i < message.nested_type_count(); ++i) ListMessages(*message.nested_type(i), out);
}

std::string SqlTypeOfOne(const Field& field) {
  switch (field.cpp_type()) {
    case Field::CPPTYPE_INT32:
    case Field::CPPTYPE_UINT32: return "INT";
    case Field::CPPTYPE_INT64:
    case Field::CPPTYPE_UINT64: return "BIGINT";
    case Field::CPPTYPE_FLOAT: return "FLOAT";
    case Field::CPPTYPE_DOUBLE: return "DOUBLE";
    case Field::CPPTYPE_BOOL: return "BOOLEAN";
    case Field::CPPTYPE_ENUM: return "STRING or a whole number";
    case Field::CPPTYPE_STRING: return field.type() == Field::TYPE_BYTES ? "BYTES" : "STRING";
    case Field::CPPTYPE_MESSAGE: return "ROW";
  }
  return "?";
}

// What a field is in SQL, for errors.
std::string SqlTypeOf(const Field& field) {
  if (field.is_map()) {
    const pb::Descriptor& entry = *field.message_type();
    return fmt::format("MAP<{}, {}>", SqlTypeOfOne(*entry.map_key()),
                       SqlTypeOfOne(*entry.map_value()));
  }
  if (field.is_repeated()) return "ARRAY<" + SqlTypeOfOne(field) + ">";
  return SqlTypeOfOne(field);
}

std::optional<Kind> ScalarKind(const Field& field, arrow::Type::type id) {
  const auto if_is = [id](arrow::Type::type wanted, Kind kind) {
    return id == wanted ? std::optional(kind) : std::nullopt;
  };
  switch (field.cpp_type()) {
    case Field::CPPTYPE_BOOL: return if_is(arrow::Type::BOOL, Kind::kBool);
    case Field::CPPTYPE_INT32:
    case Field::CPPTYPE_UINT32: return if_is(arrow::Type::INT32, Kind::kInt32);
    case Field::CPPTYPE_INT64:
    case Field::CPPTYPE_UINT64: return if_is(arrow::Type::INT64, Kind::kInt64);
    case Field::CPPTYPE_FLOAT: return if_is(arrow::Type::FLOAT, Kind::kFloat);
    case Field::CPPTYPE_DOUBLE: return if_is(arrow::Type::DOUBLE, Kind::kDouble);
    case Field::CPPTYPE_STRING:
      if (field.type() == Field::TYPE_BYTES) return if_is(arrow::Type::BINARY, Kind::kBytes);
      return if_is(arrow::Type::STRING, Kind::kText);
    case Field::CPPTYPE_ENUM:
      if (id == arrow::Type::STRING) return Kind::kEnumText;
      if (id == arrow::Type::INT8 || id == arrow::Type::INT16 || id == arrow::Type::INT32 ||
          id == arrow::Type::INT64) {
        return Kind::kEnumNumber;
      }
      return std::nullopt;
    case Field::CPPTYPE_MESSAGE: return if_is(arrow::Type::STRUCT, Kind::kMessage);
  }
  return std::nullopt;
}

class Fitter {
 public:
  // `path`: of the column, for errors.
  Result<ProtobufNode> Fit(const Field& field, const std::shared_ptr<arrow::DataType>& type,
                           const std::string& path, int depth) {
    if (depth > kDepthMax) return BadSchema("column '" + path + "' is nested too deep");
    if (field.type() == Field::TYPE_GROUP) {
      return BadSchema("field '" + path + "' is a group, which is not supported");
    }
    if (field.is_map()) return FitMap(field, type, path, depth);
    if (field.is_repeated()) return FitList(field, type, path, depth);
    return FitOne(field, type, path, depth);
  }

  Result<std::vector<ProtobufNode>> FitFields(const pb::Descriptor& message,
                                              const arrow::FieldVector& columns,
                                              const std::string& path, int depth) {
    std::vector<ProtobufNode> nodes;
    for (const auto& column : columns) {
      const std::string name = path + column->name();
      const Field* field = message.FindFieldByName(column->name());
      if (field == nullptr) {
        std::vector<std::string> names;
        for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
        return BadSchema(
            fmt::format("column '{}' is no field of message {}", name, message.full_name()), "",
            SuggestionFor(column->name(), names));
      }
      ASSIGN_OR_RETURN(ProtobufNode node, Fit(*field, column->type(), name, depth + 1));
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

 private:
  static Status Mismatch(const Field& field, const std::string& path) {
    return BadSchema(fmt::format("column '{}' does not fit field {}, which is {}", path,
                                 field.full_name(), SqlTypeOf(field)));
  }

  Result<ProtobufNode> FitOne(const Field& field, const std::shared_ptr<arrow::DataType>& type,
                              const std::string& path, int depth) {
    const std::optional<Kind> kind = ScalarKind(field, type->id());
    if (!kind) return Mismatch(field, path);
    ProtobufNode node{.kind = *kind, .field = &field, .type = type};
    if (*kind == Kind::kMessage) {
      ASSIGN_OR_RETURN(node.children,
                       FitFields(*field.message_type(), type->fields(), path + ".", depth));
    }
    return node;
  }

  Result<ProtobufNode> FitList(const Field& field, const std::shared_ptr<arrow::DataType>& type,
                               const std::string& path, int depth) {
    if (type->id() != arrow::Type::LIST) return Mismatch(field, path);
    ProtobufNode node{.kind = Kind::kList, .field = &field, .type = type};
    ASSIGN_OR_RETURN(ProtobufNode element, FitOne(field, type->field(0)->type(), path, depth));
    node.children.push_back(std::move(element));
    return node;
  }

  Result<ProtobufNode> FitMap(const Field& field, const std::shared_ptr<arrow::DataType>& type,
                              const std::string& path, int depth) {
    if (type->id() != arrow::Type::MAP) return Mismatch(field, path);
    const auto& map = static_cast<const arrow::MapType&>(*type);
    ProtobufNode node{.kind = Kind::kMap, .field = &field, .type = type};
    const pb::Descriptor& entry = *field.message_type();
    if (!ScalarKind(*entry.map_key(), map.key_type()->id()) ||
        !ScalarKind(*entry.map_value(), map.item_type()->id())) {
      return Mismatch(field, path);
    }
    ASSIGN_OR_RETURN(ProtobufNode key, FitOne(*entry.map_key(), map.key_type(), path, depth));
    ASSIGN_OR_RETURN(ProtobufNode value, FitOne(*entry.map_value(), map.item_type(), path, depth));
    node.children.push_back(std::move(key));
    node.children.push_back(std::move(value));
    return node;
  }
};

}  // namespace

// What protobuf brings is found below what is given.
ProtobufSchema::ProtobufSchema()
    : pool_(std::make_unique<pb::DescriptorPool>(pb::DescriptorPool::generated_pool())) {
  // Once for the process: the library may not write what it thinks of messages to standard error.
  static const bool is_silenced = (pb::SetLogHandler(nullptr), true);
  (void)is_silenced;
}

bool ProtobufSchema::is_proto3() const {
  return message_->file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO3;
}

Status ProtobufSchema::AddFile(const pb::FileDescriptorProto& file) {
  BuildErrors errors;
  const pb::FileDescriptor* built = pool_->BuildFileCollectingErrors(file, &errors);
  if (built == nullptr) {
    return BadSchema("the protobuf schema is not valid", errors.first,
                     "imports must be in the descriptor set: protoc --include_imports");
  }
  files_.push_back(built);
  return Status::OK();
}

Status ProtobufSchema::FindMessage(const std::string& class_name) {
  std::vector<const pb::Descriptor*> messages;
  for (const pb::FileDescriptor* file : files_) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      ListMessages(*file->message_type(i), &messages);
    }
  }
  const auto only = [&](auto matches) -> const pb::Descriptor* {
    const pb::Descriptor* found = nullptr;
    for (const pb::Descriptor* message : messages) {
      if (!matches(*message)) continue;
      if (found != nullptr) return nullptr;
      found = message;
    }
    return found;
  };
  const std::string last = class_name.substr(class_name.find_last_of(".$") + 1);
  message_ = only([&](const pb::Descriptor& m) { return m.full_name() == class_name; });
  if (!message_)
    message_ = only([&](const pb::Descriptor& m) { return JavaClassOf(m) == class_name; });
  // The outer class goes by the name of a file that we may not know.
  if (!message_) message_ = only([&](const pb::Descriptor& m) { return m.name() == last; });
  if (message_) return Status::OK();
  std::vector<std::string> names;
  for (const pb::Descriptor* message : messages) names.push_back(message->full_name());
  std::string hint = SuggestionFor(class_name, names);
  if (hint.empty() && !names.empty()) hint = "it has " + names.front();
  return BadSchema("the protobuf schema has no message '" + class_name + "'", "", std::move(hint));
}

Result<std::shared_ptr<const ProtobufSchema>> ProtobufSchema::FromText(
    std::string_view proto, const std::string& class_name) {
  pb::io::ArrayInputStream input(proto.data(), static_cast<int>(proto.size()));
  ParseErrors errors;
  pb::io::Tokenizer tokenizer(&input, &errors);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  pb::FileDescriptorProto file;
  if (!parser.Parse(&tokenizer, &file) || !errors.first.empty()) {
    return BadSchema("the .proto text is not valid", errors.first);
  }
  file.set_name(kTextFile);
  std::shared_ptr<ProtobufSchema> schema(new ProtobufSchema);
  RETURN_IF_ERROR(schema->AddFile(file));
  RETURN_IF_ERROR(schema->FindMessage(class_name));
  return schema;
}

Result<std::shared_ptr<const ProtobufSchema>> ProtobufSchema::FromDescriptorSet(
    std::string_view bytes, const std::string& class_name) {
  pb::FileDescriptorSet set;
  if (!set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || set.file_size() == 0) {
    return BadSchema("that is no descriptor set", "",
                     "protoc --include_imports --descriptor_set_out=FILE makes one");
  }
  std::shared_ptr<ProtobufSchema> schema(new ProtobufSchema);
  for (const pb::FileDescriptorProto& file : set.file()) {
    // What protobuf itself brings is there already.
    if (pb::DescriptorPool::generated_pool()->FindFileByName(file.name()) != nullptr) continue;
    RETURN_IF_ERROR(schema->AddFile(file));
  }
  RETURN_IF_ERROR(schema->FindMessage(class_name));
  return schema;
}

Result<std::vector<ProtobufNode>> ProtobufSchema::Fit(const arrow::Schema& columns) const {
  return Fitter().FitFields(*message_, columns.fields(), "", 0);
}

}  // namespace mainstem::format
