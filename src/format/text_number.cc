#include "format/text_number.h"

#include <charconv>
#include <cmath>
#include <limits>

#include <absl/strings/charconv.h>
#include <arrow/util/decimal.h>

namespace mainstem::format {
namespace {

using UInt128 = unsigned __int128;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

template <typename T>
bool ParseFloating(std::string_view text, T* value) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "NaN") {
    *value = std::numeric_limits<T>::quiet_NaN();
    return true;
  }
  if (text == "Infinity") {
    *value = negative ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
    return true;
  }
  // from_chars also takes "nan", "inf" and a second sign, which are no numbers here.
  if (text.empty() || !(IsDigit(text[0]) || text[0] == '.')) return false;
  // A trailing 'd' or 'f' marks the type in Java's literals and is accepted by its parser.
  char last = text.back();
  if (last == 'd' || last == 'D' || last == 'f' || last == 'F') text.remove_suffix(1);
  T parsed;
  auto [end, error] = absl::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return false;
  // Out of range comes as the greatest finite value, or as zero.
  if (error == std::errc::result_out_of_range && parsed > 1) {
    parsed = std::numeric_limits<T>::infinity();
  }
  *value = negative ? -parsed : parsed;
  return true;
}

// Digits and exponent of to_chars' scientific form laid out as Java does.
template <typename T>
void AppendFloatingText(T value, std::string* out) {
  if (std::isnan(value)) {
    out->append("NaN");
    return;
  }
  if (std::signbit(value)) out->push_back('-');
  value = std::abs(value);
  if (std::isinf(value)) {
    out->append("Infinity");
    return;
  }
  if (value == 0) {
    out->append("0.0");
    return;
  }
  char buffer[64];
  auto [end, error] =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  std::string_view text(buffer, end - buffer);
  size_t e = text.find('e');
  int exponent = 0;
  const char* exponent_begin = text.data() + e + 1 + (text[e + 1] == '+' ? 1 : 0);
  std::from_chars(exponent_begin, end, exponent);
  std::string digits(1, text[0]);
  if (e > 2) digits.append(text.substr(2, e - 2));
  if (exponent >= -3 && exponent < 7) {
    if (exponent < 0) {
      out->append("0.").append(-exponent - 1, '0').append(digits);
      return;
    }
    size_t whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() <= whole) {
      out->append(digits).append(whole - digits.size(), '0').append(".0");
    } else {
      out->append(digits, 0, whole).append(".").append(digits, whole);
    }
    return;
  }
  out->push_back(digits[0]);
  out->push_back('.');
  if (digits.size() > 1) {
    out->append(digits, 1);
  } else {
    out->push_back('0');
  }
  out->push_back('E');
  out->append(std::to_string(exponent));
}

// A decimal number taken apart: digits without point, and the power of ten of the last one.
struct Digits {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  int64_t exponent = 0;
};

bool SplitDecimal(std::string_view text, Digits* out) {
  size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) out->negative = text[i++] == '-';
  size_t begin = i;
  while (i < text.size() && IsDigit(text[i])) ++i;
  out->whole = text.substr(begin, i - begin);
  if (i < text.size() && text[i] == '.') {
    begin = ++i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    out->fraction = text.substr(begin, i - begin);
  }
  if (out->whole.empty() && out->fraction.empty()) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    int32_t exponent;
    if (!ParseInteger(text.substr(i + 1), &exponent)) return false;
    out->exponent = exponent;
    i = text.size();
  }
  return i == text.size();
}

}  // namespace

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  auto same = [](char x, char y) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

std::string_view TrimText(std::string_view text) {
  auto is_space = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

template <typename T>
bool ParseInteger(std::string_view text, T* value) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return false;
  }
  T parsed;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  *value = parsed;
  return true;
}
template bool ParseInteger<int8_t>(std::string_view, int8_t*);
template bool ParseInteger<int16_t>(std::string_view, int16_t*);
template bool ParseInteger<int32_t>(std::string_view, int32_t*);
template bool ParseInteger<int64_t>(std::string_view, int64_t*);

bool ParseDouble(std::string_view text, double* value) { return ParseFloating(text, value); }
bool ParseFloat(std::string_view text, float* value) { return ParseFloating(text, value); }

bool IsJsonNumber(std::string_view text) {
  size_t i = 0;
  size_t size = text.size();
  auto digits = [&] {
    size_t begin = i;
    while (i < size && IsDigit(text[i])) ++i;
    return i > begin;
  };
  if (i < size && text[i] == '-') ++i;
  if (i < size && text[i] == '0') {
    ++i;
  } else if (!digits()) {
    return false;
  }
  if (i < size && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < size && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < size && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == size;
}

DecimalOutcome ParseDecimal(std::string_view text, int precision, int scale,
                            arrow::Decimal128* value) {
  Digits digits;
  if (!SplitDecimal(text, &digits)) return DecimalOutcome::kMalformed;
  // The digit at position p (0 = first of whole) weighs 10^(whole - 1 - p + exponent); those that
  // weigh at least 10^-scale are kept.
  int64_t total = static_cast<int64_t>(digits.whole.size() + digits.fraction.size());
  int64_t kept = static_cast<int64_t>(digits.whole.size()) + digits.exponent + scale;
  auto digit_at = [&](int64_t position) -> int {
    if (position >= total) return 0;
    size_t p = static_cast<size_t>(position);
    return (p < digits.whole.size() ? digits.whole[p] : digits.fraction[p - digits.whole.size()]) -
           '0';
  };
  UInt128 magnitude = 0;
  int significant = 0;
  int64_t position = 0;
  while (position < kept) {
    if (position >= total && magnitude == 0) break;  // zero, however great the exponent
    int digit = digit_at(position++);
    if (significant > 0 || digit != 0) ++significant;
    if (significant > precision) return DecimalOutcome::kOverflow;
    magnitude = magnitude * 10 + digit;
  }
  if (kept >= 0 && kept < total && digit_at(kept) >= 5) ++magnitude;
  UInt128 limit = 1;
  for (int i = 0; i < precision; ++i) limit *= 10;
  if (magnitude >= limit) return DecimalOutcome::kOverflow;
  arrow::Decimal128 result(static_cast<int64_t>(magnitude >> 64), static_cast<uint64_t>(magnitude));
  *value = digits.negative ? -result : result;
  return DecimalOutcome::kOk;
}

void AppendDoubleText(double value, std::string* out) { AppendFloatingText(value, out); }
void AppendFloatText(float value, std::string* out) { AppendFloatingText(value, out); }

void AppendDecimalText(const arrow::Decimal128& value, int scale, DecimalStyle style,
                       std::string* out) {
  if (style == DecimalStyle::kPlain) {
    // Arrow turns to an exponent below 1E-6, which is not plain.
    std::string digits = arrow::Decimal128(arrow::Decimal128::Abs(value)).ToIntegerString();
    if (value.IsNegative()) out->push_back('-');
    if (scale > 0 && digits.size() <= static_cast<size_t>(scale)) {
      digits.insert(0, static_cast<size_t>(scale) + 1 - digits.size(), '0');
    }
    if (scale > 0) digits.insert(digits.size() - static_cast<size_t>(scale), 1, '.');
    out->append(digits);
    return;
  }
  if (value == arrow::Decimal128(0)) {
    out->push_back('0');
    return;
  }
  std::string digits = arrow::Decimal128(arrow::Decimal128::Abs(value)).ToIntegerString();
  while (digits.size() > 1 && digits.back() == '0') {
    digits.pop_back();
    --scale;
  }
  if (value.IsNegative()) out->push_back('-');
  int64_t adjusted = static_cast<int64_t>(digits.size()) - 1 - scale;
  if (style == DecimalStyle::kStrippedScientific && (scale < 0 || adjusted < -6)) {
    out->push_back(digits[0]);
    if (digits.size() > 1) out->append(".").append(digits, 1);
    out->append(adjusted < 0 ? "E" : "E+").append(std::to_string(adjusted));
    return;
  }
  if (scale <= 0) {
    out->append(digits).append(static_cast<size_t>(-scale), '0');
    return;
  }
  size_t places = static_cast<size_t>(scale);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  digits.insert(digits.size() - places, 1, '.');
  out->append(digits);
}

}  // namespace mainstem::format
