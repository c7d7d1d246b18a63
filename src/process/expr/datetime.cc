#include "process/expr/datetime.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "format/time_zone.h"
#include "process/expr/evaluator.h"
#include "process/expr/text.h"

namespace mainstem::process {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

// 0 = Sunday.
int WeekDay(int64_t days) { return static_cast<int>(FloorModulo(days + 4, 7)); }

int64_t IsoWeek(int64_t days, int64_t* iso_year) {
  const int64_t thursday = days + 3 - FloorModulo(days + 3, 7);  // of the same Monday-based week
  const CivilDate date = CivilFromDays(thursday);
  *iso_year = date.year;
  return (thursday - DaysFromCivil(date.year, 1, 1)) / 7 + 1;
}

// First day of the unit that contains `days`; units of a day or longer.
int64_t FloorDays(TimeUnit unit, int64_t days) {
  const CivilDate date = CivilFromDays(days);
  const auto year = [](int64_t y) { return DaysFromCivil(static_cast<int>(y), 1, 1); };
  switch (unit) {
    case TimeUnit::kMillennium: return year(FloorDivide(date.year - 1, 1000) * 1000 + 1);
    case TimeUnit::kCentury: return year(FloorDivide(date.year - 1, 100) * 100 + 1);
    case TimeUnit::kDecade: return year(FloorDivide(date.year, 10) * 10);
    case TimeUnit::kYear: return year(date.year);
    case TimeUnit::kQuarter:
      return DaysFromCivil(date.year, static_cast<int>((date.month - 1) / 3 * 3 + 1), 1);
    case TimeUnit::kMonth: return DaysFromCivil(date.year, static_cast<int>(date.month), 1);
    case TimeUnit::kWeek: return days - WeekDay(days);
    default: return days;
  }
}

int64_t NextDays(TimeUnit unit, int64_t first_day) {
  switch (unit) {
    case TimeUnit::kMillennium: return AddMonths(first_day, 12'000);
    case TimeUnit::kCentury: return AddMonths(first_day, 1200);
    case TimeUnit::kDecade: return AddMonths(first_day, 120);
    case TimeUnit::kYear: return AddMonths(first_day, 12);
    case TimeUnit::kQuarter: return AddMonths(first_day, 3);
    case TimeUnit::kMonth: return AddMonths(first_day, 1);
    case TimeUnit::kWeek: return first_day + 7;
    default: return first_day + 1;
  }
}

// Milliseconds of units shorter than a day; 0 for the others.
int64_t FixedMillis(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kHour: return 3'600'000;
    case TimeUnit::kMinute: return 60'000;
    case TimeUnit::kSecond: return 1000;
    case TimeUnit::kMillisecond: return 1;
    default: return 0;
  }
}

int64_t WholeMonths(int64_t from_millis, int64_t to_millis) {
  const int64_t from_day = FloorDivide(from_millis, kMillisPerDay);
  const int64_t to_day = FloorDivide(to_millis, kMillisPerDay);
  const CivilDate from = CivilFromDays(from_day), to = CivilFromDays(to_day);
  int64_t months = (static_cast<int64_t>(to.year) - from.year) * 12 +
                   static_cast<int64_t>(to.month) - static_cast<int64_t>(from.month);
  const int64_t reached = AddMonths(from_day, months);
  const bool time_before =
      FloorModulo(to_millis, kMillisPerDay) < FloorModulo(from_millis, kMillisPerDay);
  if (reached > to_day || (reached == to_day && time_before)) --months;
  return months;
}

}  // namespace

CivilDate CivilFromDays(int64_t days) {
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{static_cast<int>(days)}}};
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day())};
}

int32_t DaysFromCivil(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  return static_cast<int32_t>(std::chrono::sys_days{date}.time_since_epoch().count());
}

int DaysInMonth(int year, int month) {
  const std::chrono::year_month_day_last last{
      std::chrono::year{year},
      std::chrono::month_day_last{std::chrono::month{static_cast<unsigned>(month)}}};
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

bool IsValidDate(int year, int month, int day) {
  return month >= 1 && month <= 12 && day >= 1 && day <= DaysInMonth(year, month);
}

int64_t AddMonths(int64_t days, int64_t months) {
  const CivilDate date = CivilFromDays(days);
  const int64_t total = static_cast<int64_t>(date.year) * 12 + date.month - 1 + months;
  const int year = static_cast<int>(FloorDivide(total, 12));
  const int month = static_cast<int>(FloorModulo(total, 12)) + 1;
  return DaysFromCivil(year, month, std::min(static_cast<int>(date.day), DaysInMonth(year, month)));
}

std::optional<TimeUnit> ParseTimeUnit(std::string_view name) {
  if (name.starts_with("SQL_TSI_")) name.remove_prefix(8);
  static constexpr std::pair<std::string_view, TimeUnit> kUnits[] = {
      {"MILLENNIUM", TimeUnit::kMillennium},
      {"CENTURY", TimeUnit::kCentury},
      {"DECADE", TimeUnit::kDecade},
      {"YEAR", TimeUnit::kYear},
      {"ISOYEAR", TimeUnit::kIsoYear},
      {"QUARTER", TimeUnit::kQuarter},
      {"MONTH", TimeUnit::kMonth},
      {"WEEK", TimeUnit::kWeek},
      {"DAY", TimeUnit::kDay},
      {"DOW", TimeUnit::kDayOfWeek},
      {"DAYOFWEEK", TimeUnit::kDayOfWeek},
      {"ISODOW", TimeUnit::kIsoDayOfWeek},
      {"DOY", TimeUnit::kDayOfYear},
      {"DAYOFYEAR", TimeUnit::kDayOfYear},
      {"HOUR", TimeUnit::kHour},
      {"MINUTE", TimeUnit::kMinute},
      {"SECOND", TimeUnit::kSecond},
      {"MILLISECOND", TimeUnit::kMillisecond},
      {"MICROSECOND", TimeUnit::kMicrosecond},
      {"NANOSECOND", TimeUnit::kNanosecond},
      {"EPOCH", TimeUnit::kEpoch},
      {"FRAC_SECOND", TimeUnit::kMicrosecond}};
  for (const auto& [text, unit] : kUnits) {
    if (text == name) return unit;
  }
  return std::nullopt;
}

int64_t ExtractUnit(TimeUnit unit, int64_t days, int64_t nanos_of_day) {
  const CivilDate date = CivilFromDays(days);
  int64_t iso_year = 0;
  switch (unit) {
    case TimeUnit::kMillennium: return FloorDivide(date.year + 999, 1000);
    case TimeUnit::kCentury: return FloorDivide(date.year + 99, 100);
    case TimeUnit::kDecade: return FloorDivide(date.year, 10);
    case TimeUnit::kYear: return date.year;
    case TimeUnit::kIsoYear: IsoWeek(days, &iso_year); return iso_year;
    case TimeUnit::kQuarter: return (date.month - 1) / 3 + 1;
    case TimeUnit::kMonth: return date.month;
    case TimeUnit::kWeek: return IsoWeek(days, &iso_year);
    case TimeUnit::kDay: return date.day;
    case TimeUnit::kDayOfWeek: return WeekDay(days) + 1;
    case TimeUnit::kIsoDayOfWeek: return (WeekDay(days) + 6) % 7 + 1;
    case TimeUnit::kDayOfYear: return days - DaysFromCivil(date.year, 1, 1) + 1;
    case TimeUnit::kHour: return nanos_of_day / 3'600'000'000'000;
    case TimeUnit::kMinute: return nanos_of_day / 60'000'000'000 % 60;
    case TimeUnit::kSecond: return nanos_of_day / 1'000'000'000 % 60;
    case TimeUnit::kMillisecond: return nanos_of_day / 1'000'000 % 1000;
    case TimeUnit::kMicrosecond: return nanos_of_day / 1000 % 1'000'000;
    case TimeUnit::kNanosecond: return nanos_of_day % 1'000'000'000;
    case TimeUnit::kEpoch: return days * kSecondsPerDay + nanos_of_day / 1'000'000'000;
  }
  return 0;
}

int64_t FloorToUnit(TimeUnit unit, int64_t millis) {
  if (const int64_t fixed = FixedMillis(unit); fixed != 0)
    return FloorDivide(millis, fixed) * fixed;
  return FloorDays(unit, FloorDivide(millis, kMillisPerDay)) * kMillisPerDay;
}

int64_t CeilToUnit(TimeUnit unit, int64_t millis) {
  const int64_t floor = FloorToUnit(unit, millis);
  if (floor == millis) return millis;
  if (const int64_t fixed = FixedMillis(unit); fixed != 0) return floor + fixed;
  return NextDays(unit, FloorDivide(floor, kMillisPerDay)) * kMillisPerDay;
}

int64_t DifferenceInUnits(TimeUnit unit, int64_t from_millis, int64_t to_millis) {
  if (const int64_t fixed = FixedMillis(unit); fixed != 0) return (to_millis - from_millis) / fixed;
  if (unit == TimeUnit::kDay) return (to_millis - from_millis) / kMillisPerDay;
  if (unit == TimeUnit::kWeek) return (to_millis - from_millis) / (7 * kMillisPerDay);
  const int64_t months = to_millis < from_millis ? -WholeMonths(to_millis, from_millis)
                                                 : WholeMonths(from_millis, to_millis);
  switch (unit) {
    case TimeUnit::kQuarter: return months / 3;
    case TimeUnit::kYear: return months / 12;
    case TimeUnit::kDecade: return months / 120;
    case TimeUnit::kCentury: return months / 1200;
    default: return months;
  }
}

int64_t ToLocal(const absl::TimeZone& zone, int64_t ticks, int64_t units_per_second) {
  const int64_t seconds = FloorDivide(ticks, units_per_second);
  return ticks +
         static_cast<int64_t>(zone.At(absl::FromUnixSeconds(seconds)).offset) * units_per_second;
}

int64_t FromLocal(const absl::TimeZone& zone, int64_t local_ticks, int64_t units_per_second) {
  const int64_t seconds = FloorDivide(local_ticks, units_per_second);
  const absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1) + seconds;
  const int64_t instant = absl::ToUnixSeconds(zone.At(civil).pre);
  return instant * units_per_second + (local_ticks - seconds * units_per_second);
}

Result<absl::TimeZone> ParseTimeZone(std::string_view name) { return format::ParseTimeZone(name); }

// ---- Patterns
// ------------------------------------------------------------------------------------

namespace {

struct Fields {
  std::optional<int> year, month, day, day_of_year, hour, hour12, minute, second;
  std::optional<bool> afternoon;
  int64_t nanos = 0;
};

bool IsNumericLetter(char letter, int count) {
  if (letter == 'M' || letter == 'L' || letter == 'E') return count <= 2 && letter != 'E';
  return std::string_view("yudDHhkKmsSn").find(letter) != std::string_view::npos;
}

void AppendNumber(std::string* out, int64_t value, int width) {
  if (value < 0) {
    out->append(fmt::format("{:0{}}", value, width));
    return;
  }
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  const auto size = static_cast<size_t>(end - digits);
  if (static_cast<size_t>(std::max(width, 0)) > size)
    out->append(static_cast<size_t>(width) - size, '0');
  out->append(digits, size);
}

template <size_t kCount>
std::optional<int> TakeName(std::string_view* text,
                            const std::array<std::string_view, kCount>& names, bool full) {
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string_view name = full ? names[i] : names[i].substr(0, 3);
    if (text->starts_with(name)) {
      text->remove_prefix(name.size());
      return static_cast<int>(i);
    }
  }
  return std::nullopt;
}

std::optional<int64_t> TakeDigits(std::string_view* text, size_t min, size_t max) {
  size_t count = 0;
  int64_t value = 0;
  while (count < max && count < text->size() && (*text)[count] >= '0' && (*text)[count] <= '9') {
    value = value * 10 + ((*text)[count++] - '0');
  }
  if (count < min) return std::nullopt;
  text->remove_prefix(count);
  return value;
}

bool TakeZone(std::string_view* text) {
  if (text->starts_with('Z')) {
    text->remove_prefix(1);
    return true;
  }
  const size_t end = text->find_first_not_of("+-0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  if (end == 0 || text->empty()) return false;
  text->remove_prefix(end == std::string_view::npos ? text->size() : end);
  return true;
}

}  // namespace

Result<DatePattern> DatePattern::Make(std::string_view pattern) {
  DatePattern result;
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '\'') {
      std::string text;
      size_t j = i + 1;
      for (; j < pattern.size(); ++j) {
        if (pattern[j] != '\'') {
          text += pattern[j];
        } else if (j + 1 < pattern.size() && pattern[j + 1] == '\'') {
          text += pattern[++j];
        } else {
          break;
        }
      }
      if (j == pattern.size()) {
        return MakeError(ErrorCode::kInvalidArgument,
                         {.message = fmt::format("pattern ends in a quoted text: {}", pattern)});
      }
      result.elements_.push_back({0, 0, j == i + 1 ? "'" : text});
      i = j + 1;
      continue;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter) {
      result.elements_.push_back({0, 0, std::string(1, c)});
      ++i;
      continue;
    }
    size_t end = i;
    while (end < pattern.size() && pattern[end] == c) ++end;
    if (std::string_view("yudDHhkKmsSnMLEaXxzZV").find(c) == std::string_view::npos) {
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("pattern letter '{}' is not supported in '{}'", c, pattern),
           .hint = "letters: y M d D H h k K m s S a E X z; quote text with ''"});
    }
    result.elements_.push_back({c, static_cast<int>(end - i), {}});
    i = end;
  }
  return result;
}

void DatePattern::Format(int64_t local_seconds, int64_t nanos, std::string* out) const {
  const int64_t days = FloorDivide(local_seconds, kSecondsPerDay);
  const int64_t second_of_day = local_seconds - days * kSecondsPerDay;
  const int hour = static_cast<int>(second_of_day / 3600);
  const CivilDate date = CivilFromDays(days);
  for (const Element& element : elements_) {
    const int count = element.count;
    switch (element.letter) {
      case 0: out->append(element.text); break;
      case 'y':
      case 'u':
        if (count == 2) {
          AppendNumber(out, FloorModulo(date.year, 100), 2);
        } else {
          AppendNumber(out, date.year, count);
        }
        break;
      case 'M':
      case 'L':
        if (count <= 2) {
          AppendNumber(out, date.month, count);
        } else {
          out->append(count == 3 ? kMonths[date.month - 1].substr(0, 3) : kMonths[date.month - 1]);
        }
        break;
      case 'E': {
        const std::string_view name = kWeekDays[static_cast<size_t>(WeekDay(days))];
        out->append(count <= 3 ? name.substr(0, 3) : name);
        break;
      }
      case 'd': AppendNumber(out, date.day, count); break;
      case 'D': AppendNumber(out, days - DaysFromCivil(date.year, 1, 1) + 1, count); break;
      case 'H': AppendNumber(out, hour, count); break;
      case 'k': AppendNumber(out, hour == 0 ? 24 : hour, count); break;
      case 'K': AppendNumber(out, hour % 12, count); break;
      case 'h': AppendNumber(out, hour % 12 == 0 ? 12 : hour % 12, count); break;
      case 'm': AppendNumber(out, second_of_day / 60 % 60, count); break;
      case 's': AppendNumber(out, second_of_day % 60, count); break;
      case 'n': AppendNumber(out, nanos, count); break;
      case 'S': {
        std::string digits;
        AppendNumber(&digits, nanos, 9);
        digits.resize(static_cast<size_t>(std::max(count, 1)), '0');
        out->append(digits);
        break;
      }
      case 'a': out->append(hour < 12 ? "AM" : "PM"); break;
      default: out->append(element.letter == 'X' || element.letter == 'V' ? "Z" : "UTC"); break;
    }
  }
}

std::optional<DatePattern::LocalTime> DatePattern::Parse(std::string_view text) const {
  Fields fields;
  const auto number = [&](std::optional<int>* field, size_t min, size_t max) {
    const auto value = TakeDigits(&text, min, max);
    if (value) *field = static_cast<int>(*value);
    return value.has_value();
  };
  for (size_t i = 0; i < elements_.size(); ++i) {
    const Element& element = elements_[i];
    const size_t count = static_cast<size_t>(element.count);
    const size_t max = count == 1 ? 2 : count;
    bool good = true;
    switch (element.letter) {
      case 0:
        good = text.starts_with(element.text);
        if (good) text.remove_prefix(element.text.size());
        break;
      case 'y':
      case 'u':
        good = number(&fields.year, count == 1 ? 1 : count, count == 1 ? 9 : count);
        if (good && count == 2) *fields.year += 2000;
        break;
      case 'M':
      case 'L':
        if (IsNumericLetter('M', element.count)) {
          good = number(&fields.month, count, max);
        } else {
          const auto month = TakeName(&text, kMonths, count >= 4);
          good = month.has_value();
          if (good) fields.month = *month + 1;
        }
        break;
      case 'E': good = TakeName(&text, kWeekDays, count >= 4).has_value(); break;
      case 'd': good = number(&fields.day, count, max); break;
      case 'D': good = number(&fields.day_of_year, count, count == 1 ? 3 : count); break;
      case 'H': good = number(&fields.hour, count, max) && *fields.hour <= 23; break;
      case 'k':
        good = number(&fields.hour, count, max) && *fields.hour <= 24;
        if (good) *fields.hour %= 24;
        break;
      case 'h':
      case 'K':
        good = number(&fields.hour12, count, max) && *fields.hour12 <= 12;
        if (good) *fields.hour12 %= 12;
        break;
      case 'm': good = number(&fields.minute, count, max) && *fields.minute <= 59; break;
      case 's': good = number(&fields.second, count, max) && *fields.second <= 59; break;
      case 'S': {
        const auto digits = TakeDigits(&text, count, count);
        good = digits.has_value() && count <= 9;
        if (good) {
          fields.nanos = *digits;
          for (size_t d = count; d < 9; ++d) fields.nanos *= 10;
        }
        break;
      }
      case 'a':
        good = text.starts_with("AM") || text.starts_with("PM");
        if (good) {
          fields.afternoon = text[0] == 'P';
          text.remove_prefix(2);
        }
        break;
      default: good = TakeZone(&text); break;
    }
    if (!good) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  const int year = fields.year.value_or(1970);
  const int month = fields.month.value_or(1);
  const int day = fields.day.value_or(1);
  if (month < 1 || month > 12 || day < 1 || day > 31 || year > 9999) return std::nullopt;
  int64_t days = DaysFromCivil(year, month, std::min(day, DaysInMonth(year, month)));
  if (fields.day_of_year) days = DaysFromCivil(year, 1, 1) + *fields.day_of_year - 1;
  int hour = fields.hour.value_or(0);
  if (fields.hour12) hour = *fields.hour12 + (fields.afternoon.value_or(false) ? 12 : 0);
  return LocalTime{days * kSecondsPerDay + hour * 3600 + fields.minute.value_or(0) * 60 +
                       fields.second.value_or(0),
                   fields.nanos};
}

}  // namespace mainstem::process
