// Data types: syntax to LogicalType, with the limits of lengths and precisions.
#include <fmt/format.h>

#include "process/plan/binder.h"

namespace mainstem::process::plan {
namespace {

// Bounds and default of the one number that a type takes.
struct Limits {
  int low, high, fallback;
};

LogicalType Plain(const std::string& name) {
  if (name == "BOOLEAN") return LogicalType::Boolean();
  if (name == "TINYINT") return LogicalType::TinyInt();
  if (name == "SMALLINT") return LogicalType::SmallInt();
  if (name == "INT") return LogicalType::Int();
  if (name == "BIGINT") return LogicalType::BigInt();
  if (name == "FLOAT") return LogicalType::Float();
  if (name == "DOUBLE") return LogicalType::Double();
  if (name == "STRING") return LogicalType::String();
  if (name == "BYTES") return LogicalType::Bytes();
  if (name == "DATE") return LogicalType::Date();
  return LogicalType::Null();
}

}  // namespace

Result<LogicalType> Binder::BindType(const sql::TypeSyntax& type) {
  const auto number = [&](Limits limits) -> Result<int32_t> {
    const int value = type.precision.value_or(limits.fallback);
    if (value < limits.low || value > limits.high) {
      return Error(type.span, fmt::format("{}({}) is out of range: {} to {}", type.name, value,
                                          limits.low, limits.high));
    }
    return value;
  };
  constexpr int kLong = LogicalType::kMaxLength;
  LogicalType out = Plain(type.name);
  if (type.name == "CHAR" || type.name == "VARCHAR") {
    // As Flink's type system has it: VARCHAR alone is as long as it gets, CHAR alone is one.
    ASSIGN_OR_RETURN(int32_t length, number({1, kLong, type.name == "CHAR" ? 1 : kLong}));
    out = type.name == "CHAR" ? LogicalType::Char(length) : LogicalType::VarChar(length);
  } else if (type.name == "BINARY" || type.name == "VARBINARY") {
    ASSIGN_OR_RETURN(int32_t length, number({1, kLong, type.name == "BINARY" ? 1 : kLong}));
    out = type.name == "BINARY" ? LogicalType::Binary(length) : LogicalType::VarBinary(length);
  } else if (type.name == "DECIMAL") {
    ASSIGN_OR_RETURN(int32_t precision, number({1, LogicalType::kMaxDecimalPrecision, 10}));
    const int scale = type.scale.value_or(0);
    if (scale > precision) {
      return Error(type.span, fmt::format("the scale {} of DECIMAL is larger than its precision {}",
                                          scale, precision));
    }
    out = LogicalType::Decimal(precision, scale);
  } else if (type.name == "TIME") {
    ASSIGN_OR_RETURN(int32_t precision, number({0, 9, 0}));
    if (precision > 3) return NotYet(type.span, "TIME with a precision above 3");
    out = LogicalType::Time(precision);
  } else if (type.name == "TIMESTAMP" || type.name == "TIMESTAMP_LTZ") {
    ASSIGN_OR_RETURN(int32_t precision, number({0, 9, 6}));
    out = type.name == "TIMESTAMP" ? LogicalType::Timestamp(precision)
                                   : LogicalType::TimestampLtz(precision);
  } else if (type.name == "INTERVAL") {
    const bool months = type.interval_from == "YEAR" || type.interval_from == "MONTH" ||
                        type.interval_from == "QUARTER";
    out = months ? LogicalType::IntervalYearMonth() : LogicalType::IntervalDayTime();
  } else if (type.name == "ARRAY" || type.name == "MULTISET") {
    ASSIGN_OR_RETURN(LogicalType element, BindType(*type.elements[0]));
    out = type.name == "ARRAY" ? LogicalType::Array(element) : LogicalType::Multiset(element);
  } else if (type.name == "MAP") {
    ASSIGN_OR_RETURN(LogicalType key, BindType(*type.elements[0]));
    ASSIGN_OR_RETURN(LogicalType value, BindType(*type.elements[1]));
    out = LogicalType::Map(key, value);
  } else if (type.name == "ROW") {
    std::vector<RowField> fields;
    for (const sql::TypeSyntax::Field& field : type.fields) {
      ASSIGN_OR_RETURN(LogicalType field_type, BindType(*field.type));
      for (const RowField& have : fields) {
        if (have.name() == field.name.text) {
          return Error(field.name.span, fmt::format("field '{}' is there twice", field.name.text));
        }
      }
      fields.emplace_back(field.name.text, field_type);
    }
    out = LogicalType::Row(std::move(fields));
  } else if (out.root() == TypeRoot::kNull) {
    return NotYet(type.span, "type " + type.name);
  }
  return out.WithNullable(type.nullable);
}

}  // namespace mainstem::process::plan
