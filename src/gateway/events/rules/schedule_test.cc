// Schedules: Amazon's examples and the corners of its six fields. Times are UTC.
#include "gateway/events/rules/schedule.h"

#include <absl/time/time.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mainstem::gateway::events {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

int64_t Ms(const std::string& text) {
  absl::Time time;
  std::string error;
  CHECK(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error));
  return absl::ToUnixMillis(time);
}

// The next `count` times after `from`.
std::vector<std::string> Times(std::string_view expression, const std::string& from,
                               int count = 3) {
  auto schedule = Schedule::Parse(expression);
  EXPECT_TRUE(schedule.ok()) << expression;
  std::vector<std::string> times;
  if (!schedule.ok()) return times;
  int64_t at = Ms(from);
  for (int i = 0; i < count; ++i) {
    auto next = schedule->Next(at, Ms("2024-01-01 00:00"));
    if (!next) break;
    at = *next;
    times.push_back(
        absl::FormatTime("%a %Y-%m-%d %H:%M", absl::FromUnixMillis(at), absl::UTCTimeZone()));
  }
  return times;
}

TEST(ScheduleTest, RatesCountFromTheirBeginning) {
  EXPECT_THAT(Times("rate(5 minutes)", "2024-01-01 00:00", 2),
              ElementsAre("Mon 2024-01-01 00:05", "Mon 2024-01-01 00:10"));
  EXPECT_THAT(Times("rate(1 day)", "2024-02-28 13:00", 2),
              ElementsAre("Thu 2024-02-29 00:00", "Fri 2024-03-01 00:00"));
  EXPECT_THAT(Times("rate(7 hours)", "2023-06-01 00:00", 1), ElementsAre("Mon 2024-01-01 07:00"));
}

TEST(ScheduleTest, AmazonsExamples) {
  EXPECT_THAT(Times("cron(0 10 * * ? *)", "2024-01-01 10:00", 2),
              ElementsAre("Tue 2024-01-02 10:00", "Wed 2024-01-03 10:00"));
  EXPECT_THAT(Times("cron(15 12 * * ? *)", "2024-12-31 12:14", 2),
              ElementsAre("Tue 2024-12-31 12:15", "Wed 2025-01-01 12:15"));
  EXPECT_THAT(Times("cron(0 18 ? * MON-FRI *)", "2024-01-05 18:00", 2),
              ElementsAre("Mon 2024-01-08 18:00", "Tue 2024-01-09 18:00"));
  EXPECT_THAT(Times("cron(0 8 1 * ? *)", "2024-01-31 00:00", 2),
              ElementsAre("Thu 2024-02-01 08:00", "Fri 2024-03-01 08:00"));
  EXPECT_THAT(Times("cron(0/15 * * * ? *)", "2024-01-01 00:31"),
              ElementsAre("Mon 2024-01-01 00:45", "Mon 2024-01-01 01:00", "Mon 2024-01-01 01:15"));
  EXPECT_THAT(Times("cron(0/5 8-17 ? * MON-FRI *)", "2024-01-05 17:54", 2),
              ElementsAre("Fri 2024-01-05 17:55", "Mon 2024-01-08 08:00"));
  EXPECT_THAT(Times("cron(0 9 ? * 2#1 *)", "2024-01-02 00:00", 2),
              ElementsAre("Mon 2024-02-05 09:00", "Mon 2024-03-04 09:00"));
}

TEST(ScheduleTest, LastDaysAndWorkdays) {
  EXPECT_THAT(Times("cron(0 0 L * ? *)", "2024-01-31 00:00"),
              ElementsAre("Thu 2024-02-29 00:00", "Sun 2024-03-31 00:00", "Tue 2024-04-30 00:00"));
  EXPECT_THAT(Times("cron(0 0 LW * ? *)", "2024-03-01 00:00", 2),
              ElementsAre("Fri 2024-03-29 00:00", "Tue 2024-04-30 00:00"));
  // The 1st of June 2024 is a Saturday, the 15th, too; the 1st of September a Sunday.
  EXPECT_THAT(Times("cron(0 0 1W 6,9 ? 2024)", "2024-01-01 00:00"),
              ElementsAre("Mon 2024-06-03 00:00", "Mon 2024-09-02 00:00"));
  EXPECT_THAT(Times("cron(0 0 15W JUN ? *)", "2024-01-01 00:00", 1),
              ElementsAre("Fri 2024-06-14 00:00"));
  EXPECT_THAT(Times("cron(0 0 31W 3 ? 2024)", "2024-01-01 00:00"),
              ElementsAre("Fri 2024-03-29 00:00"));
  EXPECT_THAT(Times("cron(0 0 ? * 6L *)", "2024-01-01 00:00", 2),
              ElementsAre("Fri 2024-01-26 00:00", "Fri 2024-02-23 00:00"));
  EXPECT_THAT(Times("cron(0 0 ? * L *)", "2024-01-01 00:00", 2),
              ElementsAre("Sat 2024-01-06 00:00", "Sat 2024-01-13 00:00"));
  EXPECT_THAT(Times("cron(0 0 ? 1-3 THU#5 *)", "2024-01-01 00:00", 3),
              ElementsAre("Thu 2024-02-29 00:00", "Thu 2025-01-30 00:00", "Thu 2026-01-29 00:00"));
}

TEST(ScheduleTest, YearsEnd) {
  EXPECT_THAT(Times("cron(0 0 29 2 ? *)", "2023-01-01 00:00", 2),
              ElementsAre("Thu 2024-02-29 00:00", "Tue 2028-02-29 00:00"));
  EXPECT_THAT(Times("cron(59 23 31 12 ? 2030/10)", "2031-01-01 00:00", 2),
              ElementsAre("Mon 2040-12-31 23:59", "Sat 2050-12-31 23:59"));
  EXPECT_THAT(Times("cron(0 0 1 1 ? 2020)", "2024-01-01 00:00"), IsEmpty());
  EXPECT_THAT(Times("cron(0 0 31 2 ? *)", "2024-01-01 00:00"), IsEmpty());
  EXPECT_THAT(Times("cron(0 0 1 1 ? *)", "2198-06-01 00:00"), ElementsAre("Tue 2199-01-01 00:00"));
}

TEST(ScheduleTest, WhatIsNoScheduleIsRefused) {
  for (const char* expression : {"",
                                 "rate",
                                 "rate()",
                                 "rate(5)",
                                 "rate(1 minutes)",
                                 "rate(2 minute)",
                                 "rate(0 minutes)",
                                 "rate(-1 minutes)",
                                 "rate(5 seconds)",
                                 "rate(99999999999 days)",
                                 "rate(5 minutes",
                                 "cron(* * * * *)",
                                 "cron(0 10 * * * *)",
                                 "cron(0 10 ? * ? *)",
                                 "cron(60 10 * * ? *)",
                                 "cron(0 24 * * ? *)",
                                 "cron(0 0 0 * ? *)",
                                 "cron(0 0 32 * ? *)",
                                 "cron(0 0 1 13 ? *)",
                                 "cron(0 0 ? * 8 *)",
                                 "cron(0 0 ? * MON#6 *)",
                                 "cron(0 0 ? * MON#1,TUE *)",
                                 "cron(0 0 ? * MOX *)",
                                 "cron(*/0 0 1 * ? *)",
                                 "cron(5-1 0 1 * ? *)",
                                 "cron(0 0 W * ? *)",
                                 "cron(0 0 1 * ? 1969)",
                                 "cron(0 0 1 * ? 2200)",
                                 "cron(, 0 1 * ? *)",
                                 "cron(0 0 1 * ? * *)",
                                 "at(2024-01-01T00:00:00)"}) {
    EXPECT_TRUE(Is(Schedule::Parse(expression).status(), ErrorCode::kInvalidArgument))
        << expression;
  }
}

}  // namespace
}  // namespace mainstem::gateway::events
