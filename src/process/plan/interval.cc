#include "process/plan/interval.h"

#include <array>
#include <string_view>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

namespace mainstem::process::plan {
namespace {

struct Unit {
  std::string_view name;
  bool months;
  int64_t scale;
  int64_t limit;   // of a field that is not the first
  char separator;  // before this field, when it is not the first
};
constexpr std::array<Unit, 8> kUnits = {{{"YEAR", true, 12, 0, ' '},
                                         {"QUARTER", true, 3, 0, ' '},
                                         {"MONTH", true, 1, 11, '-'},
                                         {"WEEK", false, 604'800'000, 0, ' '},
                                         {"DAY", false, 86'400'000, 0, ' '},
                                         {"HOUR", false, 3'600'000, 23, ' '},
                                         {"MINUTE", false, 60'000, 59, ':'},
                                         {"SECOND", false, 1'000, 59, ':'}}};

int IndexOf(std::string_view name) {
  for (size_t i = 0; i < kUnits.size(); ++i) {
    if (kUnits[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

// The units from `from` to `to`, coarse to fine: DAY TO SECOND is DAY, HOUR, MINUTE, SECOND.
std::vector<Unit> UnitsOf(const sql::IntervalQualifier& qualifier) {
  const int from = IndexOf(qualifier.from);
  if (qualifier.to.empty()) return {kUnits[static_cast<size_t>(from)]};
  const int to = IndexOf(qualifier.to);
  std::vector<Unit> units;
  for (int i = from; i <= to; ++i) {
    if (kUnits[static_cast<size_t>(i)].name != "QUARTER" &&
        kUnits[static_cast<size_t>(i)].name != "WEEK") {
      units.push_back(kUnits[static_cast<size_t>(i)]);
    }
  }
  if (to <= from ||
      kUnits[static_cast<size_t>(from)].months != kUnits[static_cast<size_t>(to)].months) {
    units.clear();
  }
  return units;
}

// Milliseconds of ".5": digits beyond the third are cut.
int64_t FractionMillis(std::string_view digits) {
  int64_t millis = 0;
  for (size_t i = 0; i < 3; ++i) millis = millis * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return millis;
}

size_t CountDigits(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) {
    ++digits;
  }
  return digits;
}

}  // namespace

Result<IntervalValue> ParseInterval(const sql::IntervalExpr& interval) {
  const auto bad = [&interval] {
    const sql::IntervalQualifier& q = interval.qualifier;
    return MakeError(ErrorCode::kSemanticError,
                     fmt::format("'{}' is no interval of {}{}", interval.text, q.from,
                                 q.to.empty() ? "" : " TO " + q.to));
  };
  const std::vector<Unit> units = UnitsOf(interval.qualifier);
  if (units.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     fmt::format("an interval cannot go from {} to {}", interval.qualifier.from,
                                 interval.qualifier.to));
  }
  std::string_view text = interval.text;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  bool negative = interval.negative;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = negative != (text[0] == '-');
    text.remove_prefix(1);
  }
  // The first field has two digits unless the qualifier says otherwise.
  constexpr int kDefaultDigits = 2;
  constexpr int kDayTimeDigitsMax = 3;
  const int digits_max = interval.qualifier.precision.value_or(kDefaultDigits);
  if (!units[0].months && digits_max > kDayTimeDigitsMax) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = fmt::format("{}({}) is not supported: at most 3 digits",
                                             units[0].name, digits_max),
                      .hint = "a larger unit needs fewer"});
  }
  IntervalValue out{.is_months = units[0].months, .value = 0};
  for (size_t i = 0; i < units.size(); ++i) {
    if (i > 0) {
      if (text.empty() || text[0] != units[i].separator) return bad();
      text.remove_prefix(1);
    }
    const size_t digits = CountDigits(text);
    int64_t count = 0;
    if (digits == 0 || !absl::SimpleAtoi(std::string(text.substr(0, digits)), &count)) return bad();
    if (i > 0 && count > units[i].limit) return bad();
    if (i == 0 && CountDigits(std::to_string(count)) > static_cast<size_t>(digits_max)) {
      return MakeError(
          ErrorCode::kSemanticError,
          {.message = fmt::format("interval field value {} exceeds precision of {}({}) field",
                                  count, units[0].name, digits_max),
           .hint = digits_max < kDayTimeDigitsMax || units[0].months
                       ? fmt::format("write {}({}), or take a larger unit", units[0].name,
                                     std::to_string(count).size())
                       : "take a larger unit"});
    }
    text.remove_prefix(digits);
    int64_t part = 0;
    if (__builtin_mul_overflow(count, units[i].scale, &part) ||
        __builtin_add_overflow(out.value, part, &out.value)) {
      return bad();
    }
    if (units[i].name == "SECOND" && !text.empty() && text[0] == '.') {
      text.remove_prefix(1);
      const size_t fraction = CountDigits(text);
      if (fraction == 0 || fraction > 9) return bad();
      out.value += FractionMillis(text.substr(0, fraction));
      text.remove_prefix(fraction);
    }
  }
  if (!text.empty()) return bad();
  if (out.is_months && out.value > INT32_MAX) return bad();
  if (negative) out.value = -out.value;
  return out;
}

}  // namespace mainstem::process::plan
