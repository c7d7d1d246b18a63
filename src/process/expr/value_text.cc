// Any value as CAST to STRING writes it, nested ones too.
#include <fmt/format.h>

#include "process/expr/cast_kernels.h"
#include "process/expr/datetime.h"
#include "process/expr/text.h"
#include "process/expr/vector.h"

namespace mainstem::process {
namespace {

using Root = TypeRoot;
using Text = std::string_view;

template <typename T>
T ValueAt(const arrow::ArrayData& data, int64_t row) {
  return Column<T>(data)[row];
}

void AppendNestedText(const arrow::ArrayData& data, int64_t row, const LogicalType& type,
                      const ValueTextOptions& options, std::string* out) {
  if (type.root() == Root::kRow) {
    *out += '(';
    for (size_t i = 0; i < type.fields().size(); ++i) {
      if (i > 0) *out += ", ";
      AppendValueText(*data.child_data[i], data.offset + row, type.fields()[i].type(), options,
                      out);
    }
    *out += ')';
    return;
  }
  const int32_t* offsets = data.GetValues<int32_t>(1);
  const arrow::ArrayData& items = *data.child_data[0];
  const bool is_array = type.root() == Root::kArray;
  *out += is_array ? '[' : '{';
  for (int32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
    if (i > offsets[row]) *out += ", ";
    if (is_array) {
      AppendValueText(items, i, type.element(), options, out);
      continue;
    }
    const bool is_map = type.root() == Root::kMap;
    AppendValueText(*items.child_data[0], items.offset + i, is_map ? type.key() : type.element(),
                    options, out);
    *out += '=';
    AppendValueText(*items.child_data[1], items.offset + i,
                    is_map ? type.element() : LogicalType::Int(), options, out);
  }
  *out += is_array ? ']' : '}';
}

}  // namespace

void AppendValueText(const arrow::ArrayData& data, int64_t row, const LogicalType& type,
                     const ValueTextOptions& options, std::string* out) {
  if (type.root() == Root::kNull || data.IsNull(row)) {
    *out += "NULL";
    return;
  }
  char text[kTextMax];
  size_t size = 0;
  switch (type.root()) {
    case Root::kBoolean: *out += ValueAt<bool>(data, row) ? "TRUE" : "FALSE"; return;
    case Root::kTinyInt: size = FormatInt(ValueAt<int8_t>(data, row), text); break;
    case Root::kSmallInt: size = FormatInt(ValueAt<int16_t>(data, row), text); break;
    case Root::kInteger: size = FormatInt(ValueAt<int32_t>(data, row), text); break;
    case Root::kBigInt: size = FormatInt(ValueAt<int64_t>(data, row), text); break;
    case Root::kFloat: size = FormatFloat(ValueAt<float>(data, row), text); break;
    case Root::kDouble: size = FormatDouble(ValueAt<double>(data, row), text); break;
    case Root::kDecimal:
      size = FormatDecimal(ValueAt<Int128>(data, row), type.scale(), text);
      break;
    case Root::kDate: size = FormatDate(ValueAt<int32_t>(data, row), text); break;
    case Root::kTime: size = FormatTime(ValueAt<int32_t>(data, row), type.precision(), text); break;
    case Root::kTimestamp:
    case Root::kTimestampLtz: {
      int64_t ticks = ValueAt<int64_t>(data, row);
      const int64_t units = type.UnitsPerSecond();
      if (type.root() == Root::kTimestampLtz) ticks = ToLocal(options.time_zone, ticks, units);
      size = FormatTimestamp(ticks, units, type.precision(), text);
      break;
    }
    case Root::kIntervalYearMonth:
      size = FormatIntervalMonths(ValueAt<int32_t>(data, row), text);
      break;
    case Root::kIntervalDayTime:
      size = FormatIntervalMillis(ValueAt<int64_t>(data, row), text);
      break;
    case Root::kBinary:
    case Root::kVarBinary:
      if (options.binary_as_hex) {
        *out += "x'";
        for (char c : ValueAt<Text>(data, row)) {
          *out += fmt::format("{:02x}", static_cast<unsigned char>(c));
        }
        *out += '\'';
        return;
      }
      [[fallthrough]];
    case Root::kChar:
    case Root::kVarChar:
    case Root::kSymbol: *out += ValueAt<Text>(data, row); return;
    default: AppendNestedText(data, row, type, options, out); return;
  }
  out->append(text, size);
}

}  // namespace mainstem::process
