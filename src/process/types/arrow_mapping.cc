#include "process/types/arrow_mapping.h"

#include <arrow/type.h>

namespace mainstem::process {
namespace {

arrow::TimeUnit::type UnitOf(int32_t precision) {
  if (precision <= 3) return arrow::TimeUnit::MILLI;
  return precision <= 6 ? arrow::TimeUnit::MICRO : arrow::TimeUnit::NANO;
}

int32_t PrecisionOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return 0;
    case arrow::TimeUnit::MILLI: return 3;
    case arrow::TimeUnit::MICRO: return 6;
    default: return 9;
  }
}

Result<LogicalType> FromNestedArrowType(const arrow::DataType& type) {
  if (type.id() == arrow::Type::LIST || type.id() == arrow::Type::LARGE_LIST) {
    const auto& field = *type.field(0);
    ASSIGN_OR_RETURN(LogicalType element, FromArrowType(*field.type(), field.nullable()));
    return LogicalType::Array(element);
  }
  if (type.id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    ASSIGN_OR_RETURN(LogicalType key, FromArrowType(*map.key_type(), false));
    ASSIGN_OR_RETURN(LogicalType value,
                     FromArrowType(*map.item_type(), map.item_field()->nullable()));
    return LogicalType::Map(key, value);
  }
  if (type.id() == arrow::Type::STRUCT) {
    std::vector<RowField> fields;
    for (const auto& field : type.fields()) {
      ASSIGN_OR_RETURN(LogicalType child, FromArrowType(*field->type(), field->nullable()));
      fields.emplace_back(field->name(), child);
    }
    return LogicalType::Row(std::move(fields));
  }
  return MakeError(ErrorCode::kUnsupported,
                   {.message = "no SQL type for the Arrow type " + type.ToString()});
}

Result<LogicalType> FromArrowTypeNullable(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA: return LogicalType::Null();
    case arrow::Type::BOOL: return LogicalType::Boolean();
    case arrow::Type::INT8: return LogicalType::TinyInt();
    case arrow::Type::INT16:
    case arrow::Type::UINT8: return LogicalType::SmallInt();
    case arrow::Type::INT32:
    case arrow::Type::UINT16: return LogicalType::Int();
    case arrow::Type::INT64:
    case arrow::Type::UINT32: return LogicalType::BigInt();
    case arrow::Type::UINT64: return LogicalType::Decimal(20, 0);
    case arrow::Type::FLOAT: return LogicalType::Float();
    case arrow::Type::DOUBLE: return LogicalType::Double();
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return LogicalType::Decimal(decimal.precision(), decimal.scale());
    }
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING: return LogicalType::String();
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY: return LogicalType::Bytes();
    case arrow::Type::DATE32: return LogicalType::Date();
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return LogicalType::Time(3);
    case arrow::Type::DURATION: return LogicalType::IntervalDayTime();
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      const int32_t precision = PrecisionOf(timestamp.unit());
      return timestamp.timezone().empty() ? LogicalType::Timestamp(precision)
                                          : LogicalType::TimestampLtz(precision);
    }
    default: return FromNestedArrowType(type);
  }
}

std::shared_ptr<arrow::DataType> NestedToArrowType(const LogicalType& type) {
  switch (type.root()) {
    case TypeRoot::kArray: return arrow::list(ToArrowField("item", type.element()));
    case TypeRoot::kMap:
      return arrow::map(ToArrowType(type.key()), ToArrowField("value", type.element()));
    case TypeRoot::kMultiset:
      return arrow::map(ToArrowType(type.element()), arrow::field("value", arrow::int32(), false));
    case TypeRoot::kRow: {
      arrow::FieldVector fields;
      for (const RowField& field : type.fields()) {
        fields.push_back(ToArrowField(field.name(), field.type()));
      }
      return arrow::struct_(std::move(fields));
    }
    default: CHECK(false);
  }
}

}  // namespace

std::shared_ptr<arrow::DataType> ToArrowType(const LogicalType& type) {
  switch (type.root()) {
    case TypeRoot::kNull: return arrow::null();
    case TypeRoot::kBoolean: return arrow::boolean();
    case TypeRoot::kTinyInt: return arrow::int8();
    case TypeRoot::kSmallInt: return arrow::int16();
    case TypeRoot::kInteger:
    case TypeRoot::kIntervalYearMonth: return arrow::int32();
    case TypeRoot::kBigInt: return arrow::int64();
    case TypeRoot::kFloat: return arrow::float32();
    case TypeRoot::kDouble: return arrow::float64();
    case TypeRoot::kDecimal: return arrow::decimal128(type.precision(), type.scale());
    case TypeRoot::kChar:
    case TypeRoot::kVarChar:
    case TypeRoot::kSymbol: return arrow::utf8();
    case TypeRoot::kBinary:
    case TypeRoot::kVarBinary: return arrow::binary();
    case TypeRoot::kDate: return arrow::date32();
    case TypeRoot::kTime: return arrow::time32(arrow::TimeUnit::MILLI);
    case TypeRoot::kTimestamp: return arrow::timestamp(UnitOf(type.precision()));
    case TypeRoot::kTimestampLtz: return arrow::timestamp(UnitOf(type.precision()), "UTC");
    case TypeRoot::kIntervalDayTime: return arrow::duration(arrow::TimeUnit::MILLI);
    default: return NestedToArrowType(type);
  }
}

std::shared_ptr<arrow::Field> ToArrowField(const std::string& name, const LogicalType& type) {
  return arrow::field(name, ToArrowType(type), type.nullable());
}

std::shared_ptr<arrow::Schema> ToArrowSchema(const std::vector<RowField>& fields) {
  arrow::FieldVector arrow_fields;
  for (const RowField& field : fields) {
    arrow_fields.push_back(ToArrowField(field.name(), field.type()));
  }
  return arrow::schema(std::move(arrow_fields));
}

Result<LogicalType> FromArrowType(const arrow::DataType& type, bool nullable) {
  ASSIGN_OR_RETURN(LogicalType result, FromArrowTypeNullable(type));
  return result.WithNullable(nullable);
}

}  // namespace mainstem::process
