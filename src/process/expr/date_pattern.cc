#include "process/expr/date_pattern.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <absl/strings/match.h>
#include <fmt/format.h>

namespace mainstem::process {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kWeekDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

struct Fields {
  std::optional<int> year, month, day, day_of_year, hour, hour12, minute, second;
  std::optional<bool> afternoon;
  int64_t nanos = 0;
};

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

// Empty too if the number has more than nine digits that count.
std::optional<int64_t> TakeDigits(std::string_view* text, size_t min, size_t max) {
  constexpr int64_t kMax = 999'999'999;
  size_t count = 0;
  int64_t value = 0;
  while (count < max && count < text->size() && (*text)[count] >= '0' && (*text)[count] <= '9') {
    value = std::min(value * 10 + ((*text)[count++] - '0'), kMax + 1);
  }
  if (count < min || value > kMax) return std::nullopt;
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

int64_t FirstOfYear(int64_t year) { return DaysFromCivil(year, 1, 1); }

// 1 = Sunday.
int64_t LocalDayOfWeek(int64_t days) { return ExtractUnit(TimeUnit::kDayOfWeek, days, 0); }

// Weeks begin on Sunday; the first one of a period is the one that holds its first day.
int64_t WeekSince(int64_t first_day, int64_t days) {
  return (days - first_day + LocalDayOfWeek(first_day) - 1) / 7 + 1;
}

struct WeekOfYear {
  int64_t year;
  int64_t week;
};
WeekOfYear WeekOfYearFrom(int64_t days) {
  const int64_t year = CivilFromDays(days).year;
  const int64_t next = FirstOfYear(year + 1);
  if (days + 7 - LocalDayOfWeek(days) >= next) return {year + 1, 1};
  return {year, WeekSince(FirstOfYear(year), days)};
}

// Three letters of a name, all of them, or with a count of five the first one.
void AppendName(std::string* out, std::string_view name, int count) {
  out->append(name.substr(0, count == 5 ? 1 : count <= 3 ? 3 : name.size()));
}

void AppendQuarter(std::string* out, int64_t quarter, int count) {
  static constexpr std::array<std::string_view, 4> kNames = {"1st quarter", "2nd quarter",
                                                             "3rd quarter", "4th quarter"};
  if (count <= 2) {
    AppendNumber(out, quarter, count);
  } else if (count == 3) {
    out->append(fmt::format("Q{}", quarter));
  } else {
    out->append(kNames[static_cast<size_t>(quarter - 1)]);
  }
}

// ---- Reading loosely

void SkipBlanks(std::string_view* text) {
  while (!text->empty() && (text->front() == ' ' || text->front() == '\t')) text->remove_prefix(1);
}

// Full names go before short ones; letters of either case.
template <size_t kCount>
std::optional<int> TakeNameOfAnyCase(std::string_view* text,
                                     const std::array<std::string_view, kCount>& names) {
  for (const bool full : {true, false}) {
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string_view name = full ? names[i] : names[i].substr(0, 3);
      if (text->size() < name.size()) continue;
      if (!absl::EqualsIgnoreCase(absl::string_view(text->data(), name.size()),
                                  absl::string_view(name.data(), name.size()))) {
        continue;
      }
      text->remove_prefix(name.size());
      return static_cast<int>(i);
    }
  }
  return std::nullopt;
}

// Z, UTC, GMT, +01, +0100, +01:00, GMT+1:00.
std::optional<int32_t> TakeOffset(std::string_view* text) {
  bool named = false;
  for (const std::string_view name : {"UTC", "GMT", "Z"}) {
    if (!text->starts_with(name)) continue;
    text->remove_prefix(name.size());
    named = true;
    break;
  }
  if (text->empty() || (text->front() != '+' && text->front() != '-')) {
    return named ? std::optional<int32_t>(0) : std::nullopt;
  }
  const int32_t sign = text->front() == '-' ? -1 : 1;
  text->remove_prefix(1);
  const auto hours = TakeDigits(text, 1, 2);
  if (!hours) return std::nullopt;
  if (text->starts_with(':')) text->remove_prefix(1);
  const auto minutes = TakeDigits(text, 2, 2);
  return sign * static_cast<int32_t>(*hours * 3600 + minutes.value_or(0) * 60);
}

// See DatePattern::unit_seconds.
int64_t UnitOf(char letter) {
  switch (letter) {
    case 'H':
    case 'k':
    case 'K':
    case 'h':
    case 'a': return 3600;
    case 'm': return 60;
    case 's': return 1;
    case 'S':
    case 'n':
    case 'N':
    case 'A': return 0;
    default: return kSecondsPerDay;
  }
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
    if (std::string_view("yuYdDHhkKmsSnNAMLEeQqwWGaXxzZV").find(c) == std::string_view::npos) {
      return MakeError(
          ErrorCode::kInvalidArgument,
          {.message = fmt::format("pattern letter '{}' is not supported in '{}'", c, pattern),
           .hint = "letters: y Y M d D Q w W H h k K m s S a E e G X z; quote text with ''"});
    }
    result.elements_.push_back({c, static_cast<int>(end - i), {}});
    result.unit_seconds_ = std::min(result.unit_seconds_, UnitOf(c));
    i = end;
  }
  return result;
}

void DatePattern::Format(Moment time, std::string* out) const {
  const int64_t days = FloorDivide(time.seconds, kSecondsPerDay);
  const int64_t second_of_day = time.seconds - days * kSecondsPerDay;
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
          AppendName(out, kMonths[date.month - 1], count);
        }
        break;
      case 'E': {
        AppendName(out, kWeekDays[static_cast<size_t>(LocalDayOfWeek(days) - 1)], count);
        break;
      }
      case 'e': AppendNumber(out, LocalDayOfWeek(days), count); break;
      case 'Q':
      case 'q': AppendQuarter(out, (date.month - 1) / 3 + 1, count); break;
      case 'Y': {
        const int64_t year = WeekOfYearFrom(days).year;
        AppendNumber(out, count == 2 ? FloorModulo(year, 100) : year, count);
        break;
      }
      case 'w': AppendNumber(out, WeekOfYearFrom(days).week, count); break;
      case 'W':
        AppendNumber(out, WeekSince(days - static_cast<int64_t>(date.day) + 1, days), count);
        break;
      case 'G': {
        const bool after = date.year > 0;
        out->append(count == 4   ? (after ? "Anno Domini" : "Before Christ")
                    : count == 5 ? (after ? "A" : "B")
                                 : (after ? "AD" : "BC"));
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
      case 'n': AppendNumber(out, time.nanos, count); break;
      case 'A': AppendNumber(out, second_of_day * 1000 + time.nanos / 1'000'000, count); break;
      case 'N': AppendNumber(out, second_of_day * 1'000'000'000 + time.nanos, count); break;
      case 'S': {
        std::string digits;
        AppendNumber(&digits, time.nanos, 9);
        digits.resize(static_cast<size_t>(std::max(count, 1)), '0');
        out->append(digits);
        break;
      }
      case 'a': out->append(hour < 12 ? "AM" : "PM"); break;
      default: out->append(element.letter == 'X' || element.letter == 'V' ? "Z" : "UTC"); break;
    }
  }
}

std::optional<Moment> DatePattern::Parse(std::string_view text) const {
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
        if (element.count <= 2) {
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
      case 'X':
      case 'x':
      case 'z':
      case 'Z':
      case 'V': good = TakeZone(&text); break;
      default: return std::nullopt;  // letters that no time is read from
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
  return Moment{days * kSecondsPerDay + hour * 3600 + fields.minute.value_or(0) * 60 +
                    fields.second.value_or(0),
                fields.nanos};
}

std::optional<DatePattern::LooseTime> DatePattern::ParseLoosely(std::string_view text) const {
  int64_t year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, millis = 0;
  std::optional<int64_t> day_of_year;
  std::optional<bool> afternoon;
  LooseTime result{};
  for (size_t i = 0; i < elements_.size(); ++i) {
    const Element& element = elements_[i];
    if (element.letter == 0) {
      if (!text.starts_with(element.text)) return std::nullopt;
      text.remove_prefix(element.text.size());
      continue;
    }
    SkipBlanks(&text);
    // A field takes all digits, unless another one follows at once.
    const bool exact = i + 1 < elements_.size() && elements_[i + 1].letter != 0;
    const auto number = [&](int64_t* field) {
      const size_t before = text.size();
      const auto value = TakeDigits(&text, 1, exact ? static_cast<size_t>(element.count) : 9);
      if (!value) return size_t{0};
      *field = *value;
      return before - text.size();
    };
    bool good = true;
    switch (element.letter) {
      case 'y': {
        const size_t digits = number(&year);
        good = digits > 0;
        // Java's hundred years move with the clock; here they are 1950 to 2049.
        if (digits == 2 && element.count <= 2) year += year < 50 ? 2000 : 1900;
        break;
      }
      case 'M':
      case 'L':
        if (element.count <= 2) {
          good = number(&month) > 0;
        } else {
          const auto name = TakeNameOfAnyCase(&text, kMonths);
          good = name.has_value();
          month = name.value_or(0) + 1;
        }
        break;
      case 'E': good = TakeNameOfAnyCase(&text, kWeekDays).has_value(); break;
      case 'd': good = number(&day) > 0; break;
      case 'D': good = number(&day_of_year.emplace()) > 0; break;
      case 'H':
      case 'K': good = number(&hour) > 0; break;
      case 'k':
        good = number(&hour) > 0;
        if (hour == 24) hour = 0;
        break;
      case 'h':
        good = number(&hour) > 0;
        if (hour == 12) hour = 0;
        break;
      case 'm': good = number(&minute) > 0; break;
      case 's': good = number(&second) > 0; break;
      case 'S': good = number(&millis) > 0; break;
      case 'a': {
        static constexpr std::array<std::string_view, 2> kHalves = {"AM", "PM"};
        const auto half = TakeNameOfAnyCase(&text, kHalves);
        good = half.has_value();
        afternoon = half == 1;
        break;
      }
      case 'X':
      case 'x':
      case 'z':
      case 'Z':
      case 'V':
        result.zone_offset_seconds = TakeOffset(&text);
        good = result.zone_offset_seconds.has_value();
        break;
      default: return std::nullopt;  // letters that no time is read from
    }
    if (!good) return std::nullopt;
  }
  year += FloorDivide(month - 1, 12);
  if (year > 9999) return std::nullopt;
  int64_t days =
      day_of_year
          ? FirstOfYear(year) + *day_of_year - 1
          : DaysFromCivil(year, static_cast<int>(FloorModulo(month - 1, 12)) + 1, 1) + day - 1;
  if (afternoon.value_or(false)) hour += 12;
  const int64_t carried = FloorDivide(millis, 1000);
  result.time = {days * kSecondsPerDay + hour * 3600 + minute * 60 + second + carried,
                 (millis - carried * 1000) * 1'000'000};
  return result;
}

}  // namespace mainstem::process
