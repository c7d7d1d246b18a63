#include "format/avro/avro_schema.h"

#include <set>

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "format/avro/avro_json.h"
#include "format/json_writer.h"
#include "format/type_text.h"

namespace mainstem::format {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kKindNames[] = {"null",   "boolean", "int",    "long",   "float",
                                           "double", "bytes",   "string", "record", "enum",
                                           "array",  "map",     "union",  "fixed"};

std::string_view TextOf(dom::object object, const char* key) {
  std::string_view text;
  if (object[key].get(text)) return {};
  return text;
}

AvroLogical LogicalOf(std::string_view name, AvroKind kind) {
  if (kind == AvroKind::kInt) {
    if (name == "date") return AvroLogical::kDate;
    if (name == "time-millis") return AvroLogical::kTimeMillis;
  }
  if (kind == AvroKind::kLong) {
    if (name == "time-micros") return AvroLogical::kTimeMicros;
    if (name == "timestamp-millis") return AvroLogical::kTimestampMillis;
    if (name == "timestamp-micros") return AvroLogical::kTimestampMicros;
    if (name == "timestamp-nanos") return AvroLogical::kTimestampNanos;
    if (name == "local-timestamp-millis") return AvroLogical::kLocalTimestampMillis;
    if (name == "local-timestamp-micros") return AvroLogical::kLocalTimestampMicros;
    if (name == "local-timestamp-nanos") return AvroLogical::kLocalTimestampNanos;
  }
  return AvroLogical::kNone;
}

}  // namespace

std::string_view ToString(AvroKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

// Defaults are encoded last, when all types are known.
class AvroSchemaParser {
 public:
  Result<std::shared_ptr<const AvroSchema>> Parse(std::string_view json) {
    if (json.size() > kMaxAvroSchemaBytes) return Bad("it is too long");
    dom::parser parser;
    dom::element root;
    if (auto error = parser.parse(json.data(), json.size()).get(root)) {
      // A bare name is a schema, too, and is sometimes told without quotes.
      return Bad(simdjson::error_message(error));
    }
    ASSIGN_OR_RETURN(schema_->root_, ParseType(root, "", 0));
    SetLeastBytes();
    for (const Default& entry : defaults_) {
      AvroField& field = entry.record->fields[entry.field];
      Status status = EncodeAvroDefault(entry.value, *field.type, &field.default_binary);
      if (!status.ok()) {
        return Bad("the default of field '" + field.name +
                   "': " + mainstem::TextOf(status).message);
      }
      field.has_default = true;
    }
    return schema_;
  }

 private:
  struct Default {
    AvroType* record;
    size_t field;
    dom::element value;
  };

  static Status Bad(std::string problem) {
    return MakeError(ErrorCode::kDecodeError, "not an Avro schema: " + std::move(problem));
  }

  Result<AvroType*> Add(AvroKind kind) {
    if (schema_->types_.size() >= kMaxAvroTypes) return Bad("it has too many types");
    AvroType& type = schema_->types_.emplace_back();
    type.kind = kind;
    return &type;
  }

  Result<const AvroType*> ParseType(dom::element json, const std::string& space, int depth) {
    if (depth > kMaxAvroSchemaDepth) return Bad("it is nested too deeply");
    if (json.is_array()) return ParseUnion(json.get_array().value_unsafe(), space, depth);
    std::string_view name;
    if (!json.get_string().get(name)) return Named(name, space);
    dom::object object;
    if (json.get_object().get(object)) return Bad("a type is neither name, object nor list");
    dom::element kind;
    if (object["type"].get(kind)) return Bad("an object has no 'type'");
    if (kind.get_string().get(name)) return ParseType(kind, space, depth + 1);
    if (name == "record" || name == "error") return ParseRecord(object, space, depth);
    if (name == "enum") return ParseEnum(object, space);
    if (name == "fixed") return ParseFixed(object, space);
    if (name == "array" || name == "map") return ParseContainer(object, name, space, depth);
    return ParseSimple(object, name, space);
  }

  Result<const AvroType*> Named(std::string_view name, const std::string& space) {
    for (AvroKind kind :
         {AvroKind::kNull, AvroKind::kBoolean, AvroKind::kInt, AvroKind::kLong, AvroKind::kFloat,
          AvroKind::kDouble, AvroKind::kBytes, AvroKind::kString}) {
      if (name != mainstem::format::ToString(kind)) continue;
      ASSIGN_OR_RETURN(AvroType * type, Add(kind));
      return type;
    }
    for (const std::string& full : {Full(name, space), std::string(name)}) {
      auto found = named_.find(full);
      if (found != named_.end()) return found->second;
    }
    return Bad("there is no type '" + std::string(name.substr(0, 100)) + "'");
  }

  Result<const AvroType*> ParseSimple(dom::object object, std::string_view name,
                                      const std::string& space) {
    std::string_view logical = TextOf(object, "logicalType");
    ASSIGN_OR_RETURN(const AvroType* plain, Named(name, space));
    if (logical.empty() || plain->name.size() > 0) return plain;
    ASSIGN_OR_RETURN(AvroType * type, Add(plain->kind));
    type->logical = LogicalOf(logical, type->kind);
    if (type->kind == AvroKind::kBytes && logical == "decimal") ReadDecimal(object, type);
    return type;
  }

  static void ReadDecimal(dom::object object, AvroType* type) {
    int64_t precision = 0;
    int64_t scale = 0;
    if (object["precision"].get(precision) || precision < 1 || precision > 1000) return;
    if (!object["scale"].get(scale) && (scale < 0 || scale > precision)) return;
    type->logical = AvroLogical::kDecimal;
    type->precision = static_cast<int>(precision);
    type->scale = static_cast<int>(scale);
  }

  static std::string Full(std::string_view name, std::string_view space) {
    if (space.empty() || name.find('.') != std::string_view::npos) return std::string(name);
    return std::string(space) + "." + std::string(name);
  }

  // Names the type, and tells the namespace of what it encloses.
  Status TakeName(dom::object object, const std::string& space, AvroType* type,
                  std::string* inner_space) {
    std::string_view name = TextOf(object, "name");
    if (name.empty()) return Bad("a type has no 'name'");
    std::string_view own;
    bool has_own = !object["namespace"].get(own);
    type->name = Full(name, has_own ? own : std::string_view(space));
    size_t dot = type->name.rfind('.');
    *inner_space = dot == std::string::npos ? "" : type->name.substr(0, dot);
    if (!named_.emplace(type->name, type).second) {
      return Bad("the name '" + type->name + "' is given twice");
    }
    return Status::OK();
  }

  Result<const AvroType*> ParseRecord(dom::object object, const std::string& space, int depth) {
    ASSIGN_OR_RETURN(AvroType * type, Add(AvroKind::kRecord));
    std::string inner;
    RETURN_IF_ERROR(TakeName(object, space, type, &inner));
    dom::array fields;
    if (object["fields"].get(fields)) return Bad("record '" + type->name + "' has no 'fields'");
    std::set<std::string> names;
    for (dom::element json : fields) {
      dom::object field_json;
      if (json.get_object().get(field_json)) return Bad("a field is no object");
      AvroField field;
      field.name = TextOf(field_json, "name");
      if (field.name.empty() || !names.insert(field.name).second) {
        return Bad("record '" + type->name + "' has a field without a name of its own");
      }
      dom::element field_type;
      if (field_json["type"].get(field_type)) return Bad("field '" + field.name + "' has no type");
      ASSIGN_OR_RETURN(field.type, ParseType(field_type, inner, depth + 1));
      dom::array aliases;
      if (!field_json["aliases"].get(aliases)) {
        for (dom::element alias : aliases) {
          std::string_view text;
          if (!alias.get_string().get(text)) field.aliases.emplace_back(text);
        }
      }
      dom::element value;
      if (!field_json["default"].get(value)) {
        defaults_.push_back({.record = type, .field = type->fields.size(), .value = value});
      }
      type->fields.push_back(std::move(field));
    }
    return type;
  }

  Result<const AvroType*> ParseEnum(dom::object object, const std::string& space) {
    ASSIGN_OR_RETURN(AvroType * type, Add(AvroKind::kEnum));
    std::string inner;
    RETURN_IF_ERROR(TakeName(object, space, type, &inner));
    dom::array symbols;
    if (object["symbols"].get(symbols)) return Bad("enum '" + type->name + "' has no 'symbols'");
    for (dom::element symbol : symbols) {
      std::string_view text;
      if (symbol.get_string().get(text)) return Bad("a symbol is no text");
      type->symbols.emplace_back(text);
    }
    return type;
  }

  Result<const AvroType*> ParseFixed(dom::object object, const std::string& space) {
    ASSIGN_OR_RETURN(AvroType * type, Add(AvroKind::kFixed));
    std::string inner;
    RETURN_IF_ERROR(TakeName(object, space, type, &inner));
    int64_t size = 0;
    if (object["size"].get(size) || size < 0 || size > (int64_t{1} << 30)) {
      return Bad("fixed '" + type->name + "' has no size");
    }
    type->fixed_bytes = static_cast<size_t>(size);
    if (TextOf(object, "logicalType") == "decimal") ReadDecimal(object, type);
    return type;
  }

  Result<const AvroType*> ParseContainer(dom::object object, std::string_view name,
                                         const std::string& space, int depth) {
    bool is_array = name == "array";
    ASSIGN_OR_RETURN(AvroType * type, Add(is_array ? AvroKind::kArray : AvroKind::kMap));
    dom::element item;
    if (object[is_array ? "items" : "values"].get(item)) {
      return Bad(std::string(name) + " does not tell what it holds");
    }
    ASSIGN_OR_RETURN(const AvroType* item_type, ParseType(item, space, depth + 1));
    type->branches = {item_type};
    return type;
  }

  Result<const AvroType*> ParseUnion(dom::array json, const std::string& space, int depth) {
    ASSIGN_OR_RETURN(AvroType * type, Add(AvroKind::kUnion));
    for (dom::element branch : json) {
      ASSIGN_OR_RETURN(const AvroType* parsed, ParseType(branch, space, depth + 1));
      if (parsed->kind == AvroKind::kUnion) return Bad("a union holds a union");
      type->branches.push_back(parsed);
    }
    if (type->branches.empty()) return Bad("a union holds nothing");
    return type;
  }

  // A record takes what its fields take; types that contain themselves take at least a byte where
  // the circle closes. Types are made before those inside them: from the back each is complete.
  void SetLeastBytes() {
    for (auto type = schema_->types_.rbegin(); type != schema_->types_.rend(); ++type) {
      if (type->kind == AvroKind::kNull) type->least_bytes = 0;
      if (type->kind == AvroKind::kFixed) {
        type->least_bytes = static_cast<int64_t>(type->fixed_bytes);
      }
      if (type->kind == AvroKind::kFloat) type->least_bytes = 4;
      if (type->kind == AvroKind::kDouble) type->least_bytes = 8;
      if (type->kind != AvroKind::kRecord) continue;
      type->least_bytes = 0;
      for (const AvroField& field : type->fields) type->least_bytes += field.type->least_bytes;
    }
  }

  std::shared_ptr<AvroSchema> schema_ = std::make_shared<AvroSchema>();
  absl::flat_hash_map<std::string, const AvroType*> named_;
  std::vector<Default> defaults_;
};

Result<std::shared_ptr<const AvroSchema>> AvroSchema::Parse(std::string_view json) {
  AvroSchemaParser parser;
  return parser.Parse(json);
}

namespace {

constexpr const char* kRecordName = "record";
constexpr const char* kRecordSpace = "org.apache.flink.avro.generated";

class SchemaDeriver {
 public:
  explicit SchemaDeriver(const AvroSchemaRules& rules) : rules_(rules) {}

  Result<std::string> Record(const arrow::FieldVector& fields, const std::string& name) {
    std::string json = R"({"type":"record","name":)";
    AppendJsonString(name, &json);
    if (name == kRecordName) json += fmt::format(R"(,"namespace":"{}")", kRecordSpace);
    json += R"(,"fields":[)";
    for (const auto& field : fields) {
      if (json.back() != '[') json += ',';
      json += R"({"name":)";
      AppendJsonString(field->name(), &json);
      ASSIGN_OR_RETURN(std::string type, Field(*field, name + "_" + field->name()));
      json += R"(,"type":)" + type;
      if (field->nullable()) json += R"(,"default":null)";
      json += '}';
    }
    return json + "]}";
  }

 private:
  Result<std::string> Field(const arrow::Field& field, const std::string& name) {
    ASSIGN_OR_RETURN(std::string type, Type(field, name));
    if (!field.nullable() || type == R"("null")") return type;
    return R"(["null",)" + type + "]";
  }

  static Status Refuse(const arrow::Field& field, std::string hint) {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "Avro has no form for column '" + field.name() + "' " +
                                 SqlTypeText(*field.type()),
                      .hint = std::move(hint)});
  }

  Result<std::string> Timestamp(const arrow::Field& field) {
    const auto& type = static_cast<const arrow::TimestampType&>(*field.type());
    bool is_local = type.timezone().empty();
    int digits = 3 * static_cast<int>(type.unit());
    if (rules_.legacy_timestamps && (!is_local || digits > 3)) {
      return Refuse(field,
                    "set 'timestamp_mapping.legacy' = 'false' in the format's options; with it "
                    "only TIMESTAMP of 3 digits is known");
    }
    const char* unit = digits <= 3 ? "millis" : digits == 6 ? "micros" : "nanos";
    const char* prefix = is_local && !rules_.legacy_timestamps ? "local-" : "";
    return fmt::format(R"({{"type":"long","logicalType":"{}timestamp-{}"}})", prefix, unit);
  }

  Result<std::string> Type(const arrow::Field& field, const std::string& name) {
    using arrow::Type;
    switch (field.type()->id()) {
      case Type::NA: return R"("null")";
      case Type::BOOL: return R"("boolean")";
      case Type::INT8:
      case Type::INT16:
      case Type::INT32: return R"("int")";
      case Type::INT64: return R"("long")";
      case Type::FLOAT: return R"("float")";
      case Type::DOUBLE: return R"("double")";
      case Type::STRING: return R"("string")";
      case Type::BINARY: return R"("bytes")";
      case Type::DATE32: return R"({"type":"int","logicalType":"date"})";
      case Type::TIME32: return R"({"type":"int","logicalType":"time-millis"})";
      case Type::TIMESTAMP: return Timestamp(field);
      case Type::DECIMAL128: {
        const auto& decimal = static_cast<const arrow::DecimalType&>(*field.type());
        return fmt::format(
            R"({{"type":"bytes","logicalType":"decimal","precision":{},"scale":{}}})",
            decimal.precision(), decimal.scale());
      }
      case Type::STRUCT: return Record(field.type()->fields(), name);
      case Type::LIST: {
        ASSIGN_OR_RETURN(std::string item, Field(*field.type()->field(0), name));
        return R"({"type":"array","items":)" + item + "}";
      }
      case Type::MAP: {
        const auto& map = static_cast<const arrow::MapType&>(*field.type());
        if (map.key_type()->id() != Type::STRING) {
          return Refuse(field, "the keys of a MAP must be STRING");
        }
        ASSIGN_OR_RETURN(std::string item, Field(*map.item_field(), name));
        return R"({"type":"map","values":)" + item + "}";
      }
      default: return Refuse(field, "");
    }
  }

  AvroSchemaRules rules_;
};

}  // namespace

Result<std::string> DeriveAvroSchema(const arrow::Schema& columns, const AvroSchemaRules& rules) {
  return SchemaDeriver(rules).Record(columns.fields(), kRecordName);
}

}  // namespace mainstem::format
