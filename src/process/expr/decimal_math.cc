#include "process/expr/decimal_math.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <arrow/util/decimal.h>

#include "core/status.h"
#include "process/expr/text.h"

namespace mainstem::process {
namespace {

constexpr int kDigitsMax = 38;
constexpr int kWideDigitsMax = 76;  // that Wide holds whatever they are
using Wide = arrow::Decimal256;

constexpr std::array<Int128, kDigitsMax + 1> MakePowers() {
  std::array<Int128, kDigitsMax + 1> powers{};
  Int128 power = 1;
  for (int i = 0; i <= kDigitsMax; ++i) {
    powers[static_cast<size_t>(i)] = power;
    if (i < kDigitsMax) power *= 10;
  }
  return powers;
}
constexpr auto kPowers = MakePowers();

Wide Widen(Int128 value) {
  return Wide(arrow::Decimal128(static_cast<int64_t>(value >> 64), static_cast<uint64_t>(value)));
}

std::optional<Int128> Narrow(const Wide& value, int precision) {
  if (!value.FitsInPrecision(precision)) return std::nullopt;
  const auto& words = value.little_endian_array();
  return static_cast<Int128>((static_cast<unsigned __int128>(words[1]) << 64) | words[0]);
}

int DigitCount(Int128 value) {
  int count = 0;
  for (Int128 rest = AbsoluteValue(value); rest != 0; rest /= 10) ++count;
  return count;
}

Wide WidePower(int n) {
  return n <= kDigitsMax ? Widen(PowerOfTen(n))
                         : Widen(PowerOfTen(kDigitsMax)) * Widen(PowerOfTen(n - kDigitsMax));
}

Wide DivideHalfUp(const Wide& dividend, const Wide& divisor) {
  Wide quotient = dividend / divisor;
  Wide remainder = dividend % divisor;
  if (Wide::Abs(remainder) * Wide(2) >= Wide::Abs(divisor)) {
    const bool negative = dividend.IsNegative() != divisor.IsNegative();
    quotient += negative ? Wide(-1) : Wide(1);
  }
  return quotient;
}

Int128 DivideRounded(Int128 dividend, Int128 divisor, DecimalRounding rounding) {
  const Int128 quotient = dividend / divisor;
  const Int128 remainder = dividend % divisor;
  if (remainder == 0) return quotient;
  switch (rounding) {
    case DecimalRounding::kTruncate: return quotient;
    case DecimalRounding::kFloor: return remainder < 0 ? quotient - 1 : quotient;
    case DecimalRounding::kCeil: return remainder > 0 ? quotient + 1 : quotient;
    default: break;
  }
  if (AbsoluteValue(remainder) >= divisor - AbsoluteValue(remainder)) {
    return dividend < 0 ? quotient - 1 : quotient + 1;
  }
  return quotient;
}

std::optional<Int128> Checked(Int128 value, int precision) {
  if (!FitsPrecision(value, precision)) return std::nullopt;
  return value;
}

}  // namespace

Int128 PowerOfTen(int n) {
  CHECK(n >= 0 && n <= kDigitsMax);
  return kPowers[static_cast<size_t>(n)];
}

std::optional<Int128> Rescale(Int128 value, int from_scale, int to_scale, int precision,
                              DecimalRounding rounding) {
  const int64_t shift = static_cast<int64_t>(to_scale) - from_scale;
  if (shift >= 0) {
    Int128 scaled;
    if (shift > kDigitsMax) return value == 0 ? std::optional<Int128>(0) : std::nullopt;
    if (__builtin_mul_overflow(value, PowerOfTen(static_cast<int>(shift)), &scaled)) {
      return std::nullopt;
    }
    return Checked(scaled, precision);
  }
  if (-shift > kDigitsMax) return 0;
  return Checked(DivideRounded(value, PowerOfTen(static_cast<int>(-shift)), rounding), precision);
}

std::optional<Int128> DecimalAdd(Int128 a, int a_scale, Int128 b, int b_scale,
                                 DecimalShape result) {
  const int scale = a_scale > b_scale ? a_scale : b_scale;
  Int128 x, y, sum;
  if (!__builtin_mul_overflow(a, PowerOfTen(scale - a_scale), &x) &&
      !__builtin_mul_overflow(b, PowerOfTen(scale - b_scale), &y) &&
      !__builtin_add_overflow(x, y, &sum)) {
    return Rescale(sum, scale, result.scale, result.precision);
  }
  Wide wide = Widen(a) * WidePower(scale - a_scale) + Widen(b) * WidePower(scale - b_scale);
  if (scale > result.scale) wide = DivideHalfUp(wide, WidePower(scale - result.scale));
  return Narrow(wide, result.precision);
}

std::optional<Int128> DecimalMultiply(Int128 a, int a_scale, Int128 b, int b_scale,
                                      DecimalShape result) {
  const int scale = a_scale + b_scale;
  Int128 product;
  if (scale <= kDigitsMax && !__builtin_mul_overflow(a, b, &product)) {
    return Rescale(product, scale, result.scale, result.precision);
  }
  Wide wide = Widen(a) * Widen(b);
  if (scale > result.scale) wide = DivideHalfUp(wide, WidePower(scale - result.scale));
  return Narrow(wide, result.precision);
}

std::optional<Int128> DecimalDivide(Int128 a, int a_scale, Int128 b, int b_scale,
                                    DecimalShape result) {
  // a / 10^sa / (b / 10^sb) * 10^s = a * 10^(s - sa + sb) / b
  const int shift = result.scale - a_scale + b_scale;
  Int128 dividend;
  if (shift >= 0 && shift <= kDigitsMax &&
      !__builtin_mul_overflow(a, PowerOfTen(shift), &dividend)) {
    Int128 quotient = dividend / b;
    const Int128 remainder = AbsoluteValue(dividend % b);
    if (remainder >= AbsoluteValue(b) - remainder) quotient += (dividend < 0) == (b < 0) ? 1 : -1;
    return Checked(quotient, result.precision);
  }
  // Of a dividend of more digits than 256 bits hold, no quotient fits: b has 38 digits at most.
  if (shift >= 0 && DigitCount(a) + shift > kWideDigitsMax) return std::nullopt;
  if (shift >= 0)
    return Narrow(DivideHalfUp(Widen(a) * WidePower(shift), Widen(b)), result.precision);
  return Narrow(DivideHalfUp(Widen(a), Widen(b) * WidePower(-shift)), result.precision);
}

std::optional<Int128> DecimalModulo(Int128 a, int a_scale, Int128 b, int b_scale,
                                    DecimalShape result) {
  const int scale = a_scale > b_scale ? a_scale : b_scale;
  const Wide remainder =
      (Widen(a) * WidePower(scale - a_scale)) % (Widen(b) * WidePower(scale - b_scale));
  auto narrow = Narrow(remainder, kDigitsMax);
  if (!narrow) return std::nullopt;
  return Rescale(*narrow, scale, result.scale, result.precision);
}

int DecimalCompare(Int128 a, int a_scale, Int128 b, int b_scale) {
  const int scale = a_scale > b_scale ? a_scale : b_scale;
  Int128 x, y;
  if (!__builtin_mul_overflow(a, PowerOfTen(scale - a_scale), &x) &&
      !__builtin_mul_overflow(b, PowerOfTen(scale - b_scale), &y)) {
    return x < y ? -1 : x > y;
  }
  const Wide wide_a = Widen(a) * WidePower(scale - a_scale);
  const Wide wide_b = Widen(b) * WidePower(scale - b_scale);
  return wide_a < wide_b ? -1 : wide_a > wide_b;
}

double DecimalToDouble(Int128 value, int scale) {
  // By its digits, so that the nearest double results whatever the scale.
  char text[kTextMax];
  const size_t size = FormatDecimal(value, scale, text);
  double result = 0;
  std::from_chars(text, text + size, result);
  return result;
}

std::optional<Int128> DecimalFromDouble(double value, DecimalShape result) {
  if (!std::isfinite(value)) return std::nullopt;
  // The decimal that the shortest text of the double names, as the dialect converts.
  char text[kTextMax];
  const size_t size = FormatDouble(value, text);
  return ParseDecimal({text, size}, result).value;
}

}  // namespace mainstem::process
