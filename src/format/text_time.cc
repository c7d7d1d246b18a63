#include "format/text_time.h"

#include <array>
#include <cstring>

#include "format/text_number.h"

namespace mainstem::format {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kNanosPerSecond = 1000000000;

// Reads forward through a text; every function leaves it untouched when it fails.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool at_end() const { return text_.empty(); }
  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeText(std::string_view expected) {
    if (text_.substr(0, expected.size()) != expected) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool TakeDigits(size_t least, size_t most, int32_t* value) {
    size_t n = 0;
    int32_t sum = 0;
    while (n < most && n < text_.size() && text_[n] >= '0' && text_[n] <= '9') {
      sum = sum * 10 + (text_[n++] - '0');
    }
    if (n < least) return false;
    text_.remove_prefix(n);
    *value = sum;
    return true;
  }
  // Up to nine digits as nanoseconds.
  bool TakeFraction(int32_t* nanos) {
    size_t before = text_.size();
    int32_t value;
    if (!TakeDigits(1, 9, &value)) return false;
    for (size_t n = before - text_.size(); n < 9; ++n) value *= 10;
    *nanos = value;
    return true;
  }
  // Index of the name the text goes on with, by its first three letters or whole.
  template <size_t N>
  bool TakeName(const std::array<std::string_view, N>& names, int count, int32_t* index) {
    for (size_t i = 0; i < N; ++i) {
      std::string_view name = count > 3 ? names[i] : names[i].substr(0, 3);
      if (TakeText(name)) {
        *index = static_cast<int32_t>(i);
        return true;
      }
    }
    return false;
  }
  // "Z", "+01:30", "+0130", "+01".
  bool TakeOffset(int64_t* seconds) {
    if (Take('Z')) {
      *seconds = 0;
      return true;
    }
    if (text_.empty() || (text_[0] != '+' && text_[0] != '-')) return false;
    bool negative = text_[0] == '-';
    text_.remove_prefix(1);
    int32_t hours = 0;
    int32_t minutes = 0;
    if (!TakeDigits(2, 2, &hours)) return false;
    bool colon = Take(':');
    if (!TakeDigits(2, 2, &minutes) && colon) return false;
    if (hours > 18 || minutes > 59) return false;
    *seconds = (hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

bool TakeDate(Cursor* cursor, DateStyle style, int64_t* days) {
  CivilDate date;
  size_t least = style == DateStyle::kIso ? 2 : 1;
  return cursor->TakeDigits(4, 4, &date.year) && cursor->Take('-') &&
         cursor->TakeDigits(least, 2, &date.month) && cursor->Take('-') &&
         cursor->TakeDigits(least, 2, &date.day) && DaysFromCivil(date, days);
}

bool TakeTime(Cursor* cursor, TimeStyle style, int64_t* seconds, int32_t* nanos) {
  int32_t hour;
  int32_t minute;
  int32_t second = 0;
  *nanos = 0;
  if (!cursor->TakeDigits(2, 2, &hour) || !cursor->Take(':') ||
      !cursor->TakeDigits(2, 2, &minute)) {
    return false;
  }
  if (cursor->Take(':')) {
    if (!cursor->TakeDigits(2, 2, &second)) return false;
    if (cursor->Take('.') && !cursor->TakeFraction(nanos)) return false;
  } else if (style != TimeStyle::kIso) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  *seconds = hour * 3600 + minute * 60 + second;
  return true;
}

void AppendPadded(int64_t value, int width, std::string* out) {
  char digits[20];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  for (int i = n; i < width; ++i) out->push_back('0');
  while (n > 0) out->push_back(digits[--n]);
}

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                   "Friday", "Saturday", "Sunday"};

}  // namespace

int64_t UnitsPerSecond(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return 1;
    case arrow::TimeUnit::MILLI: return 1000;
    case arrow::TimeUnit::MICRO: return 1000000;
    case arrow::TimeUnit::NANO: return 1000000000;
  }
  return 1;
}

bool ToTicks(Instant instant, int64_t units_per_second, int64_t* ticks) {
  int64_t whole;
  if (__builtin_mul_overflow(instant.seconds, units_per_second, &whole)) return false;
  return !__builtin_add_overflow(whole, instant.nanos / (kNanosPerSecond / units_per_second),
                                 ticks);
}

Instant FromTicks(int64_t ticks, int64_t units_per_second) {
  int64_t seconds = ticks / units_per_second;
  int64_t rest = ticks % units_per_second;
  if (rest < 0) {
    rest += units_per_second;
    --seconds;
  }
  return {.seconds = seconds,
          .nanos = static_cast<int32_t>(rest * (kNanosPerSecond / units_per_second))};
}

// Both directions count in years that begin on 1 March, so that a leap day is a year's last.
CivilDate CivilFromDays(int64_t days) {
  int64_t shifted = days + 719468;
  int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  int64_t day_of_era = shifted - era * 146097;
  int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t shifted_month = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int32_t>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  date.month = static_cast<int32_t>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  date.year = static_cast<int32_t>(year_of_era + era * 400 + (date.month <= 2 ? 1 : 0));
  return date;
}

bool DaysFromCivil(const CivilDate& date, int64_t* days) {
  static constexpr int kLengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  if (date.month < 1 || date.month > 12 || date.day < 1) return false;
  if (date.day > kLengths[date.month - 1] + (leap && date.month == 2 ? 1 : 0)) return false;
  int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  *days = era * 146097 + day_of_era - 719468;
  return true;
}

bool ParseDate(std::string_view text, DateStyle style, int32_t* days) {
  Cursor cursor(text);
  int64_t value;
  if (!TakeDate(&cursor, style, &value) || !cursor.at_end()) return false;
  *days = static_cast<int32_t>(value);
  return true;
}

bool ParseTime(std::string_view text, TimeStyle style, int64_t* nanos_of_day) {
  Cursor cursor(text);
  int64_t seconds;
  int32_t nanos;
  if (!TakeTime(&cursor, style, &seconds, &nanos) || !cursor.at_end()) return false;
  *nanos_of_day = seconds * kNanosPerSecond + nanos;
  return true;
}

bool ParseTimestamp(std::string_view text, TimestampStyle style, Instant* instant) {
  bool iso = style == TimestampStyle::kIso || style == TimestampStyle::kIsoZulu;
  bool loose = style == TimestampStyle::kLoose || style == TimestampStyle::kLooseUtc;
  Cursor cursor(loose ? TrimText(text) : text);
  int64_t days;
  int64_t seconds;
  int64_t offset = 0;
  if (!TakeDate(&cursor, loose ? DateStyle::kLoose : DateStyle::kIso, &days)) return false;
  if (!cursor.Take(iso ? 'T' : ' ')) return false;
  if (!TakeTime(&cursor, iso ? TimeStyle::kIso : TimeStyle::kSql, &seconds, &instant->nanos)) {
    return false;
  }
  if (style == TimestampStyle::kSqlZulu || style == TimestampStyle::kIsoZulu) {
    if (!cursor.Take('Z')) return false;
  } else if (style == TimestampStyle::kLooseUtc && !cursor.at_end()) {
    if (!cursor.TakeOffset(&offset)) return false;
  }
  if (!cursor.at_end()) return false;
  instant->seconds = days * kSecondsPerDay + seconds - offset;
  return true;
}

bool TimestampReader::Read(std::string_view text, TimestampStyle style, Instant* instant) {
  const bool iso = style == TimestampStyle::kIso || style == TimestampStyle::kIsoZulu;
  const bool zulu = style == TimestampStyle::kSqlZulu || style == TimestampStyle::kIsoZulu;
  if (!iso && !zulu && style != TimestampStyle::kSql) return ParseTimestamp(text, style, instant);
  // yyyy-MM-dd HH:mm:ss[.SSS][Z] of the day that was read last
  std::string_view plain = text;
  if (zulu && plain.ends_with('Z')) plain.remove_suffix(1);
  const bool with_millis = plain.size() == 23 && plain[19] == '.';
  if ((plain.size() == 19 || with_millis) && zulu == (plain.size() < text.size()) &&
      std::memcmp(plain.data(), date_, sizeof(date_)) == 0 && plain[10] == (iso ? 'T' : ' ') &&
      plain[13] == ':' && plain[16] == ':') {
    bool all_digits = true;
    const auto number = [&](size_t begin, size_t end) {
      int32_t value = 0;
      for (size_t i = begin; i < end; ++i) {
        const auto digit = static_cast<unsigned char>(plain[i] - '0');
        all_digits &= digit < 10;
        value = value * 10 + digit;
      }
      return value;
    };
    const int32_t hour = number(11, 13);
    const int32_t minute = number(14, 16);
    const int32_t second = number(17, 19);
    const int32_t millis = with_millis ? number(20, 23) : 0;
    if (all_digits && hour < 24 && minute < 60 && second < 60) {
      instant->seconds = date_seconds_ + hour * 3600 + minute * 60 + second;
      instant->nanos = millis * 1000000;
      return true;
    }
  }
  if (!ParseTimestamp(text, style, instant)) return false;
  std::memcpy(date_, text.data(), sizeof(date_));
  const int64_t of_day = ((instant->seconds % kSecondsPerDay) + kSecondsPerDay) % kSecondsPerDay;
  date_seconds_ = instant->seconds - of_day;
  return true;
}

void AppendDate(int64_t days, std::string* out) {
  CivilDate date = CivilFromDays(days);
  if (date.year < 0) {
    out->push_back('-');
    date.year = -date.year;
  }
  AppendPadded(date.year, 4, out);
  out->push_back('-');
  AppendPadded(date.month, 2, out);
  out->push_back('-');
  AppendPadded(date.day, 2, out);
}

void AppendTime(int64_t nanos_of_day, std::string* out) {
  int64_t seconds = nanos_of_day / kNanosPerSecond;
  int64_t nanos = nanos_of_day % kNanosPerSecond;
  AppendPadded(seconds / 3600, 2, out);
  out->push_back(':');
  AppendPadded(seconds / 60 % 60, 2, out);
  out->push_back(':');
  AppendPadded(seconds % 60, 2, out);
  if (nanos == 0) return;
  out->push_back('.');
  AppendPadded(nanos, 9, out);
  while (out->back() == '0') out->pop_back();
}

void AppendTimestamp(Instant instant, char separator, std::string* out) {
  int64_t days = instant.seconds / kSecondsPerDay;
  int64_t second_of_day = instant.seconds % kSecondsPerDay;
  if (second_of_day < 0) {
    second_of_day += kSecondsPerDay;
    --days;
  }
  AppendDate(days, out);
  out->push_back(separator);
  AppendTime(second_of_day * kNanosPerSecond + instant.nanos, out);
}

Result<TimestampPattern> TimestampPattern::Compile(std::string_view pattern) {
  TimestampPattern compiled;
  auto add_literal = [&](char c) {
    if (compiled.steps_.empty() || compiled.steps_.back().letter != 0) {
      compiled.steps_.push_back({.letter = 0, .literal = ""});
    }
    compiled.steps_.back().literal.push_back(c);
  };
  for (size_t i = 0; i < pattern.size();) {
    char c = pattern[i];
    if (c == '\'') {
      size_t end = pattern.find('\'', i + 1);
      if (end == std::string_view::npos) {
        return MakeError(ErrorCode::kInvalidArgument,
                         {.message = "timestamp pattern '" + std::string(pattern) +
                                     "' has a quote without an end"});
      }
      if (end == i + 1) add_literal('\'');
      for (size_t k = i + 1; k < end; ++k) add_literal(pattern[k]);
      i = end + 1;
      continue;
    }
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
      add_literal(c);
      ++i;
      continue;
    }
    if (std::string_view("yuMdHhmsSaZXxE").find(c) == std::string_view::npos) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = "timestamp pattern '" + std::string(pattern) +
                                   "' has the unknown letter '" + std::string(1, c) + "'",
                        .hint = "known: y M d H h m s S a Z X E; put text into quotes"});
    }
    size_t end = i;
    while (end < pattern.size() && pattern[end] == c) ++end;
    compiled.steps_.push_back({.letter = c, .count = static_cast<int>(end - i), .literal = ""});
    i = end;
  }
  return compiled;
}

bool TimestampPattern::Parse(std::string_view text, Instant* instant) const {
  Cursor cursor(text);
  CivilDate date;
  int32_t hour = 0;
  int32_t minute = 0;
  int32_t second = 0;
  int32_t nanos = 0;
  int32_t ignored = 0;
  int64_t offset = 0;
  bool afternoon = false;
  bool half_day = false;
  for (const Step& step : steps_) {
    // A doubled letter asks for exactly two digits, a single one takes one or two.
    size_t least = step.count >= 2 ? 2 : 1;
    bool ok = false;
    switch (step.letter) {
      case 0: ok = cursor.TakeText(step.literal); break;
      case 'y':
      case 'u':
        ok = step.count == 2 ? cursor.TakeDigits(2, 2, &date.year)
                             : cursor.TakeDigits(4, 4, &date.year);
        if (step.count == 2) date.year += 2000;
        break;
      case 'M':
        if (step.count >= 3) {
          ok = cursor.TakeName(kMonths, step.count, &date.month);
          ++date.month;
        } else {
          ok = cursor.TakeDigits(least, 2, &date.month);
        }
        break;
      case 'd': ok = cursor.TakeDigits(least, 2, &date.day); break;
      case 'H': ok = cursor.TakeDigits(least, 2, &hour); break;
      case 'h':
        ok = cursor.TakeDigits(least, 2, &hour) && hour >= 1 && hour <= 12;
        half_day = true;
        break;
      case 'm': ok = cursor.TakeDigits(least, 2, &minute); break;
      case 's': ok = cursor.TakeDigits(least, 2, &second); break;
      case 'S': ok = cursor.TakeFraction(&nanos); break;
      case 'a':
        afternoon = cursor.TakeText("PM") || cursor.TakeText("pm");
        ok = afternoon || cursor.TakeText("AM") || cursor.TakeText("am");
        break;
      case 'Z':
      case 'X':
      case 'x': ok = cursor.TakeOffset(&offset); break;
      case 'E': ok = cursor.TakeName(kDays, step.count, &ignored); break;
      default: break;
    }
    if (!ok) return false;
  }
  if (half_day) hour = hour % 12 + (afternoon ? 12 : 0);
  int64_t days;
  if (!cursor.at_end() || hour > 23 || minute > 59 || second > 59) return false;
  if (!DaysFromCivil(date, &days)) return false;
  instant->seconds = days * kSecondsPerDay + hour * 3600 + minute * 60 + second - offset;
  instant->nanos = nanos;
  return true;
}

namespace {

struct ClockParts {
  CivilDate date;
  int64_t days = 0;
  int64_t second_of_day = 0;
  int32_t nanos = 0;
  int32_t offset_seconds = 0;
};

void AppendDigits(int64_t number, int digits, std::string* out) {
  std::string text = std::to_string(number);
  if (text.size() < static_cast<size_t>(digits)) {
    out->append(static_cast<size_t>(digits) - text.size(), '0');
  }
  out->append(text);
}

// X writes Z for UTC, x and Z do not; one letter leaves out minutes that are zero, three put a
// colon between.
void AppendOffset(char letter, int count, int32_t offset_seconds, std::string* out) {
  if (offset_seconds == 0 && letter == 'X') {
    out->push_back('Z');
    return;
  }
  int32_t minutes = std::abs(offset_seconds) / 60;
  out->push_back(offset_seconds < 0 ? '-' : '+');
  AppendDigits(minutes / 60, 2, out);
  bool is_short = letter != 'Z' && count == 1;
  if (is_short && minutes % 60 == 0) return;
  if (letter != 'Z' && count >= 3) out->push_back(':');
  AppendDigits(minutes % 60, 2, out);
}

void AppendName(std::string_view name, std::string_view long_name, int count, std::string* out) {
  out->append(count >= 4 ? long_name : name);
}

void AppendPatternLetter(char letter, int count, const ClockParts& clock, std::string* out) {
  int64_t hour = clock.second_of_day / 3600;
  switch (letter) {
    case 'y':
    case 'u': AppendDigits(count == 2 ? clock.date.year % 100 : clock.date.year, count, out); break;
    case 'M':
      if (count < 3) {
        AppendDigits(clock.date.month, count, out);
      } else {
        std::string_view name = kMonths[static_cast<size_t>(clock.date.month - 1)];
        AppendName(name.substr(0, 3), name, count, out);
      }
      break;
    case 'd': AppendDigits(clock.date.day, count, out); break;
    case 'H': AppendDigits(hour, count, out); break;
    case 'h': AppendDigits((hour + 11) % 12 + 1, count, out); break;
    case 'm': AppendDigits(clock.second_of_day / 60 % 60, count, out); break;
    case 's': AppendDigits(clock.second_of_day % 60, count, out); break;
    case 'S': {
      std::string nanos;
      AppendDigits(clock.nanos, 9, &nanos);
      out->append(nanos, 0, static_cast<size_t>(std::min(count, 9)));
      break;
    }
    case 'a': out->append(hour < 12 ? "AM" : "PM"); break;
    case 'Z':
    case 'X':
    case 'x': AppendOffset(letter, count, clock.offset_seconds, out); break;
    case 'E': {
      // Day 0 of 1970 was a Thursday; names begin with Monday.
      std::string_view name = kDays[static_cast<size_t>(((clock.days + 3) % 7 + 7) % 7)];
      AppendName(name.substr(0, 3), name, count, out);
      break;
    }
    default: break;
  }
}

}  // namespace

void TimestampPattern::Append(Instant instant, WriteOptions options, std::string* out) const {
  ClockParts clock;
  clock.nanos = instant.nanos;
  clock.offset_seconds = options.offset_seconds;
  int64_t seconds = instant.seconds + options.offset_seconds;
  clock.second_of_day = (seconds % kSecondsPerDay + kSecondsPerDay) % kSecondsPerDay;
  clock.days = (seconds - clock.second_of_day) / kSecondsPerDay;
  clock.date = CivilFromDays(clock.days);
  for (const Step& step : steps_) {
    if (step.letter == 0) {
      out->append(step.literal);
    } else {
      AppendPatternLetter(step.letter, step.count, clock, out);
    }
  }
}

bool TimestampPattern::HasAnyOf(std::string_view letters) const {
  return std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) {
    return step.letter != 0 && letters.find(step.letter) != std::string_view::npos;
  });
}

}  // namespace mainstem::format
