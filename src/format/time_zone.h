// Names of time zones as the dialect writes them.
#pragma once

#include <string_view>

#include <absl/time/time.h>

#include "core/status.h"

namespace mainstem::format {

// "Europe/Berlin", "UTC", "GMT+02:00", "+08:00". kInvalidArgument for others.
Result<absl::TimeZone> ParseTimeZone(std::string_view name);

}  // namespace mainstem::format
