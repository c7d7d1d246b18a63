// An event of a log group as a record of its topic: key = the stream's name, value = the message,
// timestamp = the event's, header "ingestionTime" = when it came, decimal milliseconds. And the
// names of its place: ids and tokens. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "gateway/aws/log_place.h"
#include "storage/record_batch.h"

namespace mainstem::gateway::logs {

using aws::kIngestionHeader;

// Events are in order of time, and of arrival where it is the same. `index` is offset + 1.
struct EventPosition {
  int64_t timestamp_ms = 0;
  int64_t index = 0;
  auto operator<=>(const EventPosition&) const = default;
};
// Times of events have 13 digits; what Kafka clients wrote outside counts as the nearest of them.
inline constexpr int64_t kEventTimeMax = 9'999'999'999'999;
EventPosition PositionOf(const storage::RecordView& record);

// Milliseconds; the event's own time where nothing else is said, as of records by Kafka clients.
int64_t IngestionTimeOf(const storage::RecordView& record);

// What a text takes in JSON at most, without its quotes.
int64_t JsonBytesBound(std::string_view text);

// 56 digits: time (13) | a number for the group and stream (24) | index (19).
struct EventSource {
  std::string_view group_id;
  std::string_view stream;
};
std::string FormatEventId(const EventSource& source, const EventPosition& position);
// Nothing unless FormatEventId made it for that source.
std::optional<EventPosition> ParseEventId(const EventSource& source, std::string_view id);

}  // namespace mainstem::gateway::logs
