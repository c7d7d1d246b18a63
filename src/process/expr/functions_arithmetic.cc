// + - * / % and unary minus: integers wrap, decimals by their shapes, datetime with intervals.
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "process/expr/datetime.h"
#include "process/expr/decimal_math.h"
#include "process/expr/functions.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

constexpr std::string_view kDivisionByZero = "Division by zero";

enum class Operator : uint8_t { kPlus, kMinus, kTimes, kDivide, kModulo };

// Two's complement wrap-around for integers.
template <typename T>
T Wrapped(Operator op, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return op == Operator::kPlus ? a + b : op == Operator::kMinus ? a - b : a * b;
  } else {
    const uint64_t x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    return static_cast<T>(op == Operator::kPlus ? x + y : op == Operator::kMinus ? x - y : x * y);
  }
}

template <typename T, Operator kOperator>
Kernel WrappingKernel() {
  return DenseKernel<T, T, T>([](T a, T b) { return Wrapped<T>(kOperator, a, b); });
}

template <typename T>
Kernel BasicKernel(Operator op) {
  if (op == Operator::kPlus) return WrappingKernel<T, Operator::kPlus>();
  if (op == Operator::kMinus) return WrappingKernel<T, Operator::kMinus>();
  return WrappingKernel<T, Operator::kTimes>();
}

template <typename T>
Kernel IntegerDivideKernel(bool modulo) {
  return StrictKernel<T, T, T>([modulo](RowErrors& errors, T a, T b) -> T {
    if (b == 0) {
      errors.Fail(modulo ? "/ by zero" : std::string(kDivisionByZero));
      return 0;
    }
    if (b == -1) return modulo ? T{0} : Wrapped<T>(Operator::kMinus, 0, a);
    return static_cast<T>(modulo ? a % b : a / b);
  });
}

// A column divided by 0 is Infinity or NaN, but a constant division by 0 is an error of the query.
template <typename T>
Kernel FloatDivideKernel(bool modulo) {
  return [modulo](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (AllConstant(args) && !AnyConstantNull(args) && Column<T>(args[1])[0] == 0 && !modulo) {
      return scope.Fail(0, std::string(kDivisionByZero));
    }
    if (modulo) {
      return RunDense<T, T, T>(scope, args, [](T a, T b) { return std::fmod(a, b); });
    }
    return RunDense<T, T, T>(scope, args, [](T a, T b) { return a / b; });
  };
}

template <typename T>
Kernel NumberKernel(Operator op) {
  if (op == Operator::kDivide || op == Operator::kModulo) {
    if constexpr (std::is_floating_point_v<T>) {
      return FloatDivideKernel<T>(op == Operator::kModulo);
    } else {
      return IntegerDivideKernel<T>(op == Operator::kModulo);
    }
  } else {
    return BasicKernel<T>(op);
  }
}

Kernel DecimalKernel(Operator op, int a_scale, int b_scale, DecimalShape shape) {
  switch (op) {
    case Operator::kPlus:
      return StrictKernel<Int128, Int128, Int128>(
          [=](Int128 a, Int128 b) { return DecimalAdd(a, a_scale, b, b_scale, shape); });
    case Operator::kMinus:
      return StrictKernel<Int128, Int128, Int128>(
          [=](Int128 a, Int128 b) { return DecimalAdd(a, a_scale, -b, b_scale, shape); });
    case Operator::kTimes:
      return StrictKernel<Int128, Int128, Int128>(
          [=](Int128 a, Int128 b) { return DecimalMultiply(a, a_scale, b, b_scale, shape); });
    default: break;
  }
  const bool modulo = op == Operator::kModulo;
  return StrictKernel<Int128, Int128, Int128>(
      [=](RowErrors& errors, Int128 a, Int128 b) -> std::optional<Int128> {
        if (b == 0) {
          errors.Fail(std::string(kDivisionByZero));
          return std::nullopt;
        }
        return modulo ? DecimalModulo(a, a_scale, b, b_scale, shape)
                      : DecimalDivide(a, a_scale, b, b_scale, shape);
      });
}

LogicalType DecimalResult(Operator op, const LogicalType& a, const LogicalType& b) {
  switch (op) {
    case Operator::kTimes: return DecimalTimesType(a, b);
    case Operator::kDivide: return DecimalDivideType(a, b);
    case Operator::kModulo: return DecimalModType(a, b);
    default: return DecimalPlusType(a, b);
  }
}

Kernel KernelForNumber(const LogicalType& type, Operator op) {
  switch (type.root()) {
    case TypeRoot::kTinyInt: return NumberKernel<int8_t>(op);
    case TypeRoot::kSmallInt: return NumberKernel<int16_t>(op);
    case TypeRoot::kInteger: return NumberKernel<int32_t>(op);
    case TypeRoot::kBigInt: return NumberKernel<int64_t>(op);
    case TypeRoot::kFloat: return NumberKernel<float>(op);
    default: return NumberKernel<double>(op);
  }
}

// The kernel's result of type Wide, cut to the type of the divisor, which is never exceeded.
template <typename Wide>
Kernel Narrowed(Kernel kernel, const LogicalType& to) {
  return [kernel, to](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    ASSIGN_OR_RETURN(const Vector wide, kernel(scope, args));
    const auto narrow = [&](auto target) {
      using T = decltype(target);
      return RunDense<T, Wide>(scope, {&wide, 1}, [](Wide v) { return static_cast<T>(v); });
    };
    if (to.root() == TypeRoot::kTinyInt) return narrow(int8_t{});
    if (to.root() == TypeRoot::kSmallInt) return narrow(int16_t{});
    if (to.root() == TypeRoot::kInteger) return narrow(int32_t{});
    if (to.root() == TypeRoot::kBigInt && !std::is_same_v<Wide, int64_t>) return narrow(int64_t{});
    return wide;
  };
}

// A kernel of two FLOATs, of a FLOAT and a DOUBLE.
Kernel OfFloats(Kernel kernel) {
  return [kernel](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    ASSIGN_OR_RETURN(const Vector right,
                     (RunDense<float, double>(scope, args.subspan(1, 1), [](double value) {
                       return static_cast<float>(value);
                     })));
    const Vector both[2] = {args[0], right};
    return kernel(scope, both);
  };
}

Signature NumericSignature(const CallSite& site, Operator op, const LogicalType& a,
                           const LogicalType& b) {
  // Of FLOAT and DOUBLE the type of the left one counts.
  const bool both_approximate = a.IsApproximateNumeric() && b.IsApproximateNumeric();
  const LogicalType common = both_approximate ? a : *LeastCommonType(a, b);
  Signature signature{.result = common, .args = {common, common}};
  if (common.root() == TypeRoot::kDecimal) {
    const LogicalType x = AsDecimal(a), y = AsDecimal(b);
    const bool is_whole_modulo = op == Operator::kModulo && x.scale() == 0 && y.scale() == 0;
    const LogicalType result = is_whole_modulo ? y : DecimalResult(op, x, y);
    signature = {.result = result.WithNullable(site.AnyNullable()), .args = {x, y}};
    signature.kernel =
        DecimalKernel(op, x.scale(), y.scale(), {result.precision(), result.scale()});
    if (is_whole_modulo && b.IsInteger()) {
      signature.result = b.WithNullable(site.AnyNullable());
      signature.kernel = Narrowed<Int128>(std::move(signature.kernel), b);
    }
  } else if (op == Operator::kModulo && a.IsInteger() && a.root() != b.root()) {
    signature.args = {LogicalType::BigInt(), LogicalType::BigInt()};
    signature.result = b.WithNullable(site.AnyNullable());
    signature.kernel = Narrowed<int64_t>(NumberKernel<int64_t>(op), b);
  } else {
    signature.kernel = KernelForNumber(common, op);
    if (both_approximate && a.root() == TypeRoot::kFloat && b.root() == TypeRoot::kDouble) {
      signature.args = {a, b};
      signature.kernel = OfFloats(std::move(signature.kernel));
    }
  }
  const bool divides = op == Operator::kDivide || op == Operator::kModulo;
  signature.can_fail = divides && common.IsExactNumeric();
  return signature;
}

// ---- Datetime
// ------------------------------------------------------------------------------------

// DATE or TIMESTAMP plus (sign = 1) or minus (-1) months; the interval is argument `interval`.
Kernel AddMonthsKernel(const LogicalType& type, int64_t sign) {
  if (type.root() == TypeRoot::kDate) {
    return StrictKernel<int32_t, int32_t, int32_t>([sign](int32_t days, int32_t months) {
      return static_cast<int32_t>(AddMonths(days, sign * months));
    });
  }
  const int64_t units = type.UnitsPerSecond();
  return StrictKernel<int64_t, int64_t, int32_t>(
      [=](RowErrors& errors, int64_t ticks, int32_t months) {
        Moment moment = MomentOfTicks(ticks, units);
        const int64_t days = FloorDivide(moment.seconds, kSecondsPerDay);
        moment.seconds += (AddMonths(days, sign * months) - days) * kSecondsPerDay;
        const auto sum = TicksOfMoment(moment, units);
        if (!sum) errors.Fail(kTicksOutOfRange);
        return sum.value_or(0);
      });
}

Kernel AddMillisKernel(const LogicalType& type, int64_t sign) {
  if (type.root() == TypeRoot::kDate) {
    return DenseKernel<int32_t, int32_t, int64_t>([sign](int32_t days, int64_t millis) {
      return static_cast<int32_t>(days + sign * (millis / kMillisPerDay));
    });
  }
  if (type.root() == TypeRoot::kTime) {
    return DenseKernel<int32_t, int32_t, int64_t>([sign](int32_t time, int64_t millis) {
      return static_cast<int32_t>(
          FloorModulo(time + sign * (millis % kMillisPerDay), kMillisPerDay));
    });
  }
  const int64_t factor = sign * (type.UnitsPerSecond() / 1000);
  if (type.UnitsPerSecond() == 1'000'000'000) {
    return StrictKernel<int64_t, int64_t, int64_t>(
        [factor](RowErrors& errors, int64_t ticks, int64_t millis) {
          int64_t sum = 0;
          if (__builtin_mul_overflow(factor, millis, &millis) ||
              __builtin_add_overflow(ticks, millis, &sum)) {
            errors.Fail(kTicksOutOfRange);
          }
          return sum;
        });
  }
  return DenseKernel<int64_t, int64_t, int64_t>([factor](int64_t ticks, int64_t millis) {
    return static_cast<int64_t>(static_cast<uint64_t>(ticks) +
                                static_cast<uint64_t>(factor) * static_cast<uint64_t>(millis));
  });
}

std::optional<Signature> DatetimeSignature(const CallSite& site, Operator op) {
  const LogicalType &a = site.type(0), &b = site.type(1);
  if (op != Operator::kPlus && op != Operator::kMinus) return std::nullopt;
  const bool swap = a.IsInterval() && b.IsDatetime() && op == Operator::kPlus;
  const LogicalType& datetime = swap ? b : a;
  const LogicalType& interval = swap ? a : b;
  if (!datetime.IsDatetime() || !interval.IsInterval()) return std::nullopt;
  const bool months = interval.root() == TypeRoot::kIntervalYearMonth;
  if (months && datetime.root() == TypeRoot::kTime) return std::nullopt;
  const LogicalType result = datetime.WithTimeAttribute(TimeAttribute::kNone);
  const int64_t sign = op == Operator::kPlus ? 1 : -1;
  Kernel kernel = months ? AddMonthsKernel(result, sign) : AddMillisKernel(result, sign);
  Signature signature{.result = result.WithNullable(site.AnyNullable())};
  signature.args = swap ? std::vector<LogicalType>{interval, result}
                        : std::vector<LogicalType>{result, interval};
  signature.kernel = swap ? Swapped(std::move(kernel)) : std::move(kernel);
  signature.can_fail = result.IsTimestamp() && result.UnitsPerSecond() == 1'000'000'000;
  return signature;
}

template <typename T>
Kernel ScaledIntervalKernel() {
  return DenseKernel<T, T, int64_t>([](T interval, int64_t factor) -> T {
    return Wrapped<T>(Operator::kTimes, interval, static_cast<T>(factor));
  });
}

std::optional<Signature> IntervalSignature(const CallSite& site, Operator op) {
  const LogicalType &a = site.type(0), &b = site.type(1);
  const bool nullable = site.AnyNullable();
  if (a.IsInterval() && b.root() == a.root() && (op == Operator::kPlus || op == Operator::kMinus)) {
    const bool months = a.root() == TypeRoot::kIntervalYearMonth;
    return Signature{.result = a.WithNullable(nullable),
                     .kernel = months ? BasicKernel<int32_t>(op) : BasicKernel<int64_t>(op)};
  }
  const bool swap = a.IsNumeric() && b.IsInterval();
  const LogicalType& interval = swap ? b : a;
  const LogicalType& factor = swap ? a : b;
  if (!interval.IsInterval() || !factor.IsInteger() || op != Operator::kTimes) return std::nullopt;
  Kernel kernel = interval.root() == TypeRoot::kIntervalYearMonth ? ScaledIntervalKernel<int32_t>()
                                                                  : ScaledIntervalKernel<int64_t>();
  Signature signature{.result = interval.WithNullable(nullable)};
  signature.args = swap ? std::vector<LogicalType>{LogicalType::BigInt(), interval}
                        : std::vector<LogicalType>{interval, LogicalType::BigInt()};
  signature.kernel = swap ? Swapped(std::move(kernel)) : std::move(kernel);
  return signature;
}

std::string SupportedForms(std::string_view name) {
  if (name == "+" || name == "-") {
    return fmt::format(
        "'<NUMERIC> {0} <NUMERIC>'\n'<DATETIME_INTERVAL> {0} <DATETIME_INTERVAL>'\n'<DATETIME> {0} "
        "<DATETIME_INTERVAL>'{1}",
        name, name == "+" ? "\n'<DATETIME_INTERVAL> + <DATETIME>'" : "");
  }
  if (name == "MOD") return "'MOD(<EXACT_NUMERIC>, <EXACT_NUMERIC>)'";
  if (name == "%") return "'<EXACT_NUMERIC> % <EXACT_NUMERIC>'";
  if (name == "*") {
    return "'<NUMERIC> * <NUMERIC>'\n'<DATETIME_INTERVAL> * <INTEGER>'\n'<INTEGER> * "
           "<DATETIME_INTERVAL>'";
  }
  return fmt::format("'<NUMERIC> {} <NUMERIC>'", name);
}

Infer InferArithmetic(Operator op) {
  return [op](const CallSite& site) -> Result<Signature> {
    LogicalType a = site.type(0), b = site.type(1);
    if (a.root() == TypeRoot::kNull) a = b.IsNumeric() ? b : LogicalType::Int();
    if (b.root() == TypeRoot::kNull) b = a.IsNumeric() ? a : LogicalType::Int();
    const bool is_modulo = op == Operator::kModulo;
    if (is_modulo ? a.IsExactNumeric() && b.IsExactNumeric() : a.IsNumeric() && b.IsNumeric()) {
      Signature signature = NumericSignature(site, op, a, b);
      signature.result = signature.result.WithNullable(site.AnyNullable());
      return signature;
    }
    if (auto signature = DatetimeSignature(site, op)) return *signature;
    if (auto signature = IntervalSignature(site, op)) return *signature;
    return site.CannotApply(SupportedForms(site.name()));
  };
}

Result<Signature> InferNegate(const CallSite& site) {
  const LogicalType& type = site.type(0);
  Signature signature{.result = type};
  const auto kernel = [](auto zero) -> Kernel {
    using T = decltype(zero);
    return DenseKernel<T, T>([](T value) -> T {
      if constexpr (std::is_floating_point_v<T>)
        return -value;
      else
        return Wrapped<T>(Operator::kMinus, T{0}, value);
    });
  };
  switch (type.root()) {
    case TypeRoot::kTinyInt: signature.kernel = kernel(int8_t{}); break;
    case TypeRoot::kSmallInt: signature.kernel = kernel(int16_t{}); break;
    case TypeRoot::kInteger:
    case TypeRoot::kIntervalYearMonth: signature.kernel = kernel(int32_t{}); break;
    case TypeRoot::kBigInt:
    case TypeRoot::kIntervalDayTime: signature.kernel = kernel(int64_t{}); break;
    case TypeRoot::kFloat: signature.kernel = kernel(float{}); break;
    case TypeRoot::kDouble: signature.kernel = kernel(double{}); break;
    case TypeRoot::kDecimal:
      signature.kernel = DenseKernel<Int128, Int128>([](Int128 value) { return -value; });
      break;
    default:
      return MakeError(ErrorCode::kSemanticError,
                       {.message = fmt::format("Cannot apply '-' to arguments of type '-<{}>'",
                                               type.ToErrorString()),
                        .detail = "Supported form(s): '-<NUMERIC>', '-<DATETIME_INTERVAL>'"});
  }
  return signature;
}

// (a - b) DAY: whole milliseconds, or months for YEAR and MONTH.
Result<Signature> InferDateMinus(const CallSite& site) {
  const auto unit_text = site.StringLiteral(2);
  const auto unit = unit_text ? ParseTimeUnit(*unit_text) : std::nullopt;
  if (!unit || !site.type(0).IsDatetime() || !site.type(1).IsDatetime()) {
    return site.CannotApply("'(<DATETIME> - <DATETIME>) <INTERVAL QUALIFIER>'");
  }
  const bool months = *unit == TimeUnit::kYear || *unit == TimeUnit::kMonth;
  const LogicalType wanted = LogicalType::Timestamp(3);
  Signature signature;
  signature.result = (months ? LogicalType::IntervalYearMonth() : LogicalType::IntervalDayTime())
                         .WithNullable(site.AnyNullable());
  const bool times = site.type(0).root() == TypeRoot::kTime;
  if (times) {
    signature.kernel = [](KernelScope& scope, std::span<const Vector> args) {
      return RunDense<int64_t, int32_t, int32_t>(
          scope, args.first(2), [](int32_t a, int32_t b) { return static_cast<int64_t>(a) - b; });
    };
    return signature;
  }
  signature.args = {wanted, wanted, LogicalType::Symbol()};
  signature.kernel = [months](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    if (!months) {
      return RunDense<int64_t, int64_t, int64_t>(scope, args.first(2),
                                                 [](int64_t a, int64_t b) { return a - b; });
    }
    return RunStrict<int32_t, int64_t, int64_t>(scope, args.first(2), [](int64_t a, int64_t b) {
      return static_cast<int32_t>(DifferenceInUnits(TimeUnit::kMonth, b, a));
    });
  };
  return signature;
}

}  // namespace

void AddArithmeticFunctions(FunctionRegistry* registry) {
  DefineInfer(registry, "+", 2, 2, InferArithmetic(Operator::kPlus));
  DefineInfer(registry, "-", 2, 2, InferArithmetic(Operator::kMinus));
  DefineInfer(registry, "*", 2, 2, InferArithmetic(Operator::kTimes));
  DefineInfer(registry, "/", 2, 2, InferArithmetic(Operator::kDivide), kCanFail);
  DefineInfer(registry, "%", 2, 2, InferArithmetic(Operator::kModulo), kCanFail);
  DefineInfer(registry, "MOD", 2, 2, InferArithmetic(Operator::kModulo), kCanFail);
  DefineInfer(registry, "NEGATE", 1, 1, InferNegate);
  DefineInfer(registry, "DATE_MINUS", 3, 3, InferDateMinus);
}

}  // namespace mainstem::process
