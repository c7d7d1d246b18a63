#include "connector/iceberg/iceberg_schema.h"

#include <algorithm>
#include <map>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

namespace mainstem::connector::iceberg {
namespace {

namespace dom = simdjson::dom;

constexpr int kMaxDepth = 100;  // of types within types

const std::map<std::string_view, TypeKind>& PrimitiveKinds() {
  static const std::map<std::string_view, TypeKind> kinds = {
      {"boolean", TypeKind::kBoolean},
      {"int", TypeKind::kInt},
      {"long", TypeKind::kLong},
      {"float", TypeKind::kFloat},
      {"double", TypeKind::kDouble},
      {"date", TypeKind::kDate},
      {"time", TypeKind::kTime},
      {"timestamp", TypeKind::kTimestamp},
      {"timestamptz", TypeKind::kTimestampTz},
      {"string", TypeKind::kString},
      {"uuid", TypeKind::kUuid},
      {"binary", TypeKind::kBinary}};
  return kinds;
}

Type OtherType(dom::element json) {
  Type type;
  type.other = simdjson::minify(json);
  return type;
}

// "decimal(10, 2)", "fixed[16]".
Type ParsePrimitive(dom::element json, std::string_view text) {
  Type type;
  if (auto found = PrimitiveKinds().find(text); found != PrimitiveKinds().end()) {
    type.kind = found->second;
    return type;
  }
  if (text.starts_with("decimal(") && text.ends_with(")")) {
    std::vector<std::string> parts =
        absl::StrSplit(std::string(text.substr(8, text.size() - 9)), ',');
    if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &type.precision) &&
        absl::SimpleAtoi(parts[1], &type.scale)) {
      type.kind = TypeKind::kDecimal;
      return type;
    }
  }
  if (text.starts_with("fixed[") && text.ends_with("]") &&
      absl::SimpleAtoi(std::string(text.substr(6, text.size() - 7)), &type.length)) {
    type.kind = TypeKind::kFixed;
    return type;
  }
  return OtherType(json);
}

Result<Type> ParseType(dom::element json, int depth);

Result<Field> ParseField(dom::element json, int depth) {
  Field field;
  int64_t id = 0;
  std::string_view name;
  dom::object object;
  dom::element type;
  if (json.get(object) || object["id"].get(id) || object["name"].get(name) ||
      object["required"].get(field.required) || object["type"].get(type)) {
    return DamagedMetadata("a field of a schema lacks id, name, required or type");
  }
  field.id = static_cast<int32_t>(id);
  field.name = name;
  ASSIGN_OR_RETURN(field.type, ParseType(type, depth));
  for (auto [key, value] : object) {
    if (key == "id" || key == "name" || key == "required" || key == "type") continue;
    field.more.emplace_back(std::string(key), simdjson::minify(value));
  }
  return field;
}

// An element, key or value: its id, its type and whether it is required stand beside each other.
Result<Field> ParsePart(dom::object object, const char* name, bool is_key, int depth) {
  Field field{.id = 0, .name = name, .required = is_key, .type = {}};
  std::string prefix(name);
  int64_t id = 0;
  dom::element type;
  if (object[prefix + "-id"].get(id) || object[prefix].get(type)) {
    return DamagedMetadata("a list or map lacks its " + prefix);
  }
  if (!is_key && object[prefix + "-required"].get(field.required)) {
    return DamagedMetadata("a list or map does not say whether its " + prefix + " is required");
  }
  field.id = static_cast<int32_t>(id);
  ASSIGN_OR_RETURN(field.type, ParseType(type, depth));
  return field;
}

Result<std::vector<Field>> ParseFields(dom::element json, int depth) {
  dom::array array;
  if (json["fields"].get(array)) return DamagedMetadata("a struct has no fields");
  std::vector<Field> fields;
  for (dom::element element : array) {
    ASSIGN_OR_RETURN(Field field, ParseField(element, depth));
    fields.push_back(std::move(field));
  }
  return fields;
}

Result<Type> ParseType(dom::element json, int depth) {
  if (depth > kMaxDepth) return DamagedMetadata("types are nested too deep");
  std::string_view text;
  if (!json.get(text)) return ParsePrimitive(json, text);
  dom::object object;
  if (json.get(object) || object["type"].get(text)) return OtherType(json);
  Type type;
  if (text == "struct") {
    type.kind = TypeKind::kStruct;
    ASSIGN_OR_RETURN(type.fields, ParseFields(json, depth + 1));
  } else if (text == "list") {
    type.kind = TypeKind::kList;
    ASSIGN_OR_RETURN(Field element, ParsePart(object, "element", false, depth + 1));
    type.fields.push_back(std::move(element));
  } else if (text == "map") {
    type.kind = TypeKind::kMap;
    ASSIGN_OR_RETURN(Field key, ParsePart(object, "key", true, depth + 1));
    ASSIGN_OR_RETURN(Field value, ParsePart(object, "value", false, depth + 1));
    type.fields.push_back(std::move(key));
    type.fields.push_back(std::move(value));
  } else {
    return OtherType(json);
  }
  return type;
}

void WriteType(const Type& type, JsonWriter* json);

void WriteFields(const std::vector<Field>& fields, JsonWriter* json) {
  json->Key("fields").BeginArray();
  for (const Field& field : fields) {
    json->BeginObject().Field("id", field.id).Field("name", field.name);
    json->Field("required", field.required).Key("type");
    WriteType(field.type, json);
    for (const auto& [key, value] : field.more) json->Key(key).Raw(value);
    json->EndObject();
  }
  json->EndArray();
}

void WritePart(const Field& field, JsonWriter* json) {
  json->Field(field.name + "-id", field.id).Key(field.name);
  WriteType(field.type, json);
  if (field.name != "key") json->Field(field.name + "-required", field.required);
}

void WriteType(const Type& type, JsonWriter* json) {
  switch (type.kind) {
    case TypeKind::kStruct:
      json->BeginObject().Field("type", "struct");
      WriteFields(type.fields, json);
      json->EndObject();
      return;
    case TypeKind::kList:
    case TypeKind::kMap:
      json->BeginObject().Field("type", type.kind == TypeKind::kList ? "list" : "map");
      for (const Field& part : type.fields) WritePart(part, json);
      json->EndObject();
      return;
    case TypeKind::kOther: json->Raw(type.other); return;
    default: json->Value(TypeText(type)); return;
  }
}

const Field* FindIn(const std::vector<Field>& fields, int32_t id) {
  for (const Field& field : fields) {
    if (field.id == id) return &field;
    if (const Field* inside = FindIn(field.type.fields, id)) return inside;
  }
  return nullptr;
}

}  // namespace

Status DamagedMetadata(const std::string& what) {
  return MakeError(ErrorCode::kCorruptStorage, "damaged Iceberg metadata: " + what);
}

const Field* Schema::Find(std::string_view name) const {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const Field* Schema::FindId(int32_t id) const { return FindIn(fields, id); }

std::string TypeText(const Type& type) {
  if (type.kind == TypeKind::kOther) return type.other;
  if (type.kind == TypeKind::kDecimal) {
    return fmt::format("decimal({}, {})", type.precision, type.scale);
  }
  if (type.kind == TypeKind::kFixed) return fmt::format("fixed[{}]", type.length);
  if (!type.is_nested()) {
    for (const auto& [name, kind] : PrimitiveKinds()) {
      if (kind == type.kind) return std::string(name);
    }
  }
  std::string text = type.kind == TypeKind::kStruct ? "struct<"
                     : type.kind == TypeKind::kList ? "list<"
                                                    : "map<";
  for (size_t i = 0; i < type.fields.size(); ++i) {
    if (i > 0) text += ", ";
    if (type.kind == TypeKind::kStruct) text += type.fields[i].name + ": ";
    text += TypeText(type.fields[i].type);
  }
  return text + ">";
}

bool SameType(const Type& a, const Type& b) {
  if (a.kind != b.kind || a.precision != b.precision || a.scale != b.scale ||
      a.length != b.length || a.other != b.other || a.fields.size() != b.fields.size()) {
    return false;
  }
  for (size_t i = 0; i < a.fields.size(); ++i) {
    if (a.kind == TypeKind::kStruct && a.fields[i].name != b.fields[i].name) return false;
    if (!SameType(a.fields[i].type, b.fields[i].type)) return false;
  }
  return true;
}

Result<Schema> ParseSchema(dom::element json) {
  Schema schema;
  int64_t id = 0;
  if (!json["schema-id"].get(id)) schema.id = static_cast<int32_t>(id);
  ASSIGN_OR_RETURN(schema.fields, ParseFields(json, 0));
  dom::array identifiers;
  if (json["identifier-field-ids"].get(identifiers)) return schema;
  for (dom::element element : identifiers) {
    if (element.get(id)) return DamagedMetadata("an identifier of a schema is no number");
    schema.identifier_ids.push_back(static_cast<int32_t>(id));
  }
  return schema;
}

void WriteSchema(const Schema& schema, JsonWriter* json) {
  json->BeginObject().Field("type", "struct").Field("schema-id", schema.id);
  if (!schema.identifier_ids.empty()) {
    json->Key("identifier-field-ids").BeginArray();
    for (int32_t id : schema.identifier_ids) json->Value(id);
    json->EndArray();
  }
  WriteFields(schema.fields, json);
  json->EndObject();
}

std::string SchemaText(const Schema& schema) {
  JsonWriter json;
  WriteSchema(schema, &json);
  return json.Take();
}

}  // namespace mainstem::connector::iceberg
