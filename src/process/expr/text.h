// Text forms of values, both ways: what CAST(x AS STRING) writes and CAST(string AS t) reads.
// Pure functions on single values; no allocation except where std::string is returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "process/expr/datetime.h"
#include "process/expr/decimal_math.h"
#include "process/types/logical_type.h"

namespace mainstem::process {

inline constexpr size_t kTextMax = 64;  // bytes that any Format function below may write

size_t FormatInt(int64_t value, char* out);
size_t FormatDouble(double value, char* out);  // 1.0, 1.0E20, NaN, Infinity
size_t FormatFloat(float value, char* out);
size_t FormatDecimal(Int128 value, int scale, char* out);
size_t FormatDate(int32_t days, char* out);
size_t FormatTime(int32_t millis, int precision, char* out);  // of TIME(3): 10:11:12.3
// `ticks` of `units_per_second` since the epoch, in UTC; `precision` digits of fraction.
size_t FormatTimestamp(int64_t ticks, int64_t units_per_second, int precision, char* out);
size_t FormatIntervalMonths(int32_t months, char* out);  // +1-02
size_t FormatIntervalMillis(int64_t millis, char* out);  // +1 02:03:04.500

// A parsed value, or the reason why not, in the dialect's words.
template <typename T>
struct Parsed {
  std::optional<T> value;
  std::string error = {};
};

std::string_view TrimSpaces(std::string_view text);

// Whole part of a decimal number, surrounding spaces allowed; [min, max] is the type's range.
Parsed<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max);
Parsed<double> ParseDouble(std::string_view text);
Parsed<Int128> ParseDecimal(std::string_view text, DecimalShape shape);
Parsed<bool> ParseBoolean(std::string_view text);
Parsed<int32_t> ParseDate(std::string_view text);  // days; what follows a blank is not read
Parsed<int32_t> ParseTime(std::string_view text);  // milliseconds of the day
// `yyyy-MM-dd[ HH:mm:ss[.f]]`, no blanks around it; a day past the month's end (but <= 31) becomes
// the last one. Digits past `precision` are cut.
Parsed<Moment> ParseMoment(std::string_view text, int precision);
// The same as ticks of units_per_second.
Parsed<int64_t> ParseTimestamp(std::string_view text, int64_t units_per_second, int precision);

}  // namespace mainstem::process
