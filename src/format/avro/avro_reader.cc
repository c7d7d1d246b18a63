#include "format/avro/avro_reader.h"

#include <absl/container/flat_hash_set.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "format/avro/avro_leaf.h"
#include "format/utf8.h"

namespace mainstem::format {
namespace {

using arrow::Type;
using NodePtr = std::unique_ptr<AvroNode>;

// ---- what holds others

class UnionNode final : public AvroNode {
 public:
  explicit UnionNode(std::vector<NodePtr> branches) : branches_(std::move(branches)) {}
  bool Read(AvroInput* input, int depth) override {
    size_t index;
    if (input->Choice(branches_.size(), &index)) return branches_[index]->Read(input, depth);
    AppendNull();
    return false;
  }
  void AppendNull() override { branches_[0]->AppendNull(); }

 private:
  std::vector<NodePtr> branches_;
};

class ListNode final : public AvroLeafNode<arrow::ListBuilder> {
 public:
  ListNode(arrow::ArrayBuilder* builder, const AvroType& type, NodePtr item)
      : AvroLeafNode(builder), type_(type), item_(std::move(item)) {}
  bool Read(AvroInput* input, int depth) override {
    CHECK_OK(builder_->Append());
    if (depth > kMaxAvroDepth) return input->Fail("nested too deeply");
    while (true) {
      int64_t count;
      if (!input->BlockCount(type_.item().least_bytes, &count)) return false;
      if (count == 0) return true;
      for (int64_t i = 0; i < count; ++i) {
        if (!item_->Read(input, depth + 1)) return false;
      }
    }
  }

 private:
  const AvroType& type_;
  NodePtr item_;
};

class MapNode final : public AvroLeafNode<arrow::MapBuilder> {
 public:
  MapNode(arrow::ArrayBuilder* builder, const AvroType& type, NodePtr item)
      : AvroLeafNode(builder),
        type_(type),
        keys_(static_cast<arrow::StringBuilder*>(builder_->key_builder())),
        item_(std::move(item)) {}
  bool Read(AvroInput* input, int depth) override {
    CHECK_OK(builder_->Append());
    if (depth > kMaxAvroDepth) return input->Fail("nested too deeply");
    absl::flat_hash_set<std::string_view> seen;
    while (true) {
      int64_t count;
      if (!input->BlockCount(type_.item().least_bytes + 1, &count)) return false;
      if (count == 0) return true;
      for (int64_t i = 0; i < count; ++i) {
        std::string_view key;
        if (!input->Bytes(&key)) return false;
        if (!seen.insert(key).second) return input->Fail("a key of a map occurs twice");
        CHECK_OK(keys_->Append(ReplaceInvalidUtf8(key, &scratch_)));
        if (!item_->Read(input, depth + 1)) return false;
      }
    }
  }

 private:
  const AvroType& type_;
  arrow::StringBuilder* keys_;
  NodePtr item_;
  std::string scratch_;
};

// The value of a field that the writer lacks, from its default in the reader's schema.
struct Absent {
  NodePtr node;
  const std::string* default_binary = nullptr;  // null: NULL
};

}  // namespace

// The writer's fields in its order, those nobody wants among them, then what it lacks.
struct AvroRecordReader::Fields {
  struct Step {
    const AvroType* type;
    NodePtr node;  // null: passed over
  };
  std::vector<Step> steps;
  std::vector<Absent> absent;

  bool Read(AvroInput* input, int depth) {
    bool good = true;
    for (Step& step : steps) {
      if (step.node == nullptr) {
        good = good && input->Skip(*step.type, depth + 1);
      } else if (good) {
        good = step.node->Read(input, depth + 1);
      } else {
        step.node->AppendNull();
      }
    }
    for (Absent& field : absent) {
      if (field.default_binary == nullptr) {
        field.node->AppendNull();
        continue;
      }
      AvroInput value(*field.default_binary);
      if (!field.node->Read(&value, depth + 1)) good = input->Fail(value.error());
    }
    return good;
  }
};

namespace {

class RowNode final : public AvroLeafNode<arrow::StructBuilder> {
 public:
  RowNode(arrow::ArrayBuilder* builder, std::unique_ptr<AvroRecordReader::Fields> fields);
  bool Read(AvroInput* input, int depth) override;

 private:
  std::unique_ptr<AvroRecordReader::Fields> fields_;
};

}  // namespace

class AvroNodeMaker {
 public:
  using Fields = AvroRecordReader::Fields;
  explicit AvroNodeMaker(AvroReadRules rules) : rules_(rules) {}

  Result<std::unique_ptr<Fields>> MakeFields(const AvroType& record,
                                             const arrow::FieldVector& columns,
                                             const std::vector<arrow::ArrayBuilder*>& builders,
                                             const AvroType* reader, const std::string& path) {
    auto fields = std::make_unique<Fields>();
    for (const AvroField& field : record.fields) {
      fields->steps.push_back({.type = field.type, .node = nullptr});
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      const arrow::Field& column = *columns[i];
      std::string column_path = path.empty() ? column.name() : path + "." + column.name();
      const AvroField* reader_field = FindField(reader, column.name());
      size_t step = FindStep(record, column.name(), reader_field);
      if (step < record.fields.size()) {
        if (fields->steps[step].node != nullptr) {
          return MakeError(ErrorCode::kDecodeError,
                           "column '" + column_path + "' has the field of another column");
        }
        const AvroType* reader_type = reader_field == nullptr ? nullptr : reader_field->type;
        ASSIGN_OR_RETURN(fields->steps[step].node, Make(*record.fields[step].type, column,
                                                        builders[i], reader_type, column_path));
        continue;
      }
      ASSIGN_OR_RETURN(Absent absent, MakeAbsent(column, builders[i], reader_field, column_path));
      fields->absent.push_back(std::move(absent));
    }
    return fields;
  }

 private:
  static const AvroField* FindField(const AvroType* record, const std::string& name) {
    if (record == nullptr) return nullptr;
    if (record->kind == AvroKind::kUnion) {
      for (const AvroType* branch : record->branches) {
        if (branch->kind == AvroKind::kRecord) return FindField(branch, name);
      }
    }
    for (const AvroField& field : record->fields) {
      if (field.name == name) return &field;
    }
    return nullptr;
  }

  // By the name, else by what the reader's schema says it was called.
  static size_t FindStep(const AvroType& record, const std::string& name,
                         const AvroField* reader_field) {
    for (size_t i = 0; i < record.fields.size(); ++i) {
      if (record.fields[i].name == name) return i;
    }
    if (reader_field == nullptr) return record.fields.size();
    for (size_t i = 0; i < record.fields.size(); ++i) {
      for (const std::string& alias : reader_field->aliases) {
        if (record.fields[i].name == alias) return i;
      }
    }
    return record.fields.size();
  }

  Result<Absent> MakeAbsent(const arrow::Field& column, arrow::ArrayBuilder* builder,
                            const AvroField* reader_field, const std::string& path) {
    Absent absent;
    if (reader_field != nullptr && reader_field->has_default) {
      ASSIGN_OR_RETURN(absent.node,
                       Make(*reader_field->type, column, builder, reader_field->type, path));
      absent.default_binary = &reader_field->default_binary;
      return absent;
    }
    if (!column.nullable()) {
      return MakeError(ErrorCode::kDecodeError,
                       {.message = "column '" + path +
                                   "' is NOT NULL, and the writer's schema has no such field",
                        .hint = "declare it without NOT NULL"});
    }
    absent.node = std::make_unique<AvroNullNode>(builder);
    return absent;
  }

  Result<NodePtr> Make(const AvroType& from, const arrow::Field& to, arrow::ArrayBuilder* builder,
                       const AvroType* reader, const std::string& path) {
    // Unions within unions multiply.
    if (++node_count_ > kMaxNodes) {
      return MakeError(ErrorCode::kDecodeError,
                       "the schema has too many ways to column '" + path + "'");
    }
    if (from.kind == AvroKind::kNull) {
      if (to.nullable()) return std::make_unique<AvroNullNode>(builder);
      return std::make_unique<AvroRefusingNode>(
          builder, "column '" + path + "' is NOT NULL, its value is null");
    }
    if (from.kind == AvroKind::kUnion) return MakeUnion(from, to, builder, reader, path);
    switch (to.type()->id()) {
      case Type::LIST: return MakeList(from, to, builder, reader, path);
      case Type::MAP: return MakeMap(from, to, builder, reader, path);
      case Type::STRUCT: return MakeRow(from, to, builder, reader, path);
      default: return MakeAvroLeaf(from, builder, path, rules_);
    }
  }

  Result<NodePtr> MakeUnion(const AvroType& from, const arrow::Field& to,
                            arrow::ArrayBuilder* builder, const AvroType* reader,
                            const std::string& path) {
    std::vector<NodePtr> branches;
    Status problem;
    bool is_readable = false;
    for (const AvroType* branch : from.branches) {
      Result<NodePtr> node = Make(*branch, to, builder, reader, path);
      if (node.ok()) {
        is_readable |= branch->kind != AvroKind::kNull;
        branches.push_back(std::move(*node));
      } else {
        problem = node.status();
        branches.push_back(
            std::make_unique<AvroRefusingNode>(builder, mainstem::TextOf(problem).message));
      }
    }
    if (!is_readable && !problem.ok()) return problem;
    return std::make_unique<UnionNode>(std::move(branches));
  }

  static const AvroType* ItemOf(const AvroType* reader, AvroKind kind) {
    if (reader == nullptr) return nullptr;
    if (reader->kind == AvroKind::kUnion) {
      for (const AvroType* branch : reader->branches) {
        if (branch->kind == kind) return &branch->item();
      }
      return nullptr;
    }
    return reader->kind == kind ? &reader->item() : nullptr;
  }

  Result<NodePtr> MakeList(const AvroType& from, const arrow::Field& to,
                           arrow::ArrayBuilder* builder, const AvroType* reader,
                           const std::string& path) {
    if (from.kind != AvroKind::kArray) return AvroMismatch(path, from, *to.type());
    auto* lists = static_cast<arrow::ListBuilder*>(builder);
    ASSIGN_OR_RETURN(NodePtr item, Make(from.item(), *to.type()->field(0), lists->value_builder(),
                                        ItemOf(reader, AvroKind::kArray), path + ".element"));
    return std::make_unique<ListNode>(builder, from, std::move(item));
  }

  Result<NodePtr> MakeMap(const AvroType& from, const arrow::Field& to,
                          arrow::ArrayBuilder* builder, const AvroType* reader,
                          const std::string& path) {
    const auto& type = static_cast<const arrow::MapType&>(*to.type());
    if (from.kind != AvroKind::kMap || type.key_type()->id() != Type::STRING) {
      return AvroMismatch(path, from, type);
    }
    auto* maps = static_cast<arrow::MapBuilder*>(builder);
    ASSIGN_OR_RETURN(NodePtr item, Make(from.item(), *type.item_field(), maps->item_builder(),
                                        ItemOf(reader, AvroKind::kMap), path + ".value"));
    return std::make_unique<MapNode>(builder, from, std::move(item));
  }

  Result<NodePtr> MakeRow(const AvroType& from, const arrow::Field& to,
                          arrow::ArrayBuilder* builder, const AvroType* reader,
                          const std::string& path) {
    if (from.kind != AvroKind::kRecord) return AvroMismatch(path, from, *to.type());
    std::vector<arrow::ArrayBuilder*> children;
    for (int i = 0; i < builder->num_children(); ++i) children.push_back(builder->child(i));
    ASSIGN_OR_RETURN(auto fields, MakeFields(from, to.type()->fields(), children, reader, path));
    return std::make_unique<RowNode>(builder, std::move(fields));
  }

  static constexpr size_t kMaxNodes = 100000;
  AvroReadRules rules_;
  size_t node_count_ = 0;
};

namespace {

RowNode::RowNode(arrow::ArrayBuilder* builder, std::unique_ptr<AvroRecordReader::Fields> fields)
    : AvroLeafNode(builder), fields_(std::move(fields)) {}

bool RowNode::Read(AvroInput* input, int depth) {
  CHECK_OK(builder_->Append());
  // Even a row that is too deep needs a slot in each child.
  if (depth > kMaxAvroDepth) input->Fail("nested too deeply");
  return fields_->Read(input, depth);
}

}  // namespace

AvroRecordReader::AvroRecordReader() = default;
AvroRecordReader::~AvroRecordReader() = default;

Result<std::unique_ptr<AvroRecordReader>> AvroRecordReader::Make(
    std::shared_ptr<const AvroSchema> schema, const arrow::Schema& columns,
    const std::vector<arrow::ArrayBuilder*>& builders, const AvroSchema* reader_schema,
    const AvroReadRules& rules) {
  auto reader = std::unique_ptr<AvroRecordReader>(new AvroRecordReader());
  reader->schema_ = std::move(schema);
  const AvroType& root = reader->schema_->root();
  if (root.kind != AvroKind::kRecord) {
    return MakeError(ErrorCode::kDecodeError,
                     fmt::format("the schema is of a {}, not of a record", ToString(root.kind)));
  }
  ASSIGN_OR_RETURN(reader->fields_,
                   AvroNodeMaker(rules).MakeFields(
                       root, columns.fields(), builders,
                       reader_schema == nullptr ? nullptr : &reader_schema->root(), ""));
  return reader;
}

bool AvroRecordReader::Read(AvroInput* input) { return fields_->Read(input, 0); }

}  // namespace mainstem::format
