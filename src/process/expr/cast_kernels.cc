#include "process/expr/cast_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <arrow/api.h>
#include <arrow/util/bit_util.h>
#include <fmt/format.h>

#include "format/utf8.h"
#include "process/expr/datetime.h"
#include "process/expr/decimal_math.h"
#include "process/expr/take.h"
#include "process/expr/text.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

using Root = TypeRoot;
using Text = std::string_view;

DecimalShape ShapeOf(const LogicalType& type) { return {type.precision(), type.scale()}; }

// The same buffers under another Arrow type.
Kernel Relabel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto data = args[0].data->Copy();
    data->type = ToArrowType(scope.type());
    return Vector{std::move(data), args[0].constant};
  };
}

// ---- Numbers ------------------------------------------------------------------------------------

template <typename To, typename From>
To ConvertNumber(From value) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Saturates to INT (BIGINT for a BIGINT), then narrows by cutting bits; NaN is 0.
    using Wide = std::conditional_t<sizeof(To) == 8, int64_t, int32_t>;
    if (std::isnan(value)) return 0;
    using Limits = std::numeric_limits<Wide>;
    if (value >= static_cast<From>(Limits::max())) return static_cast<To>(Limits::max());
    if (value <= static_cast<From>(Limits::min())) return static_cast<To>(Limits::min());
    return static_cast<To>(static_cast<Wide>(value));
  } else {
    return static_cast<To>(value);
  }
}

// Calls f(T{}) with the C type of a binary number type.
template <typename F>
Result<Kernel> WithNumber(const LogicalType& type, F f) {
  switch (type.root()) {
    case Root::kTinyInt: return f(int8_t{});
    case Root::kSmallInt: return f(int16_t{});
    case Root::kInteger:
    case Root::kIntervalYearMonth: return f(int32_t{});
    case Root::kBigInt:
    case Root::kIntervalDayTime: return f(int64_t{});
    case Root::kFloat: return f(float{});
    case Root::kDouble: return f(double{});
    default: CHECK(false);
  }
}

bool IsBinaryNumber(const LogicalType& type) {
  return type.IsInteger() || type.IsApproximateNumeric() || type.IsInterval();
}

Result<Kernel> NumberToNumber(const LogicalType& from, const LogicalType& to) {
  return WithNumber(from, [&](auto source) {
    return WithNumber(to, [&](auto target) -> Result<Kernel> {
      using From = decltype(source);
      using To = decltype(target);
      if constexpr (std::is_same_v<From, To>) {
        return Relabel();
      } else {
        return Kernel(DenseKernel<To, From>([](From value) { return ConvertNumber<To>(value); }));
      }
    });
  });
}

Result<Kernel> NumberToDecimal(const LogicalType& from, const LogicalType& to) {
  const DecimalShape shape = ShapeOf(to);
  return WithNumber(from, [shape](auto source) -> Result<Kernel> {
    using From = decltype(source);
    return Kernel(StrictKernel<Int128, From>([shape](From value) -> std::optional<Int128> {
      if constexpr (std::is_floating_point_v<From>) {
        return DecimalFromDouble(value, shape);
      } else {
        return Rescale(value, 0, shape.scale, shape.precision);
      }
    }));
  });
}

Result<Kernel> DecimalToNumber(const LogicalType& from, const LogicalType& to) {
  const int scale = from.scale();
  return WithNumber(to, [scale](auto target) -> Result<Kernel> {
    using To = decltype(target);
    return Kernel(DenseKernel<To, Int128>([scale](Int128 value) -> To {
      if constexpr (std::is_floating_point_v<To>) {
        return static_cast<To>(DecimalToDouble(value, scale));
      } else {
        return static_cast<To>(static_cast<uint64_t>(value / PowerOfTen(scale)));
      }
    }));
  });
}

Result<Kernel> CastNumeric(const LogicalType& from, const LogicalType& to) {
  const bool from_decimal = from.root() == Root::kDecimal;
  const bool to_decimal = to.root() == Root::kDecimal;
  if (from_decimal && to_decimal) {
    const DecimalShape shape = ShapeOf(to);
    const int scale = from.scale();
    if (scale == shape.scale && from.precision() <= shape.precision) return Relabel();
    return Kernel(StrictKernel<Int128, Int128>([shape, scale](Int128 value) {
      return Rescale(value, scale, shape.scale, shape.precision);
    }));
  }
  if (from_decimal) return DecimalToNumber(from, to);
  if (to_decimal) return NumberToDecimal(from, to);
  return NumberToNumber(from, to);
}

Result<Kernel> CastBoolean(const LogicalType& from, const LogicalType& to) {
  if (from.root() == Root::kBoolean) {
    if (to.root() == Root::kDecimal) {
      const DecimalShape shape = ShapeOf(to);
      return Kernel(StrictKernel<Int128, bool>(
          [shape](bool value) { return Rescale(value, 0, shape.scale, shape.precision); }));
    }
    return WithNumber(to, [](auto target) -> Result<Kernel> {
      using To = decltype(target);
      return Kernel(DenseKernel<To, bool>([](bool value) { return static_cast<To>(value); }));
    });
  }
  if (from.root() == Root::kDecimal) {
    return Kernel(DenseKernel<bool, Int128>([](Int128 value) { return value != 0; }));
  }
  return WithNumber(from, [](auto source) -> Result<Kernel> {
    using From = decltype(source);
    return Kernel(DenseKernel<bool, From>([](From value) { return value != 0; }));
  });
}

// ---- Moments ------------------------------------------------------------------------------------

int64_t TicksOrFail(RowErrors& errors, Moment moment, int64_t units) {
  const auto ticks = TicksOfMoment(moment, units);
  if (!ticks) errors.Fail(kTicksOutOfRange);
  return ticks.value_or(0);
}

// ---- From text ----------------------------------------------------------------------------------

// Runs a Parsed<T>-returning function on text.
template <typename R, typename Parse>
Kernel ParseKernel(Parse parse) {
  return StrictKernel<R, Text>([parse](RowErrors& errors, Text text) -> R {
    auto parsed = parse(text);
    if (!parsed.value) {
      errors.Fail(std::move(parsed.error));
      return R{};
    }
    return static_cast<R>(*parsed.value);
  });
}

template <typename T>
Kernel ParseIntegerKernel() {
  return ParseKernel<T>([](Text text) {
    return ParseInteger(text, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
  });
}

Kernel ParseTimestampKernel(const LogicalType& to) {
  const int64_t units = to.UnitsPerSecond();
  const int precision = to.precision();
  const bool local = to.root() == Root::kTimestampLtz;
  return [units, precision, local](KernelScope& scope,
                                   std::span<const Vector> args) -> Result<Vector> {
    const absl::TimeZone zone = scope.context().time_zone;
    return RunStrict<int64_t, Text>(scope, args, [&](RowErrors& errors, Text text) -> int64_t {
      auto parsed = ParseMoment(text, precision);
      if (!parsed.value) {
        errors.Fail(std::move(parsed.error));
        return 0;
      }
      return TicksOrFail(errors, local ? FromLocal(zone, *parsed.value) : *parsed.value, units);
    });
  };
}

Result<Kernel> CastFromText(const LogicalType& to) {
  switch (to.root()) {
    case Root::kBoolean: return ParseKernel<bool>(ParseBoolean);
    case Root::kTinyInt: return ParseIntegerKernel<int8_t>();
    case Root::kSmallInt: return ParseIntegerKernel<int16_t>();
    case Root::kInteger: return ParseIntegerKernel<int32_t>();
    case Root::kBigInt: return ParseIntegerKernel<int64_t>();
    case Root::kFloat: return ParseKernel<float>(ParseDouble);
    case Root::kDouble: return ParseKernel<double>(ParseDouble);
    case Root::kDecimal:
      return ParseKernel<Int128>(
          [shape = ShapeOf(to)](Text text) { return ParseDecimal(text, shape); });
    case Root::kDate: return ParseKernel<int32_t>(ParseDate);
    case Root::kTime: return ParseKernel<int32_t>(ParseTime);
    default: return ParseTimestampKernel(to);
  }
}

// ---- To text ------------------------------------------------------------------------------------

// First `length` characters; shorter text is padded with spaces if `pad`.
void AppendFitted(TextSink& sink, Text text, int32_t length, bool pad) {
  size_t bytes = 0;
  int32_t characters = 0;
  while (bytes < text.size()) {
    if ((text[bytes] & 0xC0) != 0x80 && ++characters > length) {
      characters = length;
      break;
    }
    ++bytes;
  }
  sink.Append(text.substr(0, bytes));
  if (pad) sink.AppendRepeated(' ', length - characters);
}

void AppendFittedBytes(TextSink& sink, Text value, int32_t length, bool pad) {
  const Text kept = value.substr(0, static_cast<size_t>(length));
  sink.Append(kept);
  if (pad) sink.AppendRepeated('\0', length - static_cast<int64_t>(kept.size()));
}

// Fits what `kernel` wrote to the length of CHAR(n), VARCHAR(n), BINARY(n) or VARBINARY(n).
Kernel Fit(Kernel kernel, const LogicalType& to) {
  const bool pad = to.root() == Root::kChar || to.root() == Root::kBinary;
  if (!pad && to.length() == LogicalType::kMaxLength) return kernel;
  const auto append = to.IsBinary() ? AppendFittedBytes : AppendFitted;
  return [kernel, append, length = to.length(), pad](
             KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    ASSIGN_OR_RETURN(const Vector text, kernel(scope, args));
    return RunStrict<Text, Text>(
        scope, {&text, 1}, [&](TextSink& sink, Text value) { append(sink, value, length, pad); });
  };
}

// Runs size_t format(T, char*).
template <typename T, typename Format>
Kernel FormatKernel(Format format) {
  return StrictKernel<Text, T>([format](TextSink& sink, T value) {
    char text[kTextMax];
    sink.Append(Text(text, format(value, text)));
  });
}

template <typename T>
Kernel FormatIntKernel() {
  return FormatKernel<T>([](T value, char* out) { return FormatInt(value, out); });
}

Kernel FormatTimestampKernel(const LogicalType& from) {
  const int64_t units = from.UnitsPerSecond();
  const int precision = from.precision();
  const bool local = from.root() == Root::kTimestampLtz;
  return [units, precision, local](KernelScope& scope,
                                   std::span<const Vector> args) -> Result<Vector> {
    const absl::TimeZone zone = scope.context().time_zone;
    const bool convert = local && zone != absl::UTCTimeZone();
    return RunStrict<Text, int64_t>(scope, args, [&](TextSink& sink, int64_t ticks) {
      char text[kTextMax];
      if (convert) ticks = ToLocal(zone, ticks, units);
      sink.Append(Text(text, FormatTimestamp(ticks, units, precision, text)));
    });
  };
}

Kernel FormatNestedKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const Vector& arg = args[0];
    const int64_t count = arg.constant ? 1 : scope.row_count();
    ASSIGN_OR_RETURN(auto validity, CombineValidity(args, count, scope.pool()));
    if (arg.IsConstantNull()) return ConstantNull(scope.type());
    TextSink sink;
    RETURN_IF_ERROR(sink.Init(count, scope.pool()));
    const ValueTextOptions options{.time_zone = scope.context().time_zone};
    std::string text;
    for (int64_t row = 0; row < count; ++row) {
      if (!arg.data->IsNull(row)) {
        text.clear();
        AppendValueText(*arg.data, row, scope.arg_type(0), options, &text);
        sink.Append(text);
      }
      sink.EndRow();
      if (sink.failed()) return scope.Fail(row, sink);
    }
    arrow::BufferVector buffers{validity};
    RETURN_IF_ERROR(sink.Finish(scope.function_name(), &buffers));
    return MakeVector(scope.type(), count, arg.constant, std::move(buffers));
  };
}

Result<Kernel> CastToText(const LogicalType& from) {
  switch (from.root()) {
    case Root::kBoolean:
      return Kernel(StrictKernel<Text, bool>(
          [](TextSink& sink, bool value) { sink.Append(value ? "TRUE" : "FALSE"); }));
    case Root::kTinyInt: return FormatIntKernel<int8_t>();
    case Root::kSmallInt: return FormatIntKernel<int16_t>();
    case Root::kInteger: return FormatIntKernel<int32_t>();
    case Root::kBigInt: return FormatIntKernel<int64_t>();
    case Root::kFloat: return FormatKernel<float>(FormatFloat);
    case Root::kDouble: return FormatKernel<double>(FormatDouble);
    case Root::kDecimal:
      return FormatKernel<Int128>([scale = from.scale()](Int128 value, char* out) {
        return FormatDecimal(value, scale, out);
      });
    case Root::kDate: return FormatKernel<int32_t>(FormatDate);
    case Root::kTime:
      return FormatKernel<int32_t>([precision = from.precision()](int32_t value, char* out) {
        return FormatTime(value, precision, out);
      });
    case Root::kTimestamp:
    case Root::kTimestampLtz: return FormatTimestampKernel(from);
    case Root::kIntervalYearMonth: return FormatKernel<int32_t>(FormatIntervalMonths);
    case Root::kIntervalDayTime: return FormatKernel<int64_t>(FormatIntervalMillis);
    case Root::kChar:
    case Root::kVarChar: return Relabel();
    case Root::kBinary:
    case Root::kVarBinary:
      return Kernel(StrictKernel<Text, Text>([](TextSink& sink, Text bytes) {
        std::string scratch;
        sink.Append(format::ReplaceInvalidUtf8(bytes, &scratch));
      }));
    default: return FormatNestedKernel();
  }
}

// ---- Date and time ------------------------------------------------------------------------------

// Ticks that one digit of the type's precision stands for.
int64_t CutOf(const LogicalType& type) {
  int64_t cut = type.UnitsPerSecond();
  for (int i = 0; i < type.precision(); ++i) cut /= 10;
  return std::max<int64_t>(cut, 1);
}

Kernel TimestampToTimestamp(const LogicalType& from, const LogicalType& to) {
  const int64_t from_units = from.UnitsPerSecond(), to_units = to.UnitsPerSecond();
  const int64_t cut = from.precision() > to.precision() ? CutOf(to) : 1;
  const bool to_local = from.root() == Root::kTimestampLtz && to.root() == Root::kTimestamp;
  const bool from_local = from.root() == Root::kTimestamp && to.root() == Root::kTimestampLtz;
  return [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const absl::TimeZone zone = scope.context().time_zone;
    const bool shift = (to_local || from_local) && zone != absl::UTCTimeZone();
    if (!shift && from_units == to_units && cut == 1) return Relabel()(scope, args);
    if (!shift && to_units <= from_units) {
      const int64_t divisor = from_units / to_units;
      return RunDense<int64_t, int64_t>(scope, args, [=](int64_t ticks) {
        ticks = FloorDivide(ticks, divisor);
        return cut == 1 ? ticks : FloorDivide(ticks, cut) * cut;
      });
    }
    return RunStrict<int64_t, int64_t>(scope, args, [&](RowErrors& errors, int64_t ticks) {
      Moment moment = MomentOfTicks(ticks, from_units);
      if (shift && to_local) moment.seconds = ToLocal(zone, moment.seconds, 1);
      if (shift && from_local) moment = FromLocal(zone, moment);
      ticks = TicksOrFail(errors, moment, to_units);
      return cut == 1 ? ticks : FloorDivide(ticks, cut) * cut;
    });
  };
}

Kernel TimestampToDay(const LogicalType& from, const LogicalType& to) {
  const int64_t units = from.UnitsPerSecond();
  const bool local = from.root() == Root::kTimestampLtz;
  const bool to_date = to.root() == Root::kDate;
  return [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const absl::TimeZone zone = scope.context().time_zone;
    return RunStrict<int32_t, int64_t>(scope, args, [&](int64_t ticks) -> int32_t {
      if (local) ticks = ToLocal(zone, ticks, units);
      const int64_t millis = FloorDivide(ticks, units / 1000);
      return static_cast<int32_t>(to_date ? FloorDivide(millis, kMillisPerDay)
                                          : FloorModulo(millis, kMillisPerDay));
    });
  };
}

// A DATE becomes midnight, a TIME a moment of 1970-01-01.
Kernel DayToTimestamp(const LogicalType& from, const LogicalType& to) {
  const int64_t units = to.UnitsPerSecond();
  const bool from_date = from.root() == Root::kDate;
  const bool local = to.root() == Root::kTimestampLtz;
  return [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const absl::TimeZone zone = scope.context().time_zone;
    return RunStrict<int64_t, int32_t>(scope, args, [&](RowErrors& errors, int32_t value) {
      const Moment moment =
          from_date ? Moment{value * kSecondsPerDay, 0} : MomentOfTicks(value, 1000);
      return TicksOrFail(errors, local ? FromLocal(zone, moment) : moment, units);
    });
  };
}

Result<Kernel> CastDatetime(const LogicalType& from, const LogicalType& to) {
  if (from.IsTimestamp() && to.IsTimestamp()) return TimestampToTimestamp(from, to);
  if (from.IsTimestamp()) return TimestampToDay(from, to);
  if (to.IsTimestamp()) return DayToTimestamp(from, to);
  if (from.root() == Root::kTime && to.precision() < from.precision()) {
    int32_t cut = 1;
    for (int i = to.precision(); i < 3; ++i) cut *= 10;
    return Kernel(
        DenseKernel<int32_t, int32_t>([cut](int32_t millis) { return millis / cut * cut; }));
  }
  return Relabel();
}

// ---- Nested -------------------------------------------------------------------------------------

// The row of `nested` that place `at` of its children belongs to.
int64_t ParentRow(const arrow::ArrayData& nested, int64_t at) {
  if (nested.type->id() == arrow::Type::STRUCT) return at;
  const int32_t* offsets = nested.GetValues<int32_t>(1);
  const int32_t* after = std::upper_bound(offsets, offsets + nested.length, at);
  return after - offsets - 1;
}

// Casts child `child` of `holder`, which is `nested` or the entries of it, with the element's
// kernel.
Status CastChild(KernelScope& scope, const arrow::ArrayData& nested, arrow::ArrayData* holder,
                 size_t child, const LogicalType& from, const LogicalType& to) {
  if (from.EqualsIgnoreNullability(to)) return Status::OK();
  ASSIGN_OR_RETURN(const Kernel kernel, MakeCastKernel(from, to));
  const ExprPtr cast = MakeUncheckedCast(MakeInputRef(0, from), to, scope.failure_is_null());
  std::shared_ptr<void> state;
  EvalFailure failure;
  KernelScope child_scope(*cast, scope.context(), holder->child_data[child]->length, &state,
                          nullptr, &failure);
  const Vector source{holder->child_data[child], false};
  Result<Vector> result = kernel(child_scope, {&source, 1});
  if (!result.ok() && failure.row < 0) return result.status();
  if (!result.ok()) return scope.Fail(ParentRow(nested, failure.row), failure.message);
  ASSIGN_OR_RETURN(result, Flatten(*result, source.data->length, scope.pool()));
  holder->child_data[child] = result->data;
  return Status::OK();
}

// The value without what no row shows, which may have no cast: elements of rows that are NULL, and
// of those beyond a slice.
Result<std::shared_ptr<arrow::ArrayData>> OnlyShown(const arrow::ArrayData& data,
                                                    arrow::MemoryPool* pool) {
  std::vector<int32_t> rows(static_cast<size_t>(data.length));
  for (int64_t row = 0; row < data.length; ++row) {
    rows[static_cast<size_t>(row)] = data.IsNull(row) ? -1 : static_cast<int32_t>(row);
  }
  return TakeColumn(data, rows.data(), data.length, TakeNulls::kNullIndexes, pool);
}

// Sets the rows of `data` to NULL in which a part of `source` is not NULL, and its cast is: what
// TRY_CAST gives for a value of which one part can't be cast.
Status NullFailedRows(const KernelScope& scope, const arrow::ArrayData& source,
                      arrow::ArrayData* data) {
  const bool is_row = source.type->id() == arrow::Type::STRUCT;
  const bool is_list = source.type->id() == arrow::Type::LIST;
  const arrow::ArrayData& before = is_row || is_list ? source : *source.child_data[0];
  const arrow::ArrayData& after = is_row || is_list ? *data : *data->child_data[0];
  const auto failed = [&](int64_t at) {
    for (size_t child = 0; child < before.child_data.size(); ++child) {
      const arrow::ArrayData& from = *before.child_data[child];
      if (!from.IsNull(at) && after.child_data[child]->IsNull(at)) return true;
    }
    return false;
  };
  ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> valid,
                   arrow::AllocateEmptyBitmap(data->offset + data->length, scope.pool()));
  const int32_t* offsets = is_row ? nullptr : source.GetValues<int32_t>(1);
  for (int64_t row = 0; row < data->length; ++row) {
    if (source.IsNull(row)) continue;
    bool good = !is_row || !failed(source.offset + row);
    for (int64_t at = is_row ? 0 : offsets[row]; !is_row && good && at < offsets[row + 1]; ++at) {
      good = !failed(is_list ? at : before.offset + at);
    }
    if (good) arrow::bit_util::SetBit(valid->mutable_data(), data->offset + row);
  }
  data->buffers[0] = std::move(valid);
  data->SetNullCount(arrow::kUnknownNullCount);
  return Status::OK();
}

Kernel CastNested(const LogicalType& from, const LogicalType& to) {
  return [from, to](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    std::shared_ptr<arrow::ArrayData> source = args[0].data;
    const bool can_fail = CastCanFail(from, to);
    if (can_fail) {
      ASSIGN_OR_RETURN(source, OnlyShown(*source, scope.pool()));
    }
    auto data = source->Copy();
    data->type = ToArrowType(to);
    const auto cast = [&](arrow::ArrayData* holder, size_t child, const LogicalType& from_child,
                          const LogicalType& to_child) {
      return CastChild(scope, *source, holder, child, from_child, to_child);
    };
    if (from.root() == Root::kRow) {
      for (size_t i = 0; i < from.fields().size(); ++i) {
        RETURN_IF_ERROR(cast(data.get(), i, from.fields()[i].type(), to.fields()[i].type()));
      }
    } else if (from.root() == Root::kArray) {
      RETURN_IF_ERROR(cast(data.get(), 0, from.element(), to.element()));
    } else {
      data->child_data[0] = data->child_data[0]->Copy();
      const arrow::DataType& map_type = *data->type;
      data->child_data[0]->type = map_type.field(0)->type();
      arrow::ArrayData* entries = data->child_data[0].get();
      if (from.root() == Root::kMap) {
        RETURN_IF_ERROR(cast(entries, 0, from.key(), to.key()));
        RETURN_IF_ERROR(cast(entries, 1, from.element(), to.element()));
      } else {
        RETURN_IF_ERROR(cast(entries, 0, from.element(), to.element()));
      }
    }
    if (scope.failure_is_null() && can_fail) {
      RETURN_IF_ERROR(NullFailedRows(scope, *source, data.get()));
    }
    return Vector{std::move(data), args[0].constant};
  };
}

}  // namespace

bool CastCanFail(const LogicalType& from, const LogicalType& to) {
  if (from.IsCharacter()) return !to.IsCharacter() && !to.IsBinary();
  // To nanoseconds, which reach less far.
  if (from.IsDatetime() && to.IsTimestamp()) {
    return to.UnitsPerSecond() == 1'000'000'000 && from.root() != TypeRoot::kTime &&
           !(from.root() == to.root() && from.UnitsPerSecond() == to.UnitsPerSecond());
  }
  if (from.IsNested() && !to.IsCharacter()) {
    if (from.root() == Root::kRow) {
      for (size_t i = 0; i < from.fields().size(); ++i) {
        if (CastCanFail(from.fields()[i].type(), to.fields()[i].type())) return true;
      }
      return false;
    }
    if (from.root() == Root::kMap && CastCanFail(from.key(), to.key())) return true;
    return CastCanFail(from.element(), to.element());
  }
  return false;
}

Result<Kernel> MakeCastKernel(const LogicalType& from, const LogicalType& to) {
  if (from.EqualsIgnoreNullability(to)) return Relabel();
  if (from.root() == Root::kNull) {
    return Kernel([](KernelScope& scope, std::span<const Vector>) -> Result<Vector> {
      return ConstantNull(scope.type());
    });
  }
  if (to.IsCharacter()) {
    ASSIGN_OR_RETURN(Kernel kernel, CastToText(from));
    const bool fits =
        from.IsCharacter() && to.root() == Root::kVarChar && from.length() <= to.length();
    return fits ? kernel : Fit(std::move(kernel), to);
  }
  if (to.IsBinary()) return Fit(Relabel(), to);
  if (from.IsCharacter()) return CastFromText(to);
  if (from.root() == Root::kBoolean || to.root() == Root::kBoolean) return CastBoolean(from, to);
  if (from.IsNumeric() && to.IsNumeric()) return CastNumeric(from, to);
  if (IsBinaryNumber(from) && IsBinaryNumber(to)) return NumberToNumber(from, to);
  if (from.IsDatetime() && to.IsDatetime()) return CastDatetime(from, to);
  if (from.IsNested() && from.root() == to.root()) return CastNested(from, to);
  return MakeError(
      ErrorCode::kUnsupported,
      {.message = fmt::format("no cast from {} to {}", from.ToString(), to.ToString())});
}

}  // namespace mainstem::process
