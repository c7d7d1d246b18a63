#include "connector/iceberg/partition_spec.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include "core/suggest.h"

namespace mainstem::connector::iceberg {
namespace {

namespace dom = simdjson::dom;

constexpr int32_t kFirstPartitionFieldId = 1000;

struct NamedTransform {
  std::string_view name;
  TransformKind kind;
};
// The names of the format, then those of other engines' SQL.
constexpr NamedTransform kTransforms[] = {
    {"identity", TransformKind::kIdentity}, {"bucket", TransformKind::kBucket},
    {"truncate", TransformKind::kTruncate}, {"year", TransformKind::kYear},
    {"month", TransformKind::kMonth},       {"day", TransformKind::kDay},
    {"hour", TransformKind::kHour},         {"void", TransformKind::kVoid},
    {"years", TransformKind::kYear},        {"months", TransformKind::kMonth},
    {"days", TransformKind::kDay},          {"hours", TransformKind::kHour},
};

std::string_view NameOf(TransformKind kind) {
  for (const NamedTransform& named : kTransforms) {
    if (named.kind == kind) return named.name;
  }
  return "unknown";
}

bool HasWidth(TransformKind kind) {
  return kind == TransformKind::kBucket || kind == TransformKind::kTruncate;
}

bool IsTime(TypeKind kind) {
  return kind == TypeKind::kTimestamp || kind == TypeKind::kTimestampTz;
}

bool Takes(TransformKind transform, TypeKind type) {
  switch (transform) {
    case TransformKind::kIdentity:
    case TransformKind::kVoid: return true;
    case TransformKind::kYear:
    case TransformKind::kMonth:
    case TransformKind::kDay: return type == TypeKind::kDate || IsTime(type);
    case TransformKind::kHour: return IsTime(type);
    case TransformKind::kTruncate:
      return type == TypeKind::kInt || type == TypeKind::kLong || type == TypeKind::kDecimal ||
             type == TypeKind::kString || type == TypeKind::kBinary;
    case TransformKind::kBucket:
      return type != TypeKind::kBoolean && type != TypeKind::kFloat && type != TypeKind::kDouble;
    case TransformKind::kOther: return false;
  }
  return false;
}

Status BadTerm(std::string_view term) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("'{}' is no partition", term),
                    .hint = "write a column, or year(c), month(c), day(c), hour(c), "
                            "bucket(16, c), truncate(4, c)"});
}

std::string Stripped(std::string_view text) {
  std::string stripped(text);
  absl::StripAsciiWhitespace(&stripped);
  return stripped;
}

std::string Unquoted(std::string text) {
  if (text.size() > 2 && text.front() == '`' && text.back() == '`') {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

Result<PartitionTerm> ParseTerm(std::string_view text) {
  size_t open = text.find('(');
  if (open == std::string_view::npos) {
    if (text.empty()) return BadTerm(text);
    return PartitionTerm{.column = Unquoted(std::string(text)), .transform = {}};
  }
  if (text.back() != ')') return BadTerm(text);
  std::string name = absl::AsciiStrToLower(Stripped(text.substr(0, open)));
  PartitionTerm term;
  bool is_known = false;
  for (const NamedTransform& named : kTransforms) {
    if (named.name != name) continue;
    term.transform.kind = named.kind;
    is_known = true;
  }
  if (!is_known) return BadTerm(text);
  std::vector<std::string> parts =
      absl::StrSplit(std::string(text.substr(open + 1, text.size() - open - 2)), ',');
  for (std::string& part : parts) absl::StripAsciiWhitespace(&part);
  if (parts.size() != (HasWidth(term.transform.kind) ? 2u : 1u)) return BadTerm(text);
  if (parts.size() == 2) {
    size_t number = absl::SimpleAtoi(parts[0], &term.transform.width) ? 0 : 1;
    if (!absl::SimpleAtoi(parts[number], &term.transform.width) || term.transform.width < 1) {
      return BadTerm(text);
    }
    parts = {parts[1 - number]};
  }
  if (parts[0].empty()) return BadTerm(text);
  term.column = Unquoted(parts[0]);
  return term;
}

std::string NameOfPartition(const PartitionTerm& term) {
  switch (term.transform.kind) {
    case TransformKind::kIdentity: return term.column;
    case TransformKind::kTruncate: return term.column + "_trunc";
    case TransformKind::kVoid: return term.column + "_null";
    default: return term.column + "_" + std::string(NameOf(term.transform.kind));
  }
}

}  // namespace

std::string TransformText(const Transform& transform) {
  if (transform.kind == TransformKind::kOther) return transform.other;
  std::string text(NameOf(transform.kind));
  return HasWidth(transform.kind) ? fmt::format("{}[{}]", text, transform.width) : text;
}

Transform ParseTransform(std::string_view text) {
  Transform transform;
  std::string_view name = text.substr(0, text.find('['));
  transform.kind = TransformKind::kOther;
  for (const NamedTransform& named : kTransforms) {
    if (named.name == name) transform.kind = named.kind;
  }
  if (HasWidth(transform.kind)) {
    std::string_view width = text.substr(std::min(name.size() + 1, text.size()));
    if (!width.ends_with("]") ||
        !absl::SimpleAtoi(std::string(width.substr(0, width.size() - 1)), &transform.width) ||
        transform.width < 1) {
      transform.kind = TransformKind::kOther;
    }
  } else if (name.size() != text.size()) {
    transform.kind = TransformKind::kOther;
  }
  if (transform.kind == TransformKind::kOther) transform.other = text;
  return transform;
}

Result<Type> TransformResult(const Transform& transform, const Type& source) {
  bool is_leaf = !source.is_nested() && source.kind != TypeKind::kOther;
  if (!is_leaf || !Takes(transform.kind, source.kind)) {
    return MakeError(ErrorCode::kInvalidArgument,
                     fmt::format("the partition transform '{}' cannot be done on {}",
                                 TransformText(transform), TypeText(source)));
  }
  Type result;
  switch (transform.kind) {
    case TransformKind::kIdentity:
    case TransformKind::kTruncate:
    case TransformKind::kVoid: return source;
    case TransformKind::kDay: result.kind = TypeKind::kDate; return result;
    default: result.kind = TypeKind::kInt; return result;
  }
}

Result<PartitionSpec> ParsePartitionSpec(dom::element json) {
  PartitionSpec spec;
  int64_t id = 0;
  dom::array fields;
  if (json["spec-id"].get(id) || json["fields"].get(fields)) {
    return DamagedMetadata("a partition spec lacks id or fields");
  }
  spec.id = static_cast<int32_t>(id);
  for (dom::element element : fields) {
    PartitionField field;
    int64_t source_id = 0;
    std::string_view name, transform;
    if (element["source-id"].get(source_id) || element["field-id"].get(id) ||
        element["name"].get(name) || element["transform"].get(transform)) {
      return DamagedMetadata("a partition field lacks source, id, name or transform");
    }
    field.source_id = static_cast<int32_t>(source_id);
    field.id = static_cast<int32_t>(id);
    field.name = name;
    field.transform = ParseTransform(transform);
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

void WritePartitionFields(const PartitionSpec& spec, JsonWriter* json) {
  json->BeginArray();
  for (const PartitionField& field : spec.fields) {
    json->BeginObject().Field("name", field.name);
    json->Field("transform", TransformText(field.transform));
    json->Field("source-id", field.source_id).Field("field-id", field.id).EndObject();
  }
  json->EndArray();
}

void WritePartitionSpec(const PartitionSpec& spec, JsonWriter* json) {
  json->BeginObject().Field("spec-id", spec.id).Key("fields");
  WritePartitionFields(spec, json);
  json->EndObject();
}

Result<std::vector<PartitionTerm>> ParsePartitionTerms(std::string_view text) {
  std::vector<PartitionTerm> terms;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    char c = i < text.size() ? text[i] : ',';
    depth += (c == '(') - (c == ')');
    if (c != ',' || (depth > 0 && i < text.size())) continue;
    ASSIGN_OR_RETURN(PartitionTerm term, ParseTerm(Stripped(text.substr(begin, i - begin))));
    terms.push_back(std::move(term));
    begin = i + 1;
  }
  return terms;
}

Result<PartitionSpec> MakePartitionSpec(const std::vector<PartitionTerm>& terms,
                                        const Schema& schema) {
  PartitionSpec spec;
  for (const PartitionTerm& term : terms) {
    const Field* source = schema.Find(term.column);
    if (source == nullptr) {
      std::vector<std::string> names;
      for (const Field& field : schema.fields) names.push_back(field.name);
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = "the partition column '" + term.column + "' is no column",
                        .hint = SuggestionFor(term.column, names)});
    }
    RETURN_IF_ERROR(TransformResult(term.transform, source->type));
    PartitionField field{.source_id = source->id,
                         .id = kFirstPartitionFieldId + static_cast<int32_t>(spec.fields.size()),
                         .name = NameOfPartition(term),
                         .transform = term.transform};
    bool is_taken = std::any_of(spec.fields.begin(), spec.fields.end(),
                                [&](const PartitionField& f) { return f.name == field.name; }) ||
                    (term.transform.kind != TransformKind::kIdentity && schema.Find(field.name));
    if (is_taken) {
      return MakeError(ErrorCode::kInvalidArgument,
                       "the partition '" + field.name + "' has the name of another or of a column");
    }
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

std::string PartitionText(const PartitionSpec& spec, const Schema& schema) {
  std::string text;
  for (const PartitionField& field : spec.fields) {
    const Field* source = schema.FindId(field.source_id);
    std::string column = source == nullptr ? "?" : source->name;
    if (!text.empty()) text += ", ";
    if (field.transform.kind == TransformKind::kIdentity) {
      text += column;
    } else if (HasWidth(field.transform.kind)) {
      text +=
          fmt::format("{}({}, {})", NameOf(field.transform.kind), field.transform.width, column);
    } else {
      text += fmt::format("{}({})", TransformText(field.transform), column);
    }
  }
  return text.empty() ? "not partitioned" : text;
}

}  // namespace mainstem::connector::iceberg
