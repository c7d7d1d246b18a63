#include "gateway/dynamodb/decimal_number.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "gateway/dynamodb/errors.h"

namespace mainstem::gateway::dynamodb {
namespace {

constexpr size_t kDigitsMax = 38;
constexpr int kExponentMax = 126;   // of 9.99E+125, as 0.DIGITS
constexpr int kExponentMin = -129;  // of 1E-130
constexpr size_t kTextMax = 1024;
constexpr int kExponentBias = 1000;

Status NotANumber(std::string_view text) {
  return Invalid(
      fmt::format("The parameter cannot be converted to a numeric value: {}", text.substr(0, 256)));
}

// The digits of a plain number as an integer scaled by 10^-scale, padded to `size`.
std::string Aligned(const std::string& digits, int exponent, int top, size_t size) {
  std::string out(static_cast<size_t>(top - exponent), '0');
  out += digits;
  out.resize(std::max(out.size(), size), '0');
  return out;
}

// Of equal length. The sum has one digit more in front.
std::string AddDigits(const std::string& a, const std::string& b) {
  std::string out(a.size() + 1, '0');
  int carry = 0;
  for (size_t i = a.size(); i-- > 0;) {
    int sum = (a[i] - '0') + (b[i] - '0') + carry;
    out[i + 1] = static_cast<char>('0' + sum % 10);
    carry = sum / 10;
  }
  out[0] = static_cast<char>('0' + carry);
  return out;
}

// Of equal length, a >= b. With a zero in front, as AddDigits.
std::string SubtractDigits(const std::string& a, const std::string& b) {
  std::string out(a.size() + 1, '0');
  int borrow = 0;
  for (size_t i = a.size(); i-- > 0;) {
    int difference = (a[i] - '0') - (b[i] - '0') - borrow;
    borrow = difference < 0 ? 1 : 0;
    out[i + 1] = static_cast<char>('0' + difference + borrow * 10);
  }
  return out;
}

// Half up, to 38 digits behind leading zeros. May become one digit longer in front.
void RoundDigits(std::string* digits, int* exponent) {
  size_t lead = digits->find_first_not_of('0');
  if (lead == std::string::npos || digits->size() - lead <= kDigitsMax) return;
  bool up = (*digits)[lead + kDigitsMax] >= '5';
  digits->resize(lead + kDigitsMax);
  if (!up) return;
  std::string one(digits->size(), '0');
  one.back() = '1';
  *digits = AddDigits(*digits, one);
  ++*exponent;
}

}  // namespace

Result<DecimalNumber> DecimalNumber::Normalized(bool negative, std::string digits, int exponent) {
  size_t lead = digits.find_first_not_of('0');
  if (lead == std::string::npos) return DecimalNumber();
  digits.erase(0, lead);
  exponent -= static_cast<int>(lead);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.size() > kDigitsMax) {
    return Invalid("Attempting to store more than 38 significant digits in a Number");
  }
  if (exponent > kExponentMax) {
    return Invalid(
        "Number overflow. Attempting to store a number with magnitude larger than supported range");
  }
  if (exponent < kExponentMin) {
    return Invalid(
        "Number underflow. Attempting to store a number with magnitude smaller than supported "
        "range");
  }
  DecimalNumber number;
  number.negative_ = negative;
  number.digits_ = std::move(digits);
  number.exponent_ = exponent;
  return number;
}

Result<DecimalNumber> DecimalNumber::Parse(std::string_view text) {
  std::string_view rest = text;
  if (text.size() > kTextMax) return NotANumber(text);
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  std::string digits;
  size_t before_point = 0;
  bool has_point = false;
  while (!rest.empty() && (rest[0] == '.' || (rest[0] >= '0' && rest[0] <= '9'))) {
    if (rest[0] == '.') {
      if (has_point) return NotANumber(text);
      has_point = true;
    } else {
      digits.push_back(rest[0]);
      if (!has_point) ++before_point;
    }
    rest.remove_prefix(1);
  }
  if (digits.empty()) return NotANumber(text);
  int scale = 0;
  if (!rest.empty()) {
    if (rest[0] != 'e' && rest[0] != 'E') return NotANumber(text);
    rest.remove_prefix(1);
    if (rest.starts_with('+')) rest.remove_prefix(1);
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), scale);
    constexpr int kScaleMax = 100'000;
    bool good = error == std::errc() && end == rest.data() + rest.size() && !rest.empty();
    if (!good || scale > kScaleMax || scale < -kScaleMax) return NotANumber(text);
  }
  return Normalized(negative, std::move(digits), static_cast<int>(before_point) + scale);
}

std::string DecimalNumber::ToString() const {
  if (is_zero()) return "0";
  std::string out = negative_ ? "-" : "";
  auto size = static_cast<int>(digits_.size());
  if (exponent_ > static_cast<int>(kDigitsMax)) {
    out.append(digits_, 0, 1);
    if (size > 1) out.append(".").append(digits_, 1);
    out.append(fmt::format("E+{}", exponent_ - 1));
  } else if (exponent_ <= 0) {
    out.append("0.").append(static_cast<size_t>(-exponent_), '0').append(digits_);
  } else if (exponent_ >= size) {
    out.append(digits_).append(static_cast<size_t>(exponent_ - size), '0');
  } else {
    out.append(digits_, 0, static_cast<size_t>(exponent_)).append(".");
    out.append(digits_, static_cast<size_t>(exponent_));
  }
  return out;
}

// '0' negative, '1' zero, '2' positive; then the exponent and the digits, each turned over for
// negative numbers. The end of the digits is the smallest byte, or the greatest.
std::string DecimalNumber::SortKey() const {
  if (is_zero()) return "1";
  std::string out = fmt::format("{:04}{}", exponent_ + kExponentBias, digits_);
  if (!negative_) return "2" + out;
  for (char& c : out) c = static_cast<char>('0' + '9' - c);
  return "0" + out + "~";
}

DecimalNumber DecimalNumber::Negated() const {
  DecimalNumber number = *this;
  number.negative_ = !negative_ && !is_zero();
  return number;
}

Result<DecimalNumber> DecimalNumber::Plus(const DecimalNumber& other) const {
  if (is_zero()) return other;
  if (other.is_zero()) return *this;
  int top = std::max(exponent_, other.exponent_);
  auto end_of = [&](const DecimalNumber& number) {
    return static_cast<size_t>(top - number.exponent_) + number.digits_.size();
  };
  size_t size = std::max(end_of(*this), end_of(other));
  std::string mine = Aligned(digits_, exponent_, top, size);
  std::string theirs = Aligned(other.digits_, other.exponent_, top, size);
  bool result_negative = negative_;
  std::string digits;
  if (negative_ == other.negative_) {
    digits = AddDigits(mine, theirs);
  } else if (mine >= theirs) {
    digits = SubtractDigits(mine, theirs);
  } else {
    digits = SubtractDigits(theirs, mine);
    result_negative = other.negative_;
  }
  int exponent = top + 1;
  RoundDigits(&digits, &exponent);
  return Normalized(result_negative, std::move(digits), exponent);
}

std::strong_ordering DecimalNumber::operator<=>(const DecimalNumber& other) const {
  return SortKey() <=> other.SortKey();
}

}  // namespace mainstem::gateway::dynamodb
