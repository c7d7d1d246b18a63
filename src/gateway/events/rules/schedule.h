// When a rule with a schedule is due: "rate(5 minutes)", or "cron(minutes hours day-of-month month
// day-of-week year)" with Amazon's six fields, in UTC. Immutable; any thread.
// Source: EventBridge user guide, "Creating a rule that runs on a schedule".
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/status.h"

namespace mainstem::gateway::events {

class Schedule {
 public:
  // kInvalidArgument when it is neither.
  static Result<Schedule> Parse(std::string_view expression);

  // The first time after `after_ms`; nothing when there is none any more. A rate counts from
  // `begin_ms`. Milliseconds since 1970.
  std::optional<int64_t> Next(int64_t after_ms, int64_t begin_ms) const;

 private:
  // Which days of a month.
  struct Days {
    std::bitset<32> of_month{};
    bool last_of_month = false;    // L
    bool last_weekday = false;     // LW
    std::bitset<32> nearest{};     // 15W: the weekday nearest to it, in the same month
    bool by_weekday = false;       // then these count, else those above
    std::bitset<8> of_week{};      // 1 is Sunday
    int last_of_week = 0;          // 6L: the last Friday
    int nth_of_week = 0, nth = 0;  // 6#3: the third Friday
  };
  Status ParseRate(std::string_view text);
  Status ParseCron(std::string_view text);
  Status ParseDaysOfMonth(std::string_view text);
  Status ParseDaysOfWeek(std::string_view text);
  std::bitset<32> DaysIn(int64_t year, int month) const;

  int64_t rate_ms_ = 0;  // 0: a cron expression
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  Days days_;
  std::bitset<13> months_;
  std::bitset<230> years_;  // since 1970
};

}  // namespace mainstem::gateway::events
