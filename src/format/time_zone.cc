#include "format/time_zone.h"

#include <cstdio>

#include <fmt/format.h>

namespace mainstem::format {

Result<absl::TimeZone> ParseTimeZone(std::string_view name) {
  absl::TimeZone zone;
  std::string_view rest = name;
  if (rest == "Z") return absl::UTCTimeZone();
  for (std::string_view prefix : {"GMT", "UTC", "UT"}) {
    if (rest.starts_with(prefix)) {
      rest.remove_prefix(prefix.size());
      break;
    }
  }
  if (rest.empty()) return absl::UTCTimeZone();
  if (rest[0] == '+' || rest[0] == '-') {
    int hours = 0, minutes = 0;
    const std::string text(rest.substr(1));
    const int fields = std::sscanf(text.c_str(), "%2d:%2d", &hours, &minutes);
    if (fields >= 1 && hours <= 18 && minutes < 60) {
      const int offset = hours * 3600 + minutes * 60;
      return absl::FixedTimeZone(rest[0] == '-' ? -offset : offset);
    }
  }
  if (absl::LoadTimeZone(std::string(name), &zone)) return zone;
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("unknown time zone '{}'", name),
                    .hint = "use a name such as America/New_York, UTC or +08:00"});
}

}  // namespace mainstem::format
