#include "sink/opensearch/index_pattern.h"

#include <absl/strings/match.h>
#include <arrow/api.h>

#include "format/value_text.h"

namespace mainstem::sink {
namespace {

using format::Instant;

bool HasDate(const arrow::DataType& type) {
  return type.id() == arrow::Type::DATE32 || type.id() == arrow::Type::TIMESTAMP;
}

bool HasTimeOfDay(const arrow::DataType& type) {
  return type.id() == arrow::Type::TIME32 || type.id() == arrow::Type::TIME64 ||
         type.id() == arrow::Type::TIMESTAMP;
}

bool HasZone(const arrow::DataType& type) {
  return type.id() == arrow::Type::TIMESTAMP &&
         !static_cast<const arrow::TimestampType&>(type).timezone().empty();
}

// Of DATE, TIME and TIMESTAMP; those without a zone as if they were in UTC.
Instant InstantOf(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::DATE32:
      return {.seconds = int64_t{static_cast<const arrow::Date32Array&>(array).Value(row)} * 86400,
              .nanos = 0};
    case arrow::Type::TIME32: {
      const auto& times = static_cast<const arrow::Time32Array&>(array);
      auto unit = static_cast<const arrow::Time32Type&>(*array.type()).unit();
      return format::FromTicks(times.Value(row), format::UnitsPerSecond(unit));
    }
    case arrow::Type::TIME64: {
      const auto& times = static_cast<const arrow::Time64Array&>(array);
      auto unit = static_cast<const arrow::Time64Type&>(*array.type()).unit();
      return format::FromTicks(times.Value(row), format::UnitsPerSecond(unit));
    }
    default: {
      CHECK(array.type_id() == arrow::Type::TIMESTAMP);
      const auto& times = static_cast<const arrow::TimestampArray&>(array);
      auto unit = static_cast<const arrow::TimestampType&>(*array.type()).unit();
      return format::FromTicks(times.Value(row), format::UnitsPerSecond(unit));
    }
  }
}

std::string DefaultPattern(const arrow::DataType& type) {
  if (!HasTimeOfDay(type)) return "yyyy_MM_dd";
  if (!HasDate(type)) return "HH_mm_ss";
  return HasZone(type) ? "yyyy_MM_dd_HH_mm_ssX" : "yyyy_MM_dd_HH_mm_ss";
}

Status Wrong(std::string message, std::string hint = "") {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = std::move(message), .hint = std::move(hint)});
}

// Seconds that are zero are left out, a fraction has 3, 6 or 9 digits.
void AppendJavaTimeOfDay(Instant instant, std::string* out) {
  std::string text;
  format::AppendTime(instant.seconds * 1000000000, &text);  // HH:mm:ss
  if (instant.nanos == 0) {
    out->append(text, 0, text.ends_with(":00") ? 5 : 8);
    return;
  }
  std::string nanos = std::to_string(instant.nanos);
  nanos.insert(0, 9 - nanos.size(), '0');
  size_t digits = instant.nanos % 1000000 == 0 ? 3 : instant.nanos % 1000 == 0 ? 6 : 9;
  *out += text + "." + nanos.substr(0, digits);
}

}  // namespace

void AppendJavaText(const arrow::Array& array, int64_t row, std::string* out) {
  const arrow::DataType& type = *array.type();
  if (!HasTimeOfDay(type)) return format::AppendValueText(array, row, out);
  Instant instant = InstantOf(array, row);
  int64_t second_of_day = (instant.seconds % 86400 + 86400) % 86400;
  if (HasDate(type)) {
    format::AppendDate((instant.seconds - second_of_day) / 86400, out);
    out->push_back('T');
  }
  instant.seconds = second_of_day;
  AppendJavaTimeOfDay(instant, out);
  if (!HasZone(type)) return;
  // An Instant always tells its seconds.
  if (out->size() >= 3 && (*out)[out->size() - 3] == ':' && (*out)[out->size() - 6] == 'T') {
    out->append(":00");
  }
  out->push_back('Z');
}

Result<IndexPattern> IndexPattern::Compile(const std::string& text, const arrow::Schema& schema,
                                           absl::TimeZone zone) {
  IndexPattern pattern;
  pattern.zone_ = zone;
  for (size_t at = 0; at < text.size();) {
    size_t open = std::min(text.find('{', at), text.size());
    if (open > at) pattern.parts_.push_back({.literal = text.substr(at, open - at)});
    if (open == text.size()) break;
    size_t close = text.find('}', open);
    if (close == std::string::npos) return Wrong("has a '{' without a '}'");
    RETURN_IF_ERROR(pattern.AddField(text.substr(open + 1, close - open - 1), schema));
    at = close + 1;
  }
  if (pattern.parts_.empty()) return Wrong("must not be empty");
  return pattern;
}

Status IndexPattern::AddField(const std::string& field, const arrow::Schema& schema) {
  size_t bar = field.find('|');
  std::string name = field.substr(0, bar);
  if (absl::StartsWith(name, "now(")) {
    return Wrong(
        "takes the time from a column, not from now(): a row that is written again after "
        "a fault would go to another index",
        "add a column to the query, such as CAST(CURRENT_TIMESTAMP AS TIMESTAMP(3))");
  }
  int column = schema.GetFieldIndex(name);
  if (column < 0) return Wrong("asks for the column '" + name + "', which the table does not have");
  const arrow::DataType& type = *schema.field(column)->type();
  Part part{.literal = "", .column = column};
  if (bar != std::string::npos) {
    if (!HasDate(type) && !HasTimeOfDay(type)) {
      return Wrong("has a date pattern for the column '" + name + "' of type " + type.ToString());
    }
    std::string letters = field.substr(bar + 1);
    if (letters.empty()) letters = DefaultPattern(type);
    ASSIGN_OR_RETURN(part.pattern, format::TimestampPattern::Compile(letters));
    if ((!HasDate(type) && part.pattern->HasAnyOf("yuMdE")) ||
        (!HasTimeOfDay(type) && part.pattern->HasAnyOf("HhmsSa")) ||
        (!HasZone(type) && part.pattern->HasAnyOf("ZXx"))) {
      return Wrong("asks for more than the column '" + name + "' of type " + type.ToString() +
                   " tells");
    }
  } else if (type.id() == arrow::Type::LIST || type.id() == arrow::Type::MAP ||
             type.id() == arrow::Type::STRUCT || type.id() == arrow::Type::BINARY) {
    return Wrong("asks for the column '" + name + "', whose type " + type.ToString() +
                 " makes no name");
  }
  parts_.push_back(std::move(part));
  columns_.push_back(column);
  return Status::OK();
}

std::optional<std::string> IndexPattern::NameOf(const arrow::RecordBatch& rows, int64_t row) const {
  std::string name;
  for (const Part& part : parts_) {
    if (part.column < 0) {
      name += part.literal;
      continue;
    }
    const arrow::Array& column = *rows.column(part.column);
    if (column.IsNull(row)) return std::nullopt;
    if (!part.pattern) {
      AppendJavaText(column, row, &name);
      continue;
    }
    Instant instant = InstantOf(column, row);
    format::TimestampPattern::WriteOptions options;
    if (HasZone(*column.type())) {
      options.offset_seconds = zone_.At(absl::FromUnixSeconds(instant.seconds)).offset;
    }
    part.pattern->Append(instant, options, &name);
  }
  return name;
}

}  // namespace mainstem::sink
