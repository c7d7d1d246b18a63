// DECIMAL arithmetic on unscaled 128-bit integers, with the dialect's rules: results are rounded
// half up (away from zero) to the wanted scale, and what does not fit the wanted precision is NULL.
#pragma once

#include <cstdint>
#include <optional>

namespace mainstem::process {

using Int128 = __int128;

// 10^n for 0 <= n <= 38.
Int128 PowerOfTen(int n);

inline Int128 AbsoluteValue(Int128 value) { return value < 0 ? -value : value; }
inline bool FitsPrecision(Int128 value, int precision) {
  return AbsoluteValue(value) < PowerOfTen(precision);
}

enum class DecimalRounding : uint8_t { kHalfUp, kTruncate, kFloor, kCeil };

// value * 10^(to_scale - from_scale), rounded; empty if it does not fit `precision`.
std::optional<Int128> Rescale(Int128 value, int from_scale, int to_scale, int precision,
                              DecimalRounding rounding = DecimalRounding::kHalfUp);

// A decimal's shape.
struct DecimalShape {
  int precision;
  int scale;
};

std::optional<Int128> DecimalAdd(Int128 a, int a_scale, Int128 b, int b_scale, DecimalShape result);
std::optional<Int128> DecimalMultiply(Int128 a, int a_scale, Int128 b, int b_scale,
                                      DecimalShape result);
// b must not be zero.
std::optional<Int128> DecimalDivide(Int128 a, int a_scale, Int128 b, int b_scale,
                                    DecimalShape result);
std::optional<Int128> DecimalModulo(Int128 a, int a_scale, Int128 b, int b_scale,
                                    DecimalShape result);
// <0, 0, >0, whatever the scales.
int DecimalCompare(Int128 a, int a_scale, Int128 b, int b_scale);

double DecimalToDouble(Int128 value, int scale);
std::optional<Int128> DecimalFromDouble(double value, DecimalShape result);

}  // namespace mainstem::process
