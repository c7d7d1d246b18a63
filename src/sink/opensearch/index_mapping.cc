#include "sink/opensearch/index_mapping.h"

#include <algorithm>
#include <initializer_list>

#include <arrow/api.h>
#include <simdjson.h>

#include "core/json_writer.h"

namespace mainstem::sink {

using connector::DifferenceKind;
namespace {

namespace dom = simdjson::dom;

// Longer ones are kept, but not found: OpenSearch refuses keywords of more than 32,766 bytes.
constexpr int64_t kKeywordCharactersMax = 8191;

enum class MappingFit : uint8_t { kFits, kMayRefuse, kRefuses };

bool IsAmong(const std::string& type, std::initializer_list<std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool IsObject(const std::string& type) {
  return IsAmong(type, {"object", "nested", "flat_object", "flattened"});
}

bool IsWholeNumber(const std::string& type) {
  return IsAmong(type, {"byte", "short", "integer", "long", "unsigned_long"});
}

bool IsNumber(const std::string& type) {
  return IsWholeNumber(type) || IsAmong(type, {"half_float", "float", "double", "scaled_float"});
}

bool IsText(const std::string& type) {
  return IsAmong(type, {"text", "keyword", "wildcard", "constant_keyword", "match_only_text",
                        "search_as_you_type"});
}

// How many bytes a whole number has; 0: any.
int BytesOf(const std::string& type) {
  if (type == "byte") return 1;
  if (type == "short") return 2;
  return type == "integer" ? 4 : 0;
}

// Other types (geo_point, ranges, vectors, rank_features ..) take forms of their own: of what is
// written into those nothing is said.
bool IsKnown(const std::string& type) {
  return IsObject(type) || IsNumber(type) || IsText(type) ||
         IsAmong(type, {"boolean", "date", "date_nanos", "ip"});
}

MappingFit FitOf(const arrow::DataType& column, const std::string& type) {
  if (!IsKnown(type)) return MappingFit::kFits;
  switch (column.id()) {
    case arrow::Type::LIST:
      return FitOf(*static_cast<const arrow::ListType&>(column).value_type(), type);
    case arrow::Type::STRUCT:
    case arrow::Type::MAP: return IsObject(type) ? MappingFit::kFits : MappingFit::kRefuses;
    default: break;
  }
  if (IsObject(type)) return MappingFit::kRefuses;
  if (IsText(type)) return MappingFit::kFits;
  switch (column.id()) {
    case arrow::Type::BOOL: return type == "boolean" ? MappingFit::kFits : MappingFit::kRefuses;
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64: {
      if (type == "boolean") return MappingFit::kRefuses;
      int wanted = static_cast<const arrow::FixedWidthType&>(column).bit_width() / 8;
      int there = BytesOf(type);
      bool is_narrow = (there > 0 && there < wanted) || type == "unsigned_long";
      return is_narrow ? MappingFit::kMayRefuse : MappingFit::kFits;
    }
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL128:
      if (IsWholeNumber(type)) return MappingFit::kMayRefuse;  // or loses what is behind the point
      return IsNumber(type) ? MappingFit::kFits : MappingFit::kRefuses;
    default:
      // Texts: numbers, dates, addresses are read from them where they can be.
      return IsNumber(type) || type == "boolean" ? MappingFit::kMayRefuse : MappingFit::kFits;
  }
}

const char* MadeFieldType(const arrow::DataType& column) {
  switch (column.id()) {
    case arrow::Type::LIST:
      return MadeFieldType(*static_cast<const arrow::ListType&>(column).value_type());
    case arrow::Type::STRUCT:
    case arrow::Type::MAP: return "object";
    case arrow::Type::BOOL: return "boolean";
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64: return "long";
    case arrow::Type::FLOAT: return "float";
    case arrow::Type::DOUBLE:
    case arrow::Type::DECIMAL128: return "double";
    default: return "keyword";
  }
}

}  // namespace

std::optional<IndexMapping> ParseIndexMapping(std::string_view json) {
  dom::parser parser;
  dom::object indexes;
  if (parser.parse(json.data(), json.size()).get(indexes) != simdjson::SUCCESS) return std::nullopt;
  std::optional<IndexMapping> newest;
  bool are_of_a_stream = true;
  for (auto [name, index] : indexes) {
    are_of_a_stream &= name.starts_with(".ds-");
    dom::object mappings;
    if (index["mappings"].get(mappings) != simdjson::SUCCESS) return std::nullopt;
    if (newest && newest->index > name) continue;
    newest.emplace();
    newest->index = name;
    dom::element dynamic;
    if (mappings["dynamic"].get(dynamic) == simdjson::SUCCESS) {
      std::string_view text;
      bool is_on = false;
      if (dynamic.get(text) == simdjson::SUCCESS) newest->dynamic = text;
      if (dynamic.get(is_on) == simdjson::SUCCESS) newest->dynamic = is_on ? "true" : "false";
    }
    dom::object properties;
    if (mappings["properties"].get(properties) != simdjson::SUCCESS) continue;
    for (auto [field, described] : properties) {
      std::string_view type;
      if (described["type"].get(type) != simdjson::SUCCESS) type = "object";
      newest->fields[std::string(field)] = type;
    }
  }
  if (indexes.size() > 1 && !are_of_a_stream) newest = IndexMapping();
  return newest;
}

std::string FieldMapping(const arrow::Field& column) {
  JsonWriter json;
  json.BeginObject().Key("properties").BeginObject().Key(column.name()).BeginObject();
  const std::string_view type = MadeFieldType(*column.type());
  json.Field("type", type);
  if (type == "keyword") json.Field("ignore_above", kKeywordCharactersMax);
  return json.EndObject().EndObject().EndObject().Take();
}

connector::Differences CompareMapping(const std::string& name, const IndexMapping& mapping,
                                      const arrow::Schema& columns) {
  connector::Differences differences;
  for (const auto& column : columns.fields()) {
    auto found = mapping.fields.find(column->name());
    const std::string field = "field '" + column->name() + "'";
    if (found == mapping.fields.end()) {
      // What is not strict takes the field (by templates, or unindexed), or its template decides.
      bool is_strict = mapping.dynamic == "strict";
      if (!is_strict && mapping.dynamic != "false") continue;
      if (column->name().find('.') != std::string::npos) continue;  // a path through objects
      differences.push_back(
          {.kind = DifferenceKind::kColumn,
           .column = column->name(),
           .problem = "the mapping of index '" + name + "' has no " + field +
                      (is_strict ? " and is strict" : ", so that it is stored but not found"),
           .cure = "add it to the mapping, or leave the column out",
           .statement =
               is_strict ? "PUT /" + name + "/_mapping " + FieldMapping(*column) : std::string(),
           .blocks = is_strict});
      continue;
    }
    MappingFit fit = FitOf(*column->type(), found->second);
    if (fit == MappingFit::kFits) continue;
    bool refuses = fit == MappingFit::kRefuses;
    differences.push_back(
        {.kind = DifferenceKind::kType,
         .column = column->name(),
         .problem = field + " of index '" + name + "' is " + found->second + ", which " +
                    (refuses ? "does not take " : "may not take every ") +
                    column->type()->ToString(),
         .cure = "CAST the column in the query, or reindex into an index with another mapping",
         .blocks = refuses});
  }
  return differences;
}

}  // namespace mainstem::sink
