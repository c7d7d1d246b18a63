#include "format/value_text.h"

#include <arrow/api.h>
#include <arrow/util/decimal.h>

#include "format/text_number.h"
#include "format/text_time.h"

namespace mainstem::format {
namespace {

struct TickUnit {
  int64_t per_second;
  int digits;  // of the fraction
};

TickUnit UnitOf(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return {1, 0};
    case arrow::TimeUnit::MILLI: return {1000, 3};
    case arrow::TimeUnit::MICRO: return {1000000, 6};
    case arrow::TimeUnit::NANO: return {1000000000, 9};
  }
  return {1, 0};
}

void AppendTicks(int64_t ticks, TickUnit unit, std::string* out) {
  Instant instant = FromTicks(ticks, unit.per_second);
  AppendTimestamp({.seconds = instant.seconds, .nanos = 0}, ' ', out);
  if (unit.digits == 0) return;
  std::string nanos = std::to_string(instant.nanos);
  nanos.insert(0, 9 - nanos.size(), '0');
  out->push_back('.');
  out->append(nanos, 0, static_cast<size_t>(unit.digits));
}

template <typename Array>
auto ValueOf(const arrow::Array& array, int64_t row) {
  return static_cast<const Array&>(array).GetView(row);
}

void AppendElements(const arrow::ListArray& list, int64_t row, std::string* out) {
  out->push_back('[');
  for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
    if (i > list.value_offset(row)) out->append(", ");
    AppendValueText(*list.values(), i, out);
  }
  out->push_back(']');
}

void AppendEntries(const arrow::MapArray& map, int64_t row, std::string* out) {
  out->push_back('{');
  for (int64_t i = map.value_offset(row); i < map.value_offset(row + 1); ++i) {
    if (i > map.value_offset(row)) out->append(", ");
    AppendValueText(*map.keys(), i, out);
    out->push_back('=');
    AppendValueText(*map.items(), i, out);
  }
  out->push_back('}');
}

void AppendFields(const arrow::StructArray& fields, int64_t row, std::string* out) {
  out->push_back('(');
  for (int i = 0; i < fields.num_fields(); ++i) {
    if (i > 0) out->append(", ");
    AppendValueText(*fields.field(i), row, out);
  }
  out->push_back(')');
}

}  // namespace

void AppendValueText(const arrow::Array& array, int64_t row, std::string* out) {
  if (array.IsNull(row)) {
    out->append("NULL");
    return;
  }
  const arrow::DataType& type = *array.type();
  switch (array.type_id()) {
    case arrow::Type::BOOL:
      out->append(ValueOf<arrow::BooleanArray>(array, row) ? "TRUE" : "FALSE");
      return;
    case arrow::Type::INT8:
      out->append(std::to_string(ValueOf<arrow::Int8Array>(array, row)));
      return;
    case arrow::Type::INT16:
      out->append(std::to_string(ValueOf<arrow::Int16Array>(array, row)));
      return;
    case arrow::Type::INT32:
      out->append(std::to_string(ValueOf<arrow::Int32Array>(array, row)));
      return;
    case arrow::Type::INT64:
      out->append(std::to_string(ValueOf<arrow::Int64Array>(array, row)));
      return;
    case arrow::Type::FLOAT: AppendFloatText(ValueOf<arrow::FloatArray>(array, row), out); return;
    case arrow::Type::DOUBLE:
      AppendDoubleText(ValueOf<arrow::DoubleArray>(array, row), out);
      return;
    case arrow::Type::DECIMAL128: {
      const auto& decimals = static_cast<const arrow::Decimal128Array&>(array);
      AppendDecimalText(arrow::Decimal128(decimals.GetValue(row)),
                        static_cast<const arrow::Decimal128Type&>(type).scale(),
                        DecimalStyle::kPlain, out);
      return;
    }
    case arrow::Type::STRING: out->append(ValueOf<arrow::StringArray>(array, row)); return;
    case arrow::Type::BINARY: out->append(ValueOf<arrow::BinaryArray>(array, row)); return;
    case arrow::Type::DATE32: AppendDate(ValueOf<arrow::Date32Array>(array, row), out); return;
    case arrow::Type::TIME32:
      AppendTime(int64_t{ValueOf<arrow::Time32Array>(array, row)} * 1000000, out);
      return;
    case arrow::Type::TIMESTAMP:
      AppendTicks(ValueOf<arrow::TimestampArray>(array, row),
                  UnitOf(static_cast<const arrow::TimestampType&>(type).unit()), out);
      return;
    case arrow::Type::LIST:
      AppendElements(static_cast<const arrow::ListArray&>(array), row, out);
      return;
    case arrow::Type::MAP:
      AppendEntries(static_cast<const arrow::MapArray&>(array), row, out);
      return;
    case arrow::Type::STRUCT:
      AppendFields(static_cast<const arrow::StructArray&>(array), row, out);
      return;
    default: {
      auto scalar = array.GetScalar(row);
      out->append(scalar.ok() ? (*scalar)->ToString() : "?");
      return;
    }
  }
}

}  // namespace mainstem::format
