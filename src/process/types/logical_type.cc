#include "process/types/logical_type.h"

#include <fmt/format.h>

#include "core/status.h"

namespace mainstem::process {

struct LogicalType::Children {
  std::vector<LogicalType> types;  // ARRAY, MULTISET: element; MAP: key, value
  std::vector<RowField> fields;    // ROW
};

LogicalType LogicalType::Decimal(int32_t precision, int32_t scale) {
  return LogicalType(TypeRoot::kDecimal, precision, scale);
}
LogicalType LogicalType::Char(int32_t length) { return LogicalType(TypeRoot::kChar, length); }
LogicalType LogicalType::VarChar(int32_t length) { return LogicalType(TypeRoot::kVarChar, length); }
LogicalType LogicalType::Binary(int32_t length) { return LogicalType(TypeRoot::kBinary, length); }
LogicalType LogicalType::VarBinary(int32_t length) {
  return LogicalType(TypeRoot::kVarBinary, length);
}
LogicalType LogicalType::Time(int32_t precision) {
  return LogicalType(TypeRoot::kTime, precision, 0);
}
LogicalType LogicalType::Timestamp(int32_t precision) {
  return LogicalType(TypeRoot::kTimestamp, precision, 0);
}
LogicalType LogicalType::TimestampLtz(int32_t precision) {
  return LogicalType(TypeRoot::kTimestampLtz, precision, 0);
}

LogicalType LogicalType::Array(LogicalType element) {
  LogicalType type(TypeRoot::kArray);
  type.children_ = std::make_shared<Children>(Children{{std::move(element)}, {}});
  return type;
}
LogicalType LogicalType::Map(LogicalType key, LogicalType value) {
  LogicalType type(TypeRoot::kMap);
  type.children_ = std::make_shared<Children>(Children{{std::move(key), std::move(value)}, {}});
  return type;
}
LogicalType LogicalType::Multiset(LogicalType element) {
  LogicalType type(TypeRoot::kMultiset);
  type.children_ = std::make_shared<Children>(Children{{std::move(element)}, {}});
  return type;
}
LogicalType LogicalType::Row(std::vector<RowField> fields) {
  LogicalType type(TypeRoot::kRow);
  type.children_ = std::make_shared<Children>(Children{{}, std::move(fields)});
  return type;
}

LogicalType LogicalType::WithNullable(bool nullable) const {
  LogicalType copy = *this;
  copy.nullable_ = nullable;
  return copy;
}
LogicalType LogicalType::WithTimeAttribute(TimeAttribute attribute) const {
  LogicalType copy = *this;
  copy.time_attribute_ = attribute;
  return copy;
}

const LogicalType& LogicalType::element() const {
  CHECK(children_ != nullptr && !children_->types.empty());
  return children_->types.back();
}
const LogicalType& LogicalType::key() const {
  CHECK(root_ == TypeRoot::kMap);
  return children_->types.front();
}
const std::vector<RowField>& LogicalType::fields() const {
  CHECK(root_ == TypeRoot::kRow);
  return children_->fields;
}
int LogicalType::FieldIndex(std::string_view name) const {
  for (size_t i = 0; i < fields().size(); ++i) {
    if (fields()[i].name() == name) return static_cast<int>(i);
  }
  return -1;
}

bool LogicalType::IsInteger() const {
  return root_ >= TypeRoot::kTinyInt && root_ <= TypeRoot::kBigInt;
}
bool LogicalType::IsApproximateNumeric() const {
  return root_ == TypeRoot::kFloat || root_ == TypeRoot::kDouble;
}

int64_t LogicalType::UnitsPerSecond() const {
  if (!IsTimestamp() || precision_ <= 3) return 1000;
  return precision_ <= 6 ? 1'000'000 : 1'000'000'000;
}

bool LogicalType::EqualsIgnoreNullability(const LogicalType& other) const {
  if (root_ != other.root_ || precision_ != other.precision_ || scale_ != other.scale_) {
    return false;
  }
  if (children_ == other.children_) return true;
  if (children_ == nullptr || other.children_ == nullptr) return false;
  return children_->types == other.children_->types && children_->fields == other.children_->fields;
}

namespace {

enum class TypeText { kDdl, kError, kResult };

std::string WithLength(std::string_view name, int32_t length, TypeText text,
                       std::string_view unbounded) {
  if (length == LogicalType::kMaxLength && text != TypeText::kError) return std::string(unbounded);
  return fmt::format("{}({})", name, length);
}

std::string Print(const LogicalType& type, TypeText text);

std::string PrintNested(const LogicalType& type, TypeText text) {
  const bool brief = text == TypeText::kResult;
  switch (type.root()) {
    case TypeRoot::kArray:
      if (text == TypeText::kError) return Print(type.element(), text) + " ARRAY";
      return brief ? "ARRAY" : fmt::format("ARRAY<{}>", type.element().ToString());
    case TypeRoot::kMultiset:
      if (text == TypeText::kError) return Print(type.element(), text) + " MULTISET";
      return brief ? "MULTISET" : fmt::format("MULTISET<{}>", type.element().ToString());
    case TypeRoot::kMap:
      if (text == TypeText::kError) {
        return fmt::format("({}, {}) MAP", Print(type.key(), text), Print(type.element(), text));
      }
      return brief ? "MAP"
                   : fmt::format("MAP<{}, {}>", type.key().ToString(), type.element().ToString());
    default: break;
  }
  if (brief) return "ROW";
  std::string fields;
  for (const RowField& field : type.fields()) {
    if (!fields.empty()) fields += ", ";
    fields += text == TypeText::kError
                  ? fmt::format("{} {}", Print(field.type(), text), field.name())
                  : fmt::format("`{}` {}", field.name(), field.type().ToString());
  }
  return text == TypeText::kError ? fmt::format("RecordType({})", fields)
                                  : fmt::format("ROW<{}>", fields);
}

std::string Print(const LogicalType& type, TypeText text) {
  const bool ddl = text == TypeText::kDdl;
  switch (type.root()) {
    case TypeRoot::kNull: return "NULL";
    case TypeRoot::kBoolean: return "BOOLEAN";
    case TypeRoot::kTinyInt: return "TINYINT";
    case TypeRoot::kSmallInt: return "SMALLINT";
    case TypeRoot::kInteger: return ddl ? "INT" : "INTEGER";
    case TypeRoot::kBigInt: return "BIGINT";
    case TypeRoot::kFloat: return "FLOAT";
    case TypeRoot::kDouble: return "DOUBLE";
    case TypeRoot::kDecimal:
      return text == TypeText::kResult
                 ? fmt::format("DECIMAL({},{})", type.precision(), type.scale())
                 : fmt::format("DECIMAL({}, {})", type.precision(), type.scale());
    case TypeRoot::kChar: return fmt::format("CHAR({})", type.length());
    case TypeRoot::kVarChar:
      return WithLength("VARCHAR", type.length(), text, ddl ? "STRING" : "VARCHAR");
    case TypeRoot::kBinary: return fmt::format("BINARY({})", type.length());
    case TypeRoot::kVarBinary:
      return WithLength("VARBINARY", type.length(), text, ddl ? "BYTES" : "VARBINARY");
    case TypeRoot::kDate: return "DATE";
    case TypeRoot::kTime:
      return text == TypeText::kResult ? fmt::format("TIME_WITHOUT_TIME_ZONE({})", type.precision())
                                       : fmt::format("TIME({})", type.precision());
    case TypeRoot::kTimestamp:
      return text == TypeText::kResult
                 ? fmt::format("TIMESTAMP_WITHOUT_TIME_ZONE({})", type.precision())
                 : fmt::format("TIMESTAMP({})", type.precision());
    case TypeRoot::kTimestampLtz:
      return ddl ? fmt::format("TIMESTAMP_LTZ({})", type.precision())
                 : fmt::format("TIMESTAMP_WITH_LOCAL_TIME_ZONE({})", type.precision());
    case TypeRoot::kIntervalYearMonth:
      return text == TypeText::kResult ? "INTERVAL_YEAR_MONTH(2)" : "INTERVAL YEAR TO MONTH";
    case TypeRoot::kIntervalDayTime:
      return text == TypeText::kResult ? "INTERVAL_DAY_TIME(2)" : "INTERVAL DAY TO SECOND(3)";
    case TypeRoot::kSymbol: return "SYMBOL";
    case TypeRoot::kDescriptor: return "COLUMN_LIST";
    default: return PrintNested(type, text);
  }
}

}  // namespace

std::string LogicalType::ToString() const {
  return Print(*this, TypeText::kDdl) + (nullable_ || root_ == TypeRoot::kNull ? "" : " NOT NULL");
}
std::string LogicalType::ToErrorString() const { return Print(*this, TypeText::kError); }
std::string LogicalType::ToResultString() const {
  return Print(*this, TypeText::kResult) + (nullable_ ? "" : " NOT NULL");
}

}  // namespace mainstem::process
