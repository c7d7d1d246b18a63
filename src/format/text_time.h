// Dates and times as text. Timestamps are kept as seconds since 1970 and nanoseconds, so that one
// parser serves every precision. Proleptic Gregorian calendar, years 0001 to 9999. Pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"

namespace mainstem::format {

struct Instant {
  int64_t seconds = 0;  // since 1970-01-01 00:00:00, without zone or in UTC
  int32_t nanos = 0;    // 0..999999999
};

// Ticks of a unit: 1000 for milliseconds.
int64_t UnitsPerSecond(arrow::TimeUnit::type unit);
// In ticks of `units_per_second`; false when it does not fit into 64 bits.
bool ToTicks(Instant instant, int64_t units_per_second, int64_t* ticks);
Instant FromTicks(int64_t ticks, int64_t units_per_second);

struct CivilDate {
  int32_t year = 1970;
  int32_t month = 1;
  int32_t day = 1;
};
CivilDate CivilFromDays(int64_t days);
// False when there is no such day.
bool DaysFromCivil(const CivilDate& date, int64_t* days);

enum class DateStyle : uint8_t {
  kIso,    // 2026-01-02
  kLoose,  // 2026-1-2 too
};
bool ParseDate(std::string_view text, DateStyle style, int32_t* days);

enum class TimeStyle : uint8_t {
  kSql,  // 10:05:03[.123456789]
  kIso,  // seconds may be absent: 10:05
};
bool ParseTime(std::string_view text, TimeStyle style, int64_t* nanos_of_day);

enum class TimestampStyle : uint8_t {
  kSql,       // 2026-01-02 10:05:03[.f]
  kSqlZulu,   // the same with a Z at the end
  kIso,       // 2026-01-02T10:05[:03[.f]]
  kIsoZulu,   // the same with a Z at the end
  kLoose,     // SQL with one-digit month and day allowed, spaces around
  kLooseUtc,  // kLoose, and Z or an offset allowed
};
bool ParseTimestamp(std::string_view text, TimestampStyle style, Instant* instant);

// Reads one timestamp after the other, as ParseTimestamp does; quick about the usual layout and
// about many of one day.
class TimestampReader {
 public:
  bool Read(std::string_view text, TimestampStyle style, Instant* instant);

 private:
  char date_[10] = {};  // the last day read, as text
  int64_t date_seconds_ = 0;
};

void AppendDate(int64_t days, std::string* out);          // 2026-01-02
void AppendTime(int64_t nanos_of_day, std::string* out);  // 10:05:03[.123]: no trailing zeros
// `separator` ' ' or 'T'; fraction without trailing zeros.
void AppendTimestamp(Instant instant, char separator, std::string* out);

// A pattern in the letters of Java's DateTimeFormatter: y M d H h m s S a Z X E and quoted text.
// 'dd/MMM/yyyy:HH:mm:ss Z' reads "17/May/2015:10:05:03 +0000". English names. Immutable.
class TimestampPattern {
 public:
  static Result<TimestampPattern> Compile(std::string_view pattern);
  // The zone of the text is taken into account: the result is UTC. False when it does not match.
  bool Parse(std::string_view text, Instant* instant) const;
  // Writes what a clock `offset_seconds` ahead of UTC shows at `instant`.
  struct WriteOptions {
    int32_t offset_seconds = 0;
  };
  void Append(Instant instant, WriteOptions options, std::string* out) const;
  // Whether it has one of these letters: 'H' tells that the time of day is asked for.
  bool HasAnyOf(std::string_view letters) const;

 private:
  struct Step {
    char letter;  // 0: literal text
    int count = 0;
    std::string literal;
  };
  std::vector<Step> steps_;
};

}  // namespace mainstem::format
