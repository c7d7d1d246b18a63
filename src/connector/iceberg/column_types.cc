#include "connector/iceberg/column_types.h"

#include <algorithm>
#include <optional>

#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "core/suggest.h"

namespace mainstem::connector::iceberg {
namespace {

constexpr const char* kFieldIdKey = "PARQUET:field_id";
constexpr int kMaxColumnDepth = 50;

Status NoForm(const std::string& path, const std::string& problem, std::string cure) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "column '" + path + "': " + problem, .hint = std::move(cure)});
}

Type Leaf(TypeKind kind) {
  Type type;
  type.kind = kind;
  return type;
}

Result<Type> TimestampOf(const arrow::DataType& column, const std::string& path) {
  const auto& timestamp = static_cast<const arrow::TimestampType&>(column);
  if (timestamp.unit() == arrow::TimeUnit::NANO) {
    return NoForm(path, "Iceberg tables of version 2 keep microseconds, this type more",
                  "CAST it to TIMESTAMP(6), or TIMESTAMP_LTZ(6)");
  }
  return Leaf(timestamp.timezone().empty() ? TypeKind::kTimestamp : TypeKind::kTimestampTz);
}

Result<Type> TypeOf(const arrow::DataType& column, const std::string& path, int depth);

// Without ids: they are given later.
Result<Field> FieldOf(const arrow::Field& column, std::string name, const std::string& path,
                      int depth) {
  Field field{.id = 0, .name = std::move(name), .required = !column.nullable(), .type = {}};
  ASSIGN_OR_RETURN(field.type, TypeOf(*column.type(), path, depth));
  return field;
}

Result<Type> NestedTypeOf(const arrow::DataType& column, const std::string& path, int depth) {
  Type type;
  if (depth > kMaxColumnDepth) return NoForm(path, "types are nested too deep", "");
  if (column.id() == arrow::Type::LIST) {
    type.kind = TypeKind::kList;
    const auto& list = static_cast<const arrow::ListType&>(column);
    ASSIGN_OR_RETURN(Field element,
                     FieldOf(*list.value_field(), "element", path + ".element", depth + 1));
    type.fields.push_back(std::move(element));
  } else if (column.id() == arrow::Type::MAP) {
    type.kind = TypeKind::kMap;
    const auto& map = static_cast<const arrow::MapType&>(column);
    ASSIGN_OR_RETURN(Field key, FieldOf(*map.key_field(), "key", path + ".key", depth + 1));
    key.required = true;
    ASSIGN_OR_RETURN(Field value, FieldOf(*map.item_field(), "value", path + ".value", depth + 1));
    type.fields.push_back(std::move(key));
    type.fields.push_back(std::move(value));
  } else {
    type.kind = TypeKind::kStruct;
    for (const auto& field : column.fields()) {
      ASSIGN_OR_RETURN(Field inside,
                       FieldOf(*field, field->name(), path + "." + field->name(), depth + 1));
      type.fields.push_back(std::move(inside));
    }
  }
  return type;
}

Result<Type> TypeOf(const arrow::DataType& column, const std::string& path, int depth) {
  Type type;
  switch (column.id()) {
    case arrow::Type::BOOL: return Leaf(TypeKind::kBoolean);
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32: return Leaf(TypeKind::kInt);
    case arrow::Type::INT64: return Leaf(TypeKind::kLong);
    case arrow::Type::FLOAT: return Leaf(TypeKind::kFloat);
    case arrow::Type::DOUBLE: return Leaf(TypeKind::kDouble);
    case arrow::Type::STRING: return Leaf(TypeKind::kString);
    case arrow::Type::BINARY: return Leaf(TypeKind::kBinary);
    case arrow::Type::DATE32: return Leaf(TypeKind::kDate);
    case arrow::Type::TIME32: return Leaf(TypeKind::kTime);
    case arrow::Type::TIMESTAMP: return TimestampOf(column, path);
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(column);
      type.kind = TypeKind::kDecimal;
      type.precision = decimal.precision();
      type.scale = decimal.scale();
      return type;
    }
    case arrow::Type::LIST:
    case arrow::Type::MAP:
    case arrow::Type::STRUCT: return NestedTypeOf(column, path, depth);
    default:
      return NoForm(path, "Iceberg has no type for " + column.ToString(),
                    "leave it out of the query, or CAST it");
  }
}

// Ids of fields beside each other come before those inside them.
void GiveIds(std::vector<Field>* fields, int32_t* last_id) {
  for (Field& field : *fields) field.id = ++*last_id;
  for (Field& field : *fields) GiveIds(&field.type.fields, last_id);
}

// Every value of the one is a value of the other.
bool IsWider(const Type& wide, const Type& narrow) {
  if (wide.kind == TypeKind::kLong) return narrow.kind == TypeKind::kInt;
  if (wide.kind == TypeKind::kDouble) return narrow.kind == TypeKind::kFloat;
  return wide.kind == TypeKind::kDecimal && narrow.kind == TypeKind::kDecimal &&
         wide.scale == narrow.scale && wide.precision > narrow.precision;
}

// Adds to `have` what `want` has more. True when something was added.
bool GrowFields(std::vector<Field>* have, const std::vector<Field>& want, int32_t* last_id) {
  bool has_grown = false;
  for (const Field& wanted : want) {
    auto found = std::find_if(have->begin(), have->end(),
                              [&](const Field& field) { return field.name == wanted.name; });
    if (found == have->end()) {
      std::vector<Field> added = {wanted};
      added[0].required = false;  // rows that are there have no value
      GiveIds(&added, last_id);
      have->push_back(std::move(added[0]));
      has_grown = true;
    } else if (IsWider(wanted.type, found->type)) {
      found->type = wanted.type;
      has_grown = true;
    } else if (found->type.kind == wanted.type.kind && found->type.is_nested()) {
      has_grown |= GrowFields(&found->type.fields, wanted.type.fields, last_id);
    }
  }
  return has_grown;
}

Result<std::shared_ptr<arrow::DataType>> FileLeaf(const Type& type, const std::string& path) {
  switch (type.kind) {
    case TypeKind::kBoolean: return arrow::boolean();
    case TypeKind::kInt: return arrow::int32();
    case TypeKind::kLong: return arrow::int64();
    case TypeKind::kFloat: return arrow::float32();
    case TypeKind::kDouble: return arrow::float64();
    case TypeKind::kString: return arrow::utf8();
    case TypeKind::kBinary: return arrow::binary();
    case TypeKind::kDate: return arrow::date32();
    case TypeKind::kTime: return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeKind::kTimestamp: return arrow::timestamp(arrow::TimeUnit::MICRO);
    case TypeKind::kTimestampTz: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeKind::kDecimal: return arrow::decimal128(type.precision, type.scale);
    default: return NoForm(path, "the table's type " + TypeText(type) + " is not written", "");
  }
}

Status Mismatch(const std::string& path, const Type& column, const Type& target) {
  return NoForm(path,
                fmt::format("its type {} does not go into the table's {}", TypeText(column),
                            TypeText(target)),
                IsWider(column, target)
                    ? "CAST it in the query, or set 'drift' = 'evolve' to widen the table's column"
                    : "CAST it in the query and declare the column so, or use another table");
}

Status Needed(const std::string& path) {
  return NoForm(path, "the table needs a value in it, and the columns have none",
                "declare the column and give it a value, or make it optional in the table");
}

Status CheckNothingIsNeeded(const std::vector<Field>& targets, const arrow::FieldVector& columns,
                            const std::string& path) {
  for (const Field& target : targets) {
    bool is_here = std::any_of(columns.begin(), columns.end(),
                               [&](const auto& column) { return column->name() == target.name; });
    if (target.required && !is_here) return Needed(path + target.name);
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::Field>> FileField(const arrow::Field& column, const Field& target,
                                                const std::string& path);

Result<std::shared_ptr<arrow::DataType>> FileType(const arrow::DataType& column, const Type& target,
                                                  const std::string& path) {
  ASSIGN_OR_RETURN(Type own, TypeOf(column, path, 0));
  if (!target.is_nested()) {
    if (!SameType(own, target) && !IsWider(target, own)) return Mismatch(path, own, target);
    return FileLeaf(target, path);
  }
  if (own.kind != target.kind) return Mismatch(path, own, target);
  if (target.kind == TypeKind::kList) {
    const auto& list = static_cast<const arrow::ListType&>(column);
    ASSIGN_OR_RETURN(auto element,
                     FileField(*list.value_field(), target.fields[0], path + ".element"));
    return arrow::list(element->WithName("element"));
  }
  if (target.kind == TypeKind::kMap) {
    const auto& map = static_cast<const arrow::MapType&>(column);
    auto key_column = map.key_field()->WithNullable(false);
    ASSIGN_OR_RETURN(auto key, FileField(*key_column, target.fields[0], path + ".key"));
    ASSIGN_OR_RETURN(auto value, FileField(*map.item_field(), target.fields[1], path + ".value"));
    return std::make_shared<arrow::MapType>(key->WithName("key"), value->WithName("value"));
  }
  RETURN_IF_ERROR(CheckNothingIsNeeded(target.fields, column.fields(), path + "."));
  arrow::FieldVector fields;
  for (const auto& field : column.fields()) {
    std::string inner_path = path + "." + field->name();
    auto found = std::find_if(target.fields.begin(), target.fields.end(),
                              [&](const Field& f) { return f.name == field->name(); });
    if (found == target.fields.end()) {
      return NoForm(inner_path, "the table's column has no such field",
                    "set 'drift' = 'evolve' to add it, or leave it out");
    }
    ASSIGN_OR_RETURN(auto inner, FileField(*field, *found, inner_path));
    fields.push_back(std::move(inner));
  }
  return arrow::struct_(std::move(fields));
}

Result<std::shared_ptr<arrow::Field>> FileField(const arrow::Field& column, const Field& target,
                                                const std::string& path) {
  if (target.required && column.nullable()) {
    return NoForm(path, "the table needs a value in it, and this one may be NULL",
                  "declare it NOT NULL, or make it optional in the table");
  }
  ASSIGN_OR_RETURN(auto type, FileType(*column.type(), target.type, path));
  auto metadata = arrow::key_value_metadata({kFieldIdKey}, {std::to_string(target.id)});
  // As the table says: readers take a file's column for optional where it is.
  return arrow::field(column.name(), std::move(type), !target.required, std::move(metadata));
}

Result<std::shared_ptr<arrow::Field>> WholeField(const Field& field, const std::string& name,
                                                 const std::string& path);

Result<std::shared_ptr<arrow::DataType>> WholeType(const Type& type, const std::string& path) {
  if (!type.is_nested()) return FileLeaf(type, path);
  if (type.kind == TypeKind::kList) {
    ASSIGN_OR_RETURN(auto element, WholeField(type.fields[0], "element", path + ".element"));
    return arrow::list(element);
  }
  if (type.kind == TypeKind::kMap) {
    ASSIGN_OR_RETURN(auto key, WholeField(type.fields[0], "key", path + ".key"));
    ASSIGN_OR_RETURN(auto value, WholeField(type.fields[1], "value", path + ".value"));
    return std::make_shared<arrow::MapType>(std::move(key), std::move(value));
  }
  arrow::FieldVector fields;
  for (const Field& field : type.fields) {
    ASSIGN_OR_RETURN(auto inner, WholeField(field, field.name, path + "." + field.name));
    fields.push_back(std::move(inner));
  }
  return arrow::struct_(std::move(fields));
}

Result<std::shared_ptr<arrow::Field>> WholeField(const Field& field, const std::string& name,
                                                 const std::string& path) {
  ASSIGN_OR_RETURN(auto type, WholeType(field.type, path));
  auto metadata = arrow::key_value_metadata({kFieldIdKey}, {std::to_string(field.id)});
  return arrow::field(name, std::move(type), !field.required, std::move(metadata));
}

}  // namespace

Result<std::shared_ptr<arrow::Schema>> WholeFileSchema(const Schema& table) {
  arrow::FieldVector fields;
  for (const Field& field : table.fields) {
    ASSIGN_OR_RETURN(auto column, WholeField(field, field.name, field.name));
    fields.push_back(std::move(column));
  }
  return arrow::schema(std::move(fields));
}

int32_t FieldIdOf(const arrow::Field& field) {
  if (field.metadata() == nullptr) return -1;
  Result<std::string> text = field.metadata()->Get(kFieldIdKey);
  int32_t id = -1;
  return text.ok() && absl::SimpleAtoi(*text, &id) ? id : -1;
}

Result<Schema> SchemaOfColumns(const arrow::Schema& columns, const std::vector<std::string>& key) {
  Schema schema;
  for (const auto& column : columns.fields()) {
    ASSIGN_OR_RETURN(Field field, FieldOf(*column, column->name(), column->name(), 0));
    schema.fields.push_back(std::move(field));
  }
  int32_t last_id = 0;
  GiveIds(&schema.fields, &last_id);
  for (const Field& field : schema.fields) {
    bool is_key = std::find(key.begin(), key.end(), field.name) != key.end();
    bool tells_apart = field.required && !field.type.is_nested() &&
                       field.type.kind != TypeKind::kFloat && field.type.kind != TypeKind::kDouble;
    if (is_key && tells_apart) schema.identifier_ids.push_back(field.id);
  }
  return schema;
}

Result<std::optional<Schema>> GrowSchema(const Schema& table, const arrow::Schema& columns,
                                         int32_t next_schema_id, int32_t* last_column_id) {
  ASSIGN_OR_RETURN(Schema wanted, SchemaOfColumns(columns, {}));
  Schema grown = table;
  if (!GrowFields(&grown.fields, wanted.fields, last_column_id)) return std::nullopt;
  grown.id = next_schema_id;
  return grown;
}

Status CheckIsNotNeeded(const Field& target) {
  return target.required ? Needed(target.name) : Status::OK();
}

Result<std::shared_ptr<arrow::Field>> FileColumn(const Schema& table, const arrow::Field& column) {
  const Field* target = table.Find(column.name());
  if (target != nullptr) return FileField(column, *target, column.name());
  std::vector<std::string> names;
  for (const Field& field : table.fields) names.push_back(field.name);
  std::string near = NearestName(column.name(), names).value_or("");
  std::string cure = "set 'drift' = 'evolve' to add it, or leave it out";
  if (!near.empty()) cure += "; did you mean '" + near + "'?";
  return NoForm(column.name(), "the table has no such column", std::move(cure));
}

Result<std::shared_ptr<arrow::Schema>> FileSchema(const Schema& table,
                                                  const arrow::Schema& columns) {
  RETURN_IF_ERROR(CheckNothingIsNeeded(table.fields, columns.fields(), ""));
  arrow::FieldVector fields;
  for (const auto& column : columns.fields()) {
    ASSIGN_OR_RETURN(auto field, FileColumn(table, *column));
    fields.push_back(std::move(field));
  }
  return arrow::schema(std::move(fields));
}

}  // namespace mainstem::connector::iceberg
