#include "process/expr/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "process/expr/datetime.h"

namespace mainstem::process {
namespace {

size_t Copy(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

// Decimal digits of `value`, zero-padded to `width`.
char* Digits(char* out, uint64_t value, int width) {
  char buffer[20];
  int count = 0;
  do {
    buffer[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  for (int i = count; i < width; ++i) *out++ = '0';
  while (count > 0) *out++ = buffer[--count];
  return out;
}

// From shortest scientific digits ("d[.ddd]e[+-]xx") to plain form for 1e-3 <= |x| < 1e7, else
// d.dddExx.
template <typename T>
size_t FormatFloating(T value, char* out) {
  if (std::isnan(value)) return Copy("NaN", out);
  if (std::isinf(value)) return Copy(value < 0 ? "-Infinity" : "Infinity", out);
  if (value == 0) return Copy(std::signbit(value) ? "-0.0" : "0.0", out);
  char text[kTextMax];
  const T magnitude = std::fabs(value);
  const bool plain = magnitude >= static_cast<T>(1e-3) && magnitude < static_cast<T>(1e7);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  char* end = std::to_chars(text, text + sizeof(text), value, format).ptr;
  const std::string_view digits(text, static_cast<size_t>(end - text));
  if (plain) {
    size_t size = Copy(digits, out);
    if (digits.find('.') == std::string_view::npos) size += Copy(".0", out + size);
    return size;
  }
  const size_t e = digits.find('e');
  size_t size = Copy(digits.substr(0, e), out);
  if (digits.substr(0, e).find('.') == std::string_view::npos) size += Copy(".0", out + size);
  out[size++] = 'E';
  std::string_view exponent = digits.substr(e + 1);
  if (exponent[0] == '-') out[size++] = '-';
  exponent.remove_prefix(1);
  while (exponent.size() > 1 && exponent[0] == '0') exponent.remove_prefix(1);
  return size + Copy(exponent, out + size);
}

std::string ForInput(std::string_view text, std::string_view reason) {
  return fmt::format("For input string: '{}'.{}{}", text, reason.empty() ? "" : " ", reason);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads 1..max digits from the front of `text`.
std::optional<int> TakeNumber(std::string_view* text, size_t digits_max) {
  size_t count = 0;
  int value = 0;
  while (count < text->size() && count < digits_max && IsDigit((*text)[count])) {
    value = value * 10 + ((*text)[count++] - '0');
  }
  if (count == 0) return std::nullopt;
  text->remove_prefix(count);
  return value;
}

bool TakeChar(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

struct ClockTime {
  int64_t seconds = 0;
  int64_t nanos = 0;
  int fraction_digits = 0;
};

// HH:mm:ss[.f]; seconds, or both they and minutes, may be left out if `seconds_optional`.
std::optional<ClockTime> TakeClock(std::string_view* text, bool seconds_optional) {
  ClockTime clock;
  const auto hour = TakeNumber(text, 2);
  if (!hour || *hour > 23) return std::nullopt;
  clock.seconds = *hour * 3600;
  if (seconds_optional && text->empty()) return clock;
  if (!TakeChar(text, ':')) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  clock.seconds = *hour * 3600 + *minute * 60;
  if (!TakeChar(text, ':')) return seconds_optional ? std::optional(clock) : std::nullopt;
  const auto second = TakeNumber(text, 2);
  if (!second || *second > 59) return std::nullopt;
  clock.seconds += *second;
  if (!TakeChar(text, '.')) return clock;
  int64_t unit = 100'000'000;
  while (!text->empty() && IsDigit(text->front())) {
    clock.nanos += (text->front() - '0') * unit;
    unit /= 10;
    ++clock.fraction_digits;
    text->remove_prefix(1);
  }
  return clock;
}

// HH:mm:ss and `precision` digits of the fraction.
size_t FormatClock(int32_t millis, int precision, char* out) {
  char* p = Digits(out, static_cast<uint64_t>(millis / 3'600'000), 2);
  *p++ = ':';
  p = Digits(p, static_cast<uint64_t>(millis / 60'000 % 60), 2);
  *p++ = ':';
  p = Digits(p, static_cast<uint64_t>(millis / 1000 % 60), 2);
  if (precision > 0) {
    *p++ = '.';
    int rest = millis % 1000;
    for (int i = 0; i < precision; ++i) {
      *p++ = static_cast<char>('0' + rest / 100);
      rest = rest % 100 * 10;
    }
  }
  return static_cast<size_t>(p - out);
}

}  // namespace

size_t FormatInt(int64_t value, char* out) {
  return static_cast<size_t>(std::to_chars(out, out + kTextMax, value).ptr - out);
}
size_t FormatDouble(double value, char* out) { return FormatFloating(value, out); }
size_t FormatFloat(float value, char* out) { return FormatFloating(value, out); }

size_t FormatDecimal(Int128 value, int scale, char* out) {
  char digits[kTextMax];
  int count = 0;
  Int128 rest = AbsoluteValue(value);
  while (rest > static_cast<Int128>(1'000'000'000'000'000'000)) {
    uint64_t low = static_cast<uint64_t>(rest % 1'000'000'000'000'000'000);
    rest /= 1'000'000'000'000'000'000;
    for (int i = 0; i < 18; ++i, low /= 10) digits[count++] = static_cast<char>('0' + low % 10);
  }
  for (uint64_t low = static_cast<uint64_t>(rest); low != 0; low /= 10) {
    digits[count++] = static_cast<char>('0' + low % 10);
  }
  while (count <= scale) digits[count++] = '0';
  char* p = out;
  if (value < 0) *p++ = '-';
  while (count > 0) {
    if (count == scale) *p++ = '.';
    *p++ = digits[--count];
  }
  return static_cast<size_t>(p - out);
}

size_t FormatDate(int32_t days, char* out) {
  const CivilDate date = CivilFromDays(days);
  char* p = out;
  if (date.year < 0) *p++ = '-';
  p = Digits(p, static_cast<uint64_t>(std::abs(date.year)), 4);
  *p++ = '-';
  p = Digits(p, date.month, 2);
  *p++ = '-';
  return static_cast<size_t>(Digits(p, date.day, 2) - out);
}

size_t FormatTime(int32_t millis, int precision, char* out) {
  size_t size = FormatClock(millis, precision, out);
  // Zeros at the end of a fraction are left out, but for its first digit.
  for (int digits = precision; digits > 1 && out[size - 1] == '0'; --digits) --size;
  return size;
}

size_t FormatTimestamp(int64_t ticks, int64_t units_per_second, int precision, char* out) {
  const auto [seconds, nanos_of_second] = MomentOfTicks(ticks, units_per_second);
  const int64_t days = FloorDivide(seconds, kSecondsPerDay);
  const int32_t millis = static_cast<int32_t>((seconds - days * kSecondsPerDay) * 1000);
  size_t size = FormatDate(static_cast<int32_t>(days), out);
  out[size++] = ' ';
  size += FormatTime(millis, 0, out + size);
  if (precision > 0) {
    out[size++] = '.';
    char nanos[20];
    Digits(nanos, static_cast<uint64_t>(nanos_of_second), 9);
    size += Copy({nanos, static_cast<size_t>(precision)}, out + size);
  }
  return size;
}

size_t FormatIntervalMonths(int32_t months, char* out) {
  char* p = out;
  *p++ = months < 0 ? '-' : '+';
  const uint64_t magnitude = static_cast<uint64_t>(std::abs(static_cast<int64_t>(months)));
  p = Digits(p, magnitude / 12, 1);
  *p++ = '-';
  return static_cast<size_t>(Digits(p, magnitude % 12, 2) - out);
}

size_t FormatIntervalMillis(int64_t millis, char* out) {
  char* p = out;
  *p++ = millis < 0 ? '-' : '+';
  const uint64_t magnitude =
      millis < 0 ? 0 - static_cast<uint64_t>(millis) : static_cast<uint64_t>(millis);
  p = Digits(p, magnitude / 86'400'000, 1);
  *p++ = ' ';
  return static_cast<size_t>(p - out) +
         FormatClock(static_cast<int32_t>(magnitude % 86'400'000), 3, p);
}

std::string_view TrimSpaces(std::string_view text) {
  const auto is_space = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

Parsed<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max) {
  std::string_view rest = TrimSpaces(text);
  if (rest.empty()) return {std::nullopt, ForInput(text, "Input is empty.")};
  const bool negative = rest.front() == '-';
  if (negative || rest.front() == '+') {
    rest.remove_prefix(1);
    if (rest.empty())
      return {std::nullopt, ForInput(text, "Input has only positive or negative symbol.")};
  }
  // Collected as a negative number, whose range is the wider one.
  int64_t value = 0;
  size_t i = 0;
  for (; i < rest.size() && rest[i] != '.'; ++i) {
    if (!IsDigit(rest[i])) return {std::nullopt, ForInput(text, "Invalid character found.")};
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_sub_overflow(value, rest[i] - '0', &value)) {
      return {std::nullopt, ForInput(text, "Overflow.")};
    }
  }
  for (++i; i < rest.size(); ++i) {
    if (!IsDigit(rest[i])) return {std::nullopt, ForInput(text, "Invalid character found.")};
  }
  if (!negative && value == INT64_MIN) return {std::nullopt, ForInput(text, "Overflow.")};
  if (!negative) value = -value;
  if (value < min || value > max) return {std::nullopt, ForInput(text, "Overflow.")};
  return {value};
}

Parsed<double> ParseDouble(std::string_view text) {
  std::string_view rest = TrimSpaces(text);
  const auto invalid = [&] { return Parsed<double>{std::nullopt, ForInput(text, "")}; };
  if (rest.empty()) return {std::nullopt, "empty String"};
  const bool negative = rest.front() == '-';
  if (negative || rest.front() == '+') rest.remove_prefix(1);
  const double sign = negative ? -1 : 1;
  if (rest == "NaN") return {std::nan("")};
  if (rest == "Infinity") return {sign * HUGE_VAL};
  if (!rest.empty() && std::strchr("dDfF", rest.back()) != nullptr) rest.remove_suffix(1);
  if (rest.empty() || !(IsDigit(rest[0]) || rest[0] == '.')) return invalid();
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (end != rest.data() + rest.size() || error == std::errc::invalid_argument) return invalid();
  if (error == std::errc::result_out_of_range) {
    const size_t e = rest.find_first_of("eE");
    const bool tiny =
        e != std::string_view::npos ? rest[e + 1] == '-' : rest[0] == '0' || rest[0] == '.';
    value = tiny ? 0 : HUGE_VAL;
  }
  return {sign * value};
}

Parsed<Int128> ParseDecimal(std::string_view text, DecimalShape shape) {
  const auto invalid = [&] {
    return Parsed<Int128>{std::nullopt, ForInput(text, "Invalid character found.")};
  };
  const auto overflow = [&] { return Parsed<Int128>{std::nullopt, ForInput(text, "Overflow.")}; };
  std::string_view rest = TrimSpaces(text);
  if (rest.empty()) return {std::nullopt, ForInput(text, "Input is empty.")};
  const bool negative = rest.front() == '-';
  if (negative || rest.front() == '+') rest.remove_prefix(1);
  Int128 value = 0;
  int significant = 0;
  int64_t scale = 0, dropped = 0;
  bool any = false, in_fraction = false, round_up = false;
  size_t i = 0;
  for (; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '.' && !in_fraction) {
      in_fraction = true;
      continue;
    }
    if (!IsDigit(c)) break;
    any = true;
    if (significant == 38) {  // further digits only matter for rounding and magnitude
      if (dropped++ == 0) round_up = c >= '5';
      if (in_fraction) ++scale;
      continue;
    }
    value = value * 10 + (c - '0');
    if (value != 0) ++significant;
    if (in_fraction) ++scale;
  }
  if (!any) return invalid();
  if (i < rest.size()) {
    if (rest[i] != 'e' && rest[i] != 'E') return invalid();
    std::string_view exponent_text = rest.substr(i + 1);
    if (exponent_text.starts_with('+')) exponent_text.remove_prefix(1);
    int exponent = 0;
    const char* end = exponent_text.data() + exponent_text.size();
    const auto parsed = std::from_chars(exponent_text.data(), end, exponent);
    if (exponent_text.empty() || parsed.ptr != end || parsed.ec != std::errc{}) return invalid();
    scale -= exponent;
  }
  scale -= dropped;
  if (round_up && scale <= shape.scale) value += 1;
  // Beyond these there is nothing left of 38 digits, or too much.
  constexpr int64_t kScaleMin = -100, kScaleMax = 200;
  const auto result = Rescale(value, static_cast<int>(std::clamp(scale, kScaleMin, kScaleMax)),
                              shape.scale, shape.precision);
  if (!result) return overflow();
  return {negative ? -*result : *result};
}

Parsed<bool> ParseBoolean(std::string_view text) {
  const auto equals = [&](std::string_view word) {
    if (text.size() != word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i) {
      if ((text[i] | 0x20) != word[i] && text[i] != word[i]) return false;
    }
    return true;
  };
  for (std::string_view word : {"t", "true", "y", "yes", "1"}) {
    if (equals(word)) return {true};
  }
  for (std::string_view word : {"f", "false", "n", "no", "0"}) {
    if (equals(word)) return {false};
  }
  return {std::nullopt, fmt::format("Cannot parse '{}' as BOOLEAN.", text)};
}

Parsed<int32_t> ParseDate(std::string_view text) {
  std::string_view rest = TrimSpaces(text);
  rest = rest.substr(0, rest.find(' '));  // a time may follow
  const auto year = TakeNumber(&rest, 5);
  int month = 1, day = 1;
  bool good = year.has_value();
  if (good && TakeChar(&rest, '-')) {
    const auto m = TakeNumber(&rest, 2);
    good = m.has_value();
    month = m.value_or(0);
    if (good && TakeChar(&rest, '-')) {
      const auto d = TakeNumber(&rest, 2);
      good = d.has_value();
      day = d.value_or(0);
    }
  }
  if (!good || !rest.empty() || *year > 9999 || !IsValidDate(*year, month, day)) {
    return {std::nullopt, ForInput(text, "")};
  }
  return {static_cast<int32_t>(DaysFromCivil(*year, month, day))};
}

Parsed<int32_t> ParseTime(std::string_view text) {
  std::string_view rest = TrimSpaces(text);
  const auto clock = TakeClock(&rest, true);
  if (!clock || !rest.empty()) {
    return {std::nullopt,
            fmt::format("Invalid time format: '{}'. Expected format: HH:mm:ss[.fff] where HH is "
                        "00-23, mm is 00-59, ss is 00-59",
                        text)};
  }
  return {static_cast<int32_t>(clock->seconds * 1000 + clock->nanos / 1'000'000)};
}

Parsed<Moment> ParseMoment(std::string_view text, int precision) {
  const auto invalid = [&] {
    return Parsed<Moment>{std::nullopt, fmt::format("Text '{}' could not be parsed", text)};
  };
  std::string_view rest = text;
  const auto year = TakeNumber(&rest, 4);
  if (!year || !TakeChar(&rest, '-')) return invalid();
  const auto month = TakeNumber(&rest, 2);
  if (!month || !TakeChar(&rest, '-')) return invalid();
  const auto day = TakeNumber(&rest, 2);
  if (!day) return invalid();
  if (*month < 1 || *month > 12) {
    return {std::nullopt,
            fmt::format("Invalid value for MonthOfYear (valid values 1 - 12): {}", *month)};
  }
  if (*day < 1 || *day > 31) {
    return {std::nullopt,
            fmt::format("Invalid value for DayOfMonth (valid values 1 - 28/31): {}", *day)};
  }
  ClockTime clock;
  if (!rest.empty()) {
    if (!TakeChar(&rest, ' ')) return invalid();
    if (rest == "24:00:00") {
      clock.seconds = kSecondsPerDay;
    } else if (const auto parsed = TakeClock(&rest, false); parsed && rest.empty()) {
      clock = *parsed;
    } else {
      return invalid();
    }
  }
  const int64_t days = DaysFromCivil(*year, *month, std::min(*day, DaysInMonth(*year, *month)));
  int64_t cut = 1;
  for (int i = precision; i < 9; ++i) cut *= 10;
  return {Moment{days * kSecondsPerDay + clock.seconds, clock.nanos / cut * cut}};
}

Parsed<int64_t> ParseTimestamp(std::string_view text, int64_t units_per_second, int precision) {
  auto time = ParseMoment(text, precision);
  if (!time.value) return {std::nullopt, std::move(time.error)};
  const auto ticks = TicksOfMoment(*time.value, units_per_second);
  if (!ticks) return {std::nullopt, fmt::format("'{}': {}", text, kTicksOutOfRange)};
  return {ticks};
}

}  // namespace mainstem::process
