#include "gateway/events/rules/schedule.h"

#include <algorithm>
#include <string>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

namespace mainstem::gateway::events {
namespace {

constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2199;
constexpr int64_t kMinuteMs = 60'000;

Status BadSchedule() {
  return MakeError(ErrorCode::kInvalidArgument, "Parameter ScheduleExpression is not valid.");
}

// "name(inside)": what is inside; nothing when it is not of that name.
std::optional<std::string_view> InsideOf(std::string_view expression, std::string_view name) {
  if (!expression.starts_with(name) || !expression.ends_with(')')) return std::nullopt;
  expression.remove_prefix(name.size());
  if (!expression.starts_with('(')) return std::nullopt;
  return expression.substr(1, expression.size() - 2);
}

struct CronField {
  int first;
  int last;
  std::vector<std::string_view> names;  // of `first` and those behind it
};
const CronField kMinuteField{0, 59, {}};
const CronField kHourField{0, 23, {}};
const CronField kDayField{1, 31, {}};
const CronField kMonthField{
    1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}};
const CronField kWeekdayField{1, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}};
const CronField kYearField{kFirstYear, kLastYear, {}};

bool ParseDigits(std::string_view text, int* number) {
  bool is_number = !text.empty() && text.size() <= 4 &&
                   std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  return is_number && absl::SimpleAtoi(std::string(text), number);
}

Result<int> ParseCronValue(std::string_view text, const CronField& field) {
  int number = 0;
  if (ParseDigits(text, &number)) {
    if (number < field.first || number > field.last) return BadSchedule();
    return number;
  }
  std::string upper = absl::AsciiStrToUpper(std::string(text));
  auto name = std::find(field.names.begin(), field.names.end(), upper);
  if (name == field.names.end()) return BadSchedule();
  return field.first + static_cast<int>(name - field.names.begin());
}

// "*", "5", "1-5", "*/15", "5/15", "10-40/5".
template <size_t kBits>
Status AddCronItem(std::string_view item, const CronField& field, std::bitset<kBits>* bits,
                   int base = 0) {
  int step = 1;
  size_t slash = item.find('/');
  bool has_step = slash != std::string_view::npos;
  if (has_step) {
    if (!ParseDigits(item.substr(slash + 1), &step) || step == 0) return BadSchedule();
    item = item.substr(0, slash);
  }
  int first = field.first;
  int last = field.last;
  if (item != "*") {
    size_t dash = item.find('-');
    ASSIGN_OR_RETURN(first, ParseCronValue(item.substr(0, dash), field));
    if (dash != std::string_view::npos) {
      ASSIGN_OR_RETURN(last, ParseCronValue(item.substr(dash + 1), field));
      if (last < first) return BadSchedule();
    } else if (!has_step) {
      last = first;
    }
  }
  for (int value = first; value <= last; value += step) bits->set(value - base);
  return Status::OK();
}

std::vector<std::string> ItemsOf(std::string_view list) {
  return absl::StrSplit(std::string(list), ',');
}

template <size_t kBits>
Status ParseCronList(std::string_view list, const CronField& field, std::bitset<kBits>* bits,
                     int base = 0) {
  for (const std::string& item : ItemsOf(list)) {
    RETURN_IF_ERROR(AddCronItem(item, field, bits, base));
  }
  return Status::OK();
}

int DaysOfMonth(int64_t year, int month) {
  return absl::CivilDay(absl::CivilMonth(year, month) + 1) - absl::CivilDay(year, month);
}

// 1 is Sunday.
int WeekdayOf(int64_t year, int month, int day) {
  absl::Weekday weekday = absl::GetWeekday(absl::CivilDay(year, month, day));
  return weekday == absl::Weekday::sunday ? 1 : static_cast<int>(weekday) + 2;
}

// A Saturday's is the Friday before, a Sunday's the Monday after, but never in another month.
int NearestWorkday(int64_t year, int month, int day) {
  int weekday = WeekdayOf(year, month, day);
  if (weekday == 7) return day > 1 ? day - 1 : day + 2;
  if (weekday == 1) return day < DaysOfMonth(year, month) ? day + 1 : day - 2;
  return day;
}

}  // namespace

Result<Schedule> Schedule::Parse(std::string_view expression) {
  Schedule schedule;
  auto rate = InsideOf(expression, "rate");
  auto cron = InsideOf(expression, "cron");
  if (rate) {
    RETURN_IF_ERROR(schedule.ParseRate(*rate));
  } else if (cron) {
    RETURN_IF_ERROR(schedule.ParseCron(*cron));
  } else {
    return BadSchedule();
  }
  return schedule;
}

// One is "1 minute", more are "2 minutes".
Status Schedule::ParseRate(std::string_view text) {
  size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return BadSchedule();
  std::string digits(text.substr(0, blank));
  std::string_view unit = text.substr(blank + 1);
  int32_t count = 0;
  bool is_number = std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) &&
                   absl::SimpleAtoi(digits, &count) && count > 0;
  if (!is_number) return BadSchedule();
  bool is_plural = unit.ends_with('s');
  if (is_plural != (count > 1)) return BadSchedule();
  if (is_plural) unit.remove_suffix(1);
  int64_t unit_ms = unit == "minute" ? kMinuteMs
                    : unit == "hour" ? 60 * kMinuteMs
                    : unit == "day"  ? 24 * 60 * kMinuteMs
                                     : 0;
  if (unit_ms == 0) return BadSchedule();
  rate_ms_ = count * unit_ms;
  return Status::OK();
}

Status Schedule::ParseCron(std::string_view text) {
  std::vector<std::string> fields = absl::StrSplit(std::string(text), ' ', absl::SkipWhitespace());
  if (fields.size() != 6) return BadSchedule();
  // One of the two says which days, the other one is "?".
  if ((fields[2] == "?") == (fields[4] == "?")) return BadSchedule();
  RETURN_IF_ERROR(ParseCronList(fields[0], kMinuteField, &minutes_));
  RETURN_IF_ERROR(ParseCronList(fields[1], kHourField, &hours_));
  RETURN_IF_ERROR(ParseCronList(fields[3], kMonthField, &months_));
  RETURN_IF_ERROR(ParseCronList(fields[5], kYearField, &years_, kFirstYear));
  days_.by_weekday = fields[2] == "?";
  return days_.by_weekday ? ParseDaysOfWeek(fields[4]) : ParseDaysOfMonth(fields[2]);
}

Status Schedule::ParseDaysOfMonth(std::string_view text) {
  for (const std::string& item : ItemsOf(text)) {
    std::string upper = absl::AsciiStrToUpper(item);
    if (upper == "L") {
      days_.last_of_month = true;
    } else if (upper == "LW") {
      days_.last_weekday = true;
    } else if (upper.ends_with('W')) {
      upper.pop_back();
      ASSIGN_OR_RETURN(int day, ParseCronValue(upper, kDayField));
      days_.nearest.set(day);
    } else {
      RETURN_IF_ERROR(AddCronItem(item, kDayField, &days_.of_month));
    }
  }
  return Status::OK();
}

// "L" alone is Saturday; behind a day it is the month's last one of them.
Status Schedule::ParseDaysOfWeek(std::string_view text) {
  std::vector<std::string> items = ItemsOf(text);
  std::string upper = absl::AsciiStrToUpper(items[0]);
  size_t hash = upper.find('#');
  if (hash != std::string::npos) {
    std::string_view both = upper;
    ASSIGN_OR_RETURN(days_.nth_of_week, ParseCronValue(both.substr(0, hash), kWeekdayField));
    bool is_nth = ParseDigits(both.substr(hash + 1), &days_.nth) && days_.nth >= 1;
    return is_nth && days_.nth <= 5 && items.size() == 1 ? Status::OK() : BadSchedule();
  }
  if (upper.size() > 1 && upper.ends_with('L')) {
    upper.pop_back();
    ASSIGN_OR_RETURN(days_.last_of_week, ParseCronValue(upper, kWeekdayField));
    return items.size() == 1 ? Status::OK() : BadSchedule();
  }
  for (const std::string& item : items) {
    std::string_view day = item == "L" || item == "l" ? std::string_view("SAT") : item;
    RETURN_IF_ERROR(AddCronItem(day, kWeekdayField, &days_.of_week));
  }
  return Status::OK();
}

std::bitset<32> Schedule::DaysIn(int64_t year, int month) const {
  std::bitset<32> days;
  int count = DaysOfMonth(year, month);
  for (int day = 1; day <= count; ++day) {
    if (!days_.by_weekday) {
      if (days_.of_month[day]) days.set(day);
      if (days_.nearest[day]) days.set(NearestWorkday(year, month, day));
      continue;
    }
    int weekday = WeekdayOf(year, month, day);
    bool is_last = weekday == days_.last_of_week && day + 7 > count;
    bool is_nth = weekday == days_.nth_of_week && (day - 1) / 7 + 1 == days_.nth;
    if (days_.of_week[weekday] || is_last || is_nth) days.set(day);
  }
  if (days_.last_of_month) days.set(count);
  if (days_.last_weekday) days.set(NearestWorkday(year, month, count));
  return days;
}

std::optional<int64_t> Schedule::Next(int64_t after_ms, int64_t begin_ms) const {
  if (rate_ms_ > 0) {
    int64_t passed = std::max<int64_t>(after_ms - begin_ms, 0) / rate_ms_;
    return begin_ms + (passed + 1) * rate_ms_;
  }
  absl::Time from = absl::FromUnixMillis(after_ms);
  absl::CivilMinute first = absl::ToCivilMinute(from, absl::UTCTimeZone()) + 1;
  absl::CivilMonth month(first);
  for (; month.year() <= kLastYear; ++month) {
    if (month.year() < kFirstYear || !years_[month.year() - kFirstYear]) {
      if (month.year() >= kLastYear) break;
      month = absl::CivilMonth(month.year(), 12);
      continue;
    }
    if (!months_[month.month()]) continue;
    std::bitset<32> days = DaysIn(month.year(), month.month());
    for (int day = 1; day < 32; ++day) {
      if (!days[day]) continue;
      absl::CivilDay date(month.year(), month.month(), day);
      if (date < absl::CivilDay(first)) continue;
      for (int hour = 0; hour < 24; ++hour) {
        if (!hours_[hour] || absl::CivilHour(date + 0) + hour < absl::CivilHour(first)) continue;
        for (int minute = 0; minute < 60; ++minute) {
          absl::CivilMinute at(date.year(), date.month(), date.day(), hour, minute);
          if (!minutes_[minute] || at < first) continue;
          return absl::ToUnixMillis(absl::FromCivil(at, absl::UTCTimeZone()));
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace mainstem::gateway::events
