// SQL data types of the dialect, as a small value type. Sits at the bottom of process/: parser,
// planner, expressions, formats of tables all name column types with it. Pure data, no executor.
// How a type is laid out in Arrow columns is in types/arrow_mapping.h; which types combine or cast
// is in types/type_coercion.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mainstem::process {

enum class TypeRoot : uint8_t {
  kNull,
  kBoolean,
  kTinyInt,
  kSmallInt,
  kInteger,
  kBigInt,
  kFloat,
  kDouble,
  kDecimal,
  kChar,
  kVarChar,  // STRING is VARCHAR(kMaxLength)
  kBinary,
  kVarBinary,  // BYTES is VARBINARY(kMaxLength)
  kDate,
  kTime,
  kTimestamp,
  kTimestampLtz,
  kIntervalYearMonth,  // value: months
  kIntervalDayTime,    // value: milliseconds
  kArray,
  kMap,
  kMultiset,
  kRow,
  kSymbol,  // a keyword as an argument (time unit, ON EMPTY behaviour); value: its upper-case text
  kDescriptor,  // DESCRIPTOR(column) of a window function; never a column's type
};

// Marks a column that carries event time or processing time. Travels with the type so that the
// planner can see it through projections; it is not a part of equality.
enum class TimeAttribute : uint8_t { kNone, kRowtime, kProctime };

class RowField;

// An immutable SQL type; cheap to copy (nested types share their children). Thread-safe to read.
// Does not promise that the type is valid in DDL (lengths and precisions are checked by Validate).
class LogicalType {
 public:
  static constexpr int32_t kMaxLength = 2147483647;
  static constexpr int32_t kMaxDecimalPrecision = 38;

  LogicalType() = default;  // the NULL type
  explicit LogicalType(TypeRoot root, bool nullable = true) : root_(root), nullable_(nullable) {}

  static LogicalType Null() { return LogicalType(); }
  static LogicalType Boolean() { return LogicalType(TypeRoot::kBoolean); }
  static LogicalType TinyInt() { return LogicalType(TypeRoot::kTinyInt); }
  static LogicalType SmallInt() { return LogicalType(TypeRoot::kSmallInt); }
  static LogicalType Int() { return LogicalType(TypeRoot::kInteger); }
  static LogicalType BigInt() { return LogicalType(TypeRoot::kBigInt); }
  static LogicalType Float() { return LogicalType(TypeRoot::kFloat); }
  static LogicalType Double() { return LogicalType(TypeRoot::kDouble); }
  static LogicalType Decimal(int32_t precision, int32_t scale);
  static LogicalType Char(int32_t length);
  static LogicalType VarChar(int32_t length);
  static LogicalType String() { return VarChar(kMaxLength); }
  static LogicalType Binary(int32_t length);
  static LogicalType VarBinary(int32_t length);
  static LogicalType Bytes() { return VarBinary(kMaxLength); }
  static LogicalType Date() { return LogicalType(TypeRoot::kDate); }
  static LogicalType Time(int32_t precision = 0);
  static LogicalType Timestamp(int32_t precision = 6);
  static LogicalType TimestampLtz(int32_t precision = 6);
  static LogicalType IntervalYearMonth() { return LogicalType(TypeRoot::kIntervalYearMonth); }
  static LogicalType IntervalDayTime() { return LogicalType(TypeRoot::kIntervalDayTime); }
  static LogicalType Symbol() { return LogicalType(TypeRoot::kSymbol, false); }
  static LogicalType Array(LogicalType element);
  static LogicalType Map(LogicalType key, LogicalType value);
  static LogicalType Multiset(LogicalType element);
  static LogicalType Row(std::vector<RowField> fields);

  LogicalType WithNullable(bool nullable) const;
  LogicalType NotNull() const { return WithNullable(false); }
  LogicalType WithTimeAttribute(TimeAttribute attribute) const;

  TypeRoot root() const { return root_; }
  bool nullable() const { return nullable_; }
  TimeAttribute time_attribute() const { return time_attribute_; }
  // CHAR, VARCHAR, BINARY, VARBINARY: length in characters (bytes).
  int32_t length() const { return precision_; }
  // DECIMAL: digits; TIME, TIMESTAMP, TIMESTAMP_LTZ: digits of the fraction of a second.
  int32_t precision() const { return precision_; }
  int32_t scale() const { return scale_; }
  // ARRAY, MULTISET: the element; MAP: the value.
  const LogicalType& element() const;
  const LogicalType& key() const;               // MAP
  const std::vector<RowField>& fields() const;  // ROW
  // Position of a ROW's field, -1 if there is none. Names are case-sensitive.
  int FieldIndex(std::string_view name) const;

  bool IsInteger() const;  // TINYINT .. BIGINT
  bool IsExactNumeric() const { return IsInteger() || root_ == TypeRoot::kDecimal; }
  bool IsApproximateNumeric() const;
  bool IsNumeric() const { return IsExactNumeric() || IsApproximateNumeric(); }
  bool IsCharacter() const { return root_ == TypeRoot::kChar || root_ == TypeRoot::kVarChar; }
  bool IsBinary() const { return root_ == TypeRoot::kBinary || root_ == TypeRoot::kVarBinary; }
  bool IsTimestamp() const {  // with or without local time zone
    return root_ == TypeRoot::kTimestamp || root_ == TypeRoot::kTimestampLtz;
  }
  bool IsDatetime() const {  // DATE, TIME, TIMESTAMP, TIMESTAMP_LTZ
    return root_ == TypeRoot::kDate || root_ == TypeRoot::kTime || IsTimestamp();
  }
  bool IsInterval() const {
    return root_ == TypeRoot::kIntervalYearMonth || root_ == TypeRoot::kIntervalDayTime;
  }
  bool IsNested() const { return root_ >= TypeRoot::kArray && root_ <= TypeRoot::kRow; }

  // Ticks of the stored value in a second (see arrow_mapping.h): 1000, 1000000 or 1000000000.
  int64_t UnitsPerSecond() const;

  // As DDL: "VARCHAR(5) NOT NULL", "STRING", "ROW<`a` INT, `b` ARRAY<STRING>>".
  std::string ToString() const;
  // As in planner errors, without nullability: "VARCHAR(2147483647)", "INTEGER", "TIMESTAMP(3)".
  std::string ToErrorString() const;
  // As result headers show it: "TIMESTAMP_WITHOUT_TIME_ZONE(3) NOT NULL", "INTEGER", "ARRAY".
  std::string ToResultString() const;

  // Equal in everything but nullability of the outermost type and time attributes.
  bool EqualsIgnoreNullability(const LogicalType& other) const;
  // Equal in everything but time attributes.
  friend bool operator==(const LogicalType& a, const LogicalType& b) {
    return a.nullable_ == b.nullable_ && a.EqualsIgnoreNullability(b);
  }

 private:
  struct Children;
  LogicalType(TypeRoot root, int32_t precision, int32_t scale = 0)
      : root_(root), precision_(precision), scale_(scale) {}

  TypeRoot root_ = TypeRoot::kNull;
  bool nullable_ = true;
  TimeAttribute time_attribute_ = TimeAttribute::kNone;
  int32_t precision_ = 0;
  int32_t scale_ = 0;
  std::shared_ptr<const Children> children_;
};

class RowField {
 public:
  RowField(std::string name, LogicalType type) : name_(std::move(name)), type_(std::move(type)) {}
  const std::string& name() const { return name_; }
  const LogicalType& type() const { return type_; }
  friend bool operator==(const RowField& a, const RowField& b) = default;

 private:
  std::string name_;
  LogicalType type_;
};

}  // namespace mainstem::process
