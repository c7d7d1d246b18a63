// The option 'source.init.timestamp': when AT_TIMESTAMP begins. Pure. Private to kinesis.
#pragma once

#include <string>

#include "core/status.h"

namespace mainstem::source {

inline constexpr const char* kStartTimeFormat = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX";

// Milliseconds since 1970 of `text` in Java's `format` (years to milliseconds, zones and quoted
// texts); else of a number of seconds, as Flink reads it. Times without a zone are of `time_zone`.
// kInvalidArgument for a letter that is not known, and for a text that is neither.
Result<int64_t> ParseStartTime(const std::string& text, const std::string& format,
                               const std::string& time_zone);

}  // namespace mainstem::source
