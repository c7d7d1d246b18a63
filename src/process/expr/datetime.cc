#include "process/expr/datetime.h"

#include <algorithm>
#include <chrono>

#include "format/time_zone.h"
#include "process/expr/evaluator.h"
#include "process/expr/text.h"

namespace mainstem::process {
namespace {

// The calendar comes again after so long. The library's years have 16 bits: what lies far away is
// reckoned in the period around 1970 and moved by whole ones.
constexpr int64_t kPeriodYears = 400;
constexpr int64_t kPeriodDays = 146'097;

// How many periods to take away; none within some 20'000 years.
int64_t Periods(int64_t value, int64_t period) {
  return value > -50 * period && value < 50 * period ? 0 : FloorDivide(value, period);
}
std::chrono::year YearIn(int64_t year, int64_t periods) {
  return std::chrono::year{static_cast<int>(year - periods * kPeriodYears)};
}

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
  const auto year = [](int64_t y) { return DaysFromCivil(y, 1, 1); };
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
  int64_t months = (to.year - from.year) * 12 + static_cast<int64_t>(to.month) -
                   static_cast<int64_t>(from.month);
  const int64_t reached = AddMonths(from_day, months);
  const bool time_before =
      FloorModulo(to_millis, kMillisPerDay) < FloorModulo(from_millis, kMillisPerDay);
  if (reached > to_day || (reached == to_day && time_before)) --months;
  return months;
}

}  // namespace

CivilDate CivilFromDays(int64_t days) {
  const int64_t periods = Periods(days, kPeriodDays);
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{static_cast<int>(days - periods * kPeriodDays)}}};
  return {static_cast<int>(date.year()) + periods * kPeriodYears,
          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day())};
}

int64_t DaysFromCivil(int64_t year, int month, int day) {
  const int64_t periods = Periods(year, kPeriodYears);
  const std::chrono::year_month_day date{YearIn(year, periods),
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  return std::chrono::sys_days{date}.time_since_epoch().count() + periods * kPeriodDays;
}

int DaysInMonth(int64_t year, int month) {
  const std::chrono::year_month_day_last last{
      YearIn(year, Periods(year, kPeriodYears)),
      std::chrono::month_day_last{std::chrono::month{static_cast<unsigned>(month)}}};
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

bool IsValidDate(int64_t year, int month, int day) {
  return month >= 1 && month <= 12 && day >= 1 && day <= DaysInMonth(year, month);
}

int64_t AddMonths(int64_t days, int64_t months) {
  const CivilDate date = CivilFromDays(days);
  const int64_t total = date.year * 12 + date.month - 1 + months;
  const int64_t year = FloorDivide(total, 12);
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
  const int64_t offset = zone.At(absl::FromUnixSeconds(seconds)).offset;
  int64_t local;
  if (!__builtin_add_overflow(ticks, offset * units_per_second, &local)) return local;
  return offset < 0 ? INT64_MIN : INT64_MAX;
}

Moment FromLocal(const absl::TimeZone& zone, Moment local) {
  const absl::CivilSecond civil = absl::CivilSecond(1970, 1, 1) + local.seconds;
  return {absl::ToUnixSeconds(zone.At(civil).pre), local.nanos};
}

std::optional<int64_t> TicksOfMoment(Moment time, int64_t units_per_second) {
  // From the next second backwards: the least ticks lie in a second whose begin does not fit.
  const int64_t fraction = time.nanos / (1'000'000'000 / units_per_second);
  int64_t ticks;
  if (time.seconds < 0) {
    if (__builtin_mul_overflow(time.seconds + 1, units_per_second, &ticks) ||
        __builtin_sub_overflow(ticks, units_per_second - fraction, &ticks)) {
      return std::nullopt;
    }
    return ticks;
  }
  if (__builtin_mul_overflow(time.seconds, units_per_second, &ticks) ||
      __builtin_add_overflow(ticks, fraction, &ticks)) {
    return std::nullopt;
  }
  return ticks;
}

Result<absl::TimeZone> ParseTimeZone(std::string_view name) { return format::ParseTimeZone(name); }

}  // namespace mainstem::process
