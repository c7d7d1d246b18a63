// ABS, CEIL, ROUND, POWER, logarithms, trigonometry, RAND ...
#include <cmath>
#include <numbers>
#include <random>

#include <fmt/format.h>

#include "process/expr/datetime.h"
#include "process/expr/decimal_math.h"
#include "process/expr/functions.h"
#include "process/expr/text.h"
#include "process/types/type_coercion.h"

namespace mainstem::process {
namespace {

void DefineDouble(FunctionRegistry* registry, std::string name, double (*f)(double)) {
  Define(registry, {.name = std::move(name),
                    .overloads = {{{Arg::kDouble},
                                   Returns(LogicalType::Double()),
                                   DenseKernel<double, double>([f](double x) { return f(x); })}}});
}

void DefineConstant(FunctionRegistry* registry, std::string name, double value) {
  Define(registry,
         {.name = std::move(name),
          .overloads = {{{},
                         ReturnsNotNull(LogicalType::Double()),
                         [value](KernelScope& scope, std::span<const Vector>) -> Result<Vector> {
                           ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer,
                                            arrow::AllocateBuffer(sizeof(double), scope.pool()));
                           std::memcpy(buffer->mutable_data(), &value, sizeof(double));
                           return MakeVector(scope.type(), 1, true, {nullptr, buffer});
                         }}}});
}

// f(zero of the C type, type) gives the kernel of a number type as it is.
template <typename F>
Result<Kernel> NumberKernelFor(const CallSite& site, const LogicalType& type, F f) {
  switch (type.root()) {
    case TypeRoot::kTinyInt: return f(int8_t{});
    case TypeRoot::kSmallInt: return f(int16_t{});
    case TypeRoot::kInteger: return f(int32_t{});
    case TypeRoot::kBigInt: return f(int64_t{});
    case TypeRoot::kFloat: return f(float{});
    case TypeRoot::kDouble: return f(double{});
    case TypeRoot::kDecimal: return f(Int128{});
    default: return site.CannotApply(fmt::format("'{}(<NUMERIC>)'", site.name()));
  }
}

Result<Signature> InferAbs(const CallSite& site) {
  Signature signature{.result = site.type(0)};
  ASSIGN_OR_RETURN(signature.kernel, NumberKernelFor(site, site.type(0), [](auto zero) -> Kernel {
                     using T = decltype(zero);
                     return DenseKernel<T, T>([](T value) -> T {
                       if constexpr (std::is_floating_point_v<T>) {
                         return std::fabs(value);
                       } else if constexpr (std::is_same_v<T, Int128>) {
                         return AbsoluteValue(value);
                       } else {  // the least integer stays as it is
                         return value < 0 ? static_cast<T>(0 - static_cast<uint64_t>(value))
                                          : value;
                       }
                     });
                   }));
  return signature;
}

Result<Signature> InferSign(const CallSite& site) {
  Signature signature{.result = site.type(0)};
  const int scale = site.type(0).scale();
  ASSIGN_OR_RETURN(signature.kernel,
                   NumberKernelFor(site, site.type(0), [scale](auto zero) -> Kernel {
                     using T = decltype(zero);
                     return DenseKernel<T, T>([scale](T value) -> T {
                       if constexpr (std::is_floating_point_v<T>) {
                         if (value == 0) return value;  // -0.0 stays what it is
                       }
                       const int sign = value > 0 ? 1 : value < 0 ? -1 : 0;
                       if constexpr (std::is_same_v<T, Int128>) return sign * PowerOfTen(scale);
                       return static_cast<T>(sign);
                     });
                   }));
  return signature;
}

Result<Signature> InferNumericCeilFloor(const CallSite& site, bool ceil) {
  const LogicalType& type = site.type(0);
  if (type.root() == TypeRoot::kDecimal) {
    const int scale = type.scale();
    const DecimalShape shape{type.precision(), 0};
    const DecimalRounding rounding = ceil ? DecimalRounding::kCeil : DecimalRounding::kFloor;
    return Signature{
        .result = LogicalType::Decimal(shape.precision, 0).WithNullable(type.nullable()),
        .kernel = StrictKernel<Int128, Int128>(
            [=](Int128 value) { return Rescale(value, scale, 0, shape.precision, rounding); })};
  }
  Signature signature{.result = type};
  ASSIGN_OR_RETURN(signature.kernel, NumberKernelFor(site, type, [ceil](auto zero) -> Kernel {
                     using T = decltype(zero);
                     return DenseKernel<T, T>([ceil](T value) -> T {
                       if constexpr (std::is_floating_point_v<T>) {
                         return ceil ? std::ceil(value) : std::floor(value);
                       }
                       return value;
                     });
                   }));
  return signature;
}

// FLOOR / CEIL of a datetime TO a unit, in local time.
Result<Signature> InferDatetimeCeilFloor(const CallSite& site, bool ceil) {
  const LogicalType& type = site.type(0);
  const auto unit = ParseTimeUnit(site.StringLiteral(1).value_or(""));
  if (!unit || !type.IsDatetime()) {
    return site.CannotApply(fmt::format("'{}(<DATETIME> TO <TIME_UNIT>)'", site.name()));
  }
  const TimeUnit to = *unit;
  const auto round = [to, ceil](int64_t millis) {
    return ceil ? CeilToUnit(to, millis) : FloorToUnit(to, millis);
  };
  Signature signature{.result = type.WithTimeAttribute(TimeAttribute::kNone)};
  if (type.root() == TypeRoot::kDate || type.root() == TypeRoot::kTime) {
    const int64_t factor = type.root() == TypeRoot::kDate ? kMillisPerDay : 1;
    signature.kernel = [=](KernelScope& scope, std::span<const Vector> args) {
      return RunStrict<int32_t, int32_t>(scope, args.first(1), [=](int32_t value) {
        return static_cast<int32_t>(round(value * factor) / factor);
      });
    };
    return signature;
  }
  const int64_t units = type.UnitsPerSecond();
  const bool local = type.root() == TypeRoot::kTimestampLtz;
  signature.can_fail = units == 1'000'000'000;
  signature.kernel = [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const absl::TimeZone zone = scope.context().time_zone;
    return RunStrict<int64_t, int64_t>(scope, args.first(1), [&](RowErrors& errors, int64_t ticks) {
      if (local) ticks = ToLocal(zone, ticks, units);
      const int64_t per_milli = units / 1000;
      const int64_t millis = FloorDivide(ticks, per_milli);
      const bool fraction = ceil && ticks % per_milli != 0;
      const Moment rounded = MomentOfTicks(round(fraction ? millis + 1 : millis), 1000);
      const auto result = TicksOfMoment(local ? FromLocal(zone, rounded) : rounded, units);
      if (!result) errors.Fail(kTicksOutOfRange);
      return result.value_or(0);
    });
  };
  return signature;
}

Result<Signature> InferCeilFloor(const CallSite& site) {
  const bool ceil = site.name() != "FLOOR";
  return site.size() == 2 ? InferDatetimeCeilFloor(site, ceil) : InferNumericCeilFloor(site, ceil);
}

double RoundDouble(double value, int64_t digits, bool truncate) {
  if (!std::isfinite(value)) return value;
  const double power = std::pow(10.0, std::fabs(static_cast<double>(digits)));
  if (!std::isfinite(power)) return digits > 0 ? value : 0;
  // By the decimal that the double's text shows where that is exact enough, as the dialect does.
  char text[kTextMax];
  const size_t size = FormatDouble(value, text);
  const int scale = static_cast<int>(std::clamp<int64_t>(digits, 0, 18));
  if (std::fabs(value) < 1e18) {
    const auto exact = ParseDecimal({text, size}, {38, 18});
    if (exact.value) {
      const auto rounding = truncate ? DecimalRounding::kTruncate : DecimalRounding::kHalfUp;
      if (digits >= 0) {
        if (digits >= 18) return value;
        const auto rounded = Rescale(*exact.value, 18, scale, 38, rounding);
        if (rounded) return DecimalToDouble(*rounded, scale);
      } else {
        const auto rounded = Rescale(*exact.value, 18 - static_cast<int>(digits), 0, 38, rounding);
        if (rounded) return static_cast<double>(*rounded) * power;
      }
    }
  }
  const double scaled = digits >= 0 ? value * power : value / power;
  if (!std::isfinite(scaled)) return value;  // it has no digits there
  const double whole = truncate ? std::trunc(scaled) : std::round(scaled);
  return digits >= 0 ? whole / power : whole * power;
}

int64_t RoundInteger(int64_t value, int64_t digits, bool truncate) {
  if (digits >= 0) return value;
  if (digits < -18) return 0;
  const Int128 power = PowerOfTen(static_cast<int>(-digits));
  const auto rounded = Rescale(value, static_cast<int>(-digits), 0, 38,
                               truncate ? DecimalRounding::kTruncate : DecimalRounding::kHalfUp);
  return static_cast<int64_t>(*rounded * power);
}

// Digits of a literal change the type. Those of a column can't: the value is rounded row by row.
Result<Signature> InferRoundDecimal(const CallSite& site, bool truncate) {
  const LogicalType& type = site.type(0);
  const int from = type.scale();
  const auto rounding = truncate ? DecimalRounding::kTruncate : DecimalRounding::kHalfUp;
  const auto literal = site.size() == 1 ? std::optional<int64_t>(0) : site.IntLiteral(1);
  const LogicalType result =
      literal ? DecimalRoundType(type, static_cast<int32_t>(std::clamp<int64_t>(*literal, -38, 38)))
              : type;
  const DecimalShape shape{result.precision(), result.scale()};
  const auto round = [=](Int128 value, int64_t digits) -> std::optional<Int128> {
    const int to = static_cast<int>(std::clamp<int64_t>(digits, -38, from));
    const auto rounded = Rescale(value, from, to, 38, rounding);
    return rounded ? Rescale(*rounded, to, shape.scale, shape.precision) : std::nullopt;
  };
  Signature signature{.result = result.WithNullable(site.AnyNullable())};
  if (literal) {
    signature.kernel = [round, digits = *literal](KernelScope& scope,
                                                  std::span<const Vector> args) -> Result<Vector> {
      return RunStrict<Int128, Int128>(scope, args.first(1),
                                       [&](Int128 value) { return round(value, digits); });
    };
    return signature;
  }
  signature.args = {type, LogicalType::BigInt()};
  signature.kernel = StrictKernel<Int128, Int128, int64_t>(round);
  return signature;
}

Result<Signature> InferRound(const CallSite& site) {
  const bool truncate = site.name() == "TRUNCATE";
  const LogicalType& type = site.type(0);
  if (site.size() == 2 && !MatchesArg(site.type(1), Arg::kInteger)) {
    return site.CannotApply(fmt::format("'{}(<NUMERIC>, <INTEGER>)'", site.name()));
  }
  if (type.root() == TypeRoot::kDecimal) return InferRoundDecimal(site, truncate);
  Signature signature{.result = type.WithNullable(site.AnyNullable())};
  if (site.size() == 2) signature.args = {type, LogicalType::BigInt()};
  ASSIGN_OR_RETURN(
      signature.kernel, NumberKernelFor(site, type, [truncate](auto zero) -> Kernel {
        using T = decltype(zero);
        const auto round = [truncate](T value, int64_t digits) -> T {
          if constexpr (std::is_floating_point_v<T>) {
            return static_cast<T>(RoundDouble(value, digits, truncate));
          } else {
            return static_cast<T>(RoundInteger(static_cast<int64_t>(value), digits, truncate));
          }
        };
        return [round](KernelScope& scope, std::span<const Vector> args) {
          if (args.size() == 2) return RunStrict<T, T, int64_t>(scope, args, round);
          return RunStrict<T, T>(scope, args, [&](T value) { return round(value, 0); });
        };
      }));
  return signature;
}

struct Generator {
  std::mt19937_64 engine;
  bool seeded = false;
};

// RAND([seed]), RAND_INTEGER([seed,] bound).
Kernel RandomKernel(bool integer, bool has_seed) {
  return [=](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    auto& generator = scope.State<Generator>();
    if (!generator.seeded) {
      bool given = has_seed && !args[0].IsConstantNull();
      generator.engine.seed(given ? static_cast<uint64_t>(Column<int64_t>(args[0])[0]) + 1
                                  : scope.context().Seed());
      generator.seeded = true;
    }
    const int64_t count = scope.row_count();
    const int64_t width = integer ? 4 : 8;
    ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> values,
                     arrow::AllocateBuffer(count * width, scope.pool()));
    if (!integer) {
      auto* out = reinterpret_cast<double*>(values->mutable_data());
      std::uniform_real_distribution<double> uniform(0.0, 1.0);
      for (int64_t row = 0; row < count; ++row) out[row] = uniform(generator.engine);
    } else {
      auto* out = reinterpret_cast<int32_t*>(values->mutable_data());
      const Column<int64_t> bounds(args[has_seed ? 1 : 0]);
      for (int64_t row = 0; row < count; ++row) {
        const int64_t bound = std::clamp<int64_t>(bounds[row], 1, INT32_MAX);
        out[row] = static_cast<int32_t>(generator.engine() % static_cast<uint64_t>(bound));
      }
    }
    return MakeVector(scope.type(), count, false, {nullptr, values});
  };
}

void AddLogarithms(FunctionRegistry* registry) {
  const auto type = Returns(LogicalType::Double());
  DefineDouble(registry, "LN", [](double x) { return std::log(x); });
  DefineDouble(registry, "LOG10", [](double x) { return std::log10(x); });
  DefineDouble(registry, "LOG2", [](double x) { return std::log2(x); });
  Define(registry, {.name = "LOG",
                    .overloads = {{{Arg::kDouble}, type, DenseKernel<double, double>([](double x) {
                                     return std::log(x);
                                   })},
                                  {{Arg::kDouble, Arg::kDouble},
                                   type,
                                   DenseKernel<double, double, double>([](double base, double x) {
                                     return std::log(x) / std::log(base);
                                   })}}});
  Define(registry, {.name = "POWER",
                    .overloads = {{{Arg::kDouble, Arg::kDouble},
                                   type,
                                   DenseKernel<double, double, double>(
                                       [](double x, double y) { return std::pow(x, y); })}}});
  Define(registry, {.name = "ATAN2",
                    .overloads = {{{Arg::kDouble, Arg::kDouble},
                                   type,
                                   DenseKernel<double, double, double>(
                                       [](double y, double x) { return std::atan2(y, x); })}}});
}

}  // namespace

void AddMathFunctions(FunctionRegistry* registry) {
  DefineInfer(registry, "ABS", 1, 1, InferAbs);
  DefineInfer(registry, "SIGN", 1, 1, InferSign);
  DefineInfer(registry, "CEIL", 1, 2, InferCeilFloor);
  DefineInfer(registry, "CEILING", 1, 2, InferCeilFloor);
  DefineInfer(registry, "FLOOR", 1, 2, InferCeilFloor);
  DefineInfer(registry, "ROUND", 1, 2, InferRound);
  DefineInfer(registry, "TRUNCATE", 1, 2, InferRound);
  AddLogarithms(registry);
  DefineDouble(registry, "SQRT", [](double x) { return std::sqrt(x) + 0.0; });
  DefineDouble(registry, "EXP", [](double x) { return std::exp(x); });
  DefineDouble(registry, "SIN", [](double x) { return std::sin(x); });
  DefineDouble(registry, "COS", [](double x) { return std::cos(x); });
  DefineDouble(registry, "TAN", [](double x) { return std::tan(x); });
  DefineDouble(registry, "COT", [](double x) { return 1.0 / std::tan(x); });
  DefineDouble(registry, "ASIN", [](double x) { return std::asin(x); });
  DefineDouble(registry, "ACOS", [](double x) { return std::acos(x); });
  DefineDouble(registry, "ATAN", [](double x) { return std::atan(x); });
  DefineDouble(registry, "SINH", [](double x) { return std::sinh(x); });
  DefineDouble(registry, "COSH", [](double x) { return std::cosh(x); });
  DefineDouble(registry, "TANH", [](double x) { return std::tanh(x); });
  DefineDouble(registry, "DEGREES", [](double x) { return x * (180.0 / std::numbers::pi); });
  DefineDouble(registry, "RADIANS", [](double x) { return x * (std::numbers::pi / 180.0); });
  DefineConstant(registry, "PI", std::numbers::pi);
  DefineConstant(registry, "E", std::numbers::e);
  const FunctionFlags random{.deterministic = false};
  Define(registry,
         {.name = "RAND",
          .overloads = {{{}, ReturnsNotNull(LogicalType::Double()), RandomKernel(false, false)},
                        {{Arg::kInteger},
                         ReturnsNotNull(LogicalType::Double()),
                         RandomKernel(false, true)}},
          .flags = random});
  Define(registry, {.name = "RAND_INTEGER",
                    .overloads = {{{Arg::kInteger},
                                   ReturnsNotNull(LogicalType::Int()),
                                   RandomKernel(true, false)},
                                  {{Arg::kInteger, Arg::kInteger},
                                   ReturnsNotNull(LogicalType::Int()),
                                   RandomKernel(true, true)}},
                    .flags = random});
}

}  // namespace mainstem::process
