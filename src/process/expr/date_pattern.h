// Patterns of dates and times (yyyy-MM-dd HH:mm:ss ...) as DATE_FORMAT, TO_TIMESTAMP and
// UNIX_TIMESTAMP take them, read in the two ways of the dialect: exactly, or loosely. Pure; texts
// of months and days are English.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "process/expr/datetime.h"

namespace mainstem::process {

// A compiled pattern. Thread-safe after Make.
class DatePattern {
 public:
  // InvalidArgument for a letter without meaning and a quoted text without end.
  static Result<DatePattern> Make(std::string_view pattern);

  // Appends the wall-clock time.
  void Format(Moment time, std::string* out) const;
  // Times of the same so many seconds (from 1970 on) have the same text; 0: within a second it may
  // differ.
  int64_t unit_seconds() const { return unit_seconds_; }
  // Empty if the text does not match from begin to end. A zone in it is not looked at.
  std::optional<Moment> Parse(std::string_view text) const;

  struct LooseTime {
    Moment time;
    std::optional<int32_t> zone_offset_seconds;  // of a zone in the text
  };
  // As SimpleDateFormat of Java, lenient: what follows a match is not looked at, digits may be
  // fewer, month 13 is the next year's January, S are milliseconds.
  std::optional<LooseTime> ParseLoosely(std::string_view text) const;

 private:
  struct Element {
    char letter;  // 0 = literal text
    int count;
    std::string text;
  };
  std::vector<Element> elements_;
  int64_t unit_seconds_ = 86'400;
};

}  // namespace mainstem::process
