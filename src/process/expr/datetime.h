// Calendar arithmetic on days and ticks since 1970-01-01, and time zones. Pure functions; the
// calendar is proleptic Gregorian. Patterns: date_pattern.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <absl/time/time.h>

#include "core/status.h"

namespace mainstem::process {

inline constexpr int64_t kSecondsPerDay = 86'400;
inline constexpr int64_t kMillisPerDay = 86'400'000;

constexpr int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)) ? 1 : 0);
}
constexpr int64_t FloorModulo(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

struct CivilDate {
  int64_t year;
  unsigned month;  // 1..12
  unsigned day;    // 1..31
};
CivilDate CivilFromDays(int64_t days);
int64_t DaysFromCivil(int64_t year, int month, int day);
int DaysInMonth(int64_t year, int month);
bool IsValidDate(int64_t year, int month, int day);
// Keeps the day, or takes the month's last one.
int64_t AddMonths(int64_t days, int64_t months);

enum class TimeUnit : uint8_t {
  kMillennium,
  kCentury,
  kDecade,
  kYear,
  kIsoYear,
  kQuarter,
  kMonth,
  kWeek,
  kDay,
  kDayOfWeek,
  kIsoDayOfWeek,
  kDayOfYear,
  kHour,
  kMinute,
  kSecond,
  kMillisecond,
  kMicrosecond,
  kNanosecond,
  kEpoch
};
// "YEAR", "SQL_TSI_DAY", "DOW" ...
std::optional<TimeUnit> ParseTimeUnit(std::string_view upper_case_name);

// EXTRACT of a local date; `nanos_of_day` and the date give all units.
int64_t ExtractUnit(TimeUnit unit, int64_t days, int64_t nanos_of_day);
// FLOOR / CEIL TO unit of local milliseconds since the epoch.
int64_t FloorToUnit(TimeUnit unit, int64_t millis);
int64_t CeilToUnit(TimeUnit unit, int64_t millis);
// TIMESTAMPDIFF of whole units, toward zero, of milliseconds.
int64_t DifferenceInUnits(TimeUnit unit, int64_t from_millis, int64_t to_millis);

// A moment since 1970-01-01, of a wall clock or in UTC; nanos 0..999'999'999. What ticks are not
// wide enough for: in nanoseconds they reach from 1677 to 2262 only.
struct Moment {
  int64_t seconds;
  int64_t nanos;
};
constexpr Moment MomentOfTicks(int64_t ticks, int64_t units_per_second) {
  return {FloorDivide(ticks, units_per_second),
          FloorModulo(ticks, units_per_second) * (1'000'000'000 / units_per_second)};
}
// Empty if it does not fit.
std::optional<int64_t> TicksOfMoment(Moment time, int64_t units_per_second);
// What to say then.
inline constexpr const char* kTicksOutOfRange =
    "a TIMESTAMP of 7 to 9 digits must lie between 1677-09-21 and 2262-04-11";

// Instant <-> local wall clock. A wall-clock time in a gap moves forward by the gap; in an overlap
// the earlier offset counts.
Moment FromLocal(const absl::TimeZone& zone, Moment local);
// In ticks; what would not fit is the last that does.
int64_t ToLocal(const absl::TimeZone& zone, int64_t ticks, int64_t units_per_second);

}  // namespace mainstem::process
