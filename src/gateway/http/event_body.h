// The body of a POST of events, taken apart: one JSON event, a JSON array, NDJSON, or raw bytes. A
// pure codec: the whole body is checked before anything is written, and an error names the line and
// column. Fuzzed by event_body_fuzz.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::gateway::http {

struct Event {
  std::string_view value;  // exactly as sent; points into the body
  std::optional<std::string> key;
};

enum class BodyKind : uint8_t { kJson, kJsonLines, kRaw };
// By media type, without parameters: application/json and anything ending in +json,
// application/x-ndjson (also jsonl and ndjson), else raw.
BodyKind BodyKindOf(std::string_view content_type);

struct EventBodyOptions {
  BodyKind kind = BodyKind::kRaw;
  // The name of the top-level field whose value is the event's key; empty: no key. A string's text,
  // or a number's, true or false as written. It must be there and not be null.
  std::string key_field;
  size_t event_limit = 100'000;
};

// Splits bodies. Keeps buffers between calls; not thread-safe.
class EventBodyParser {
 public:
  EventBodyParser();
  ~EventBodyParser();
  // kDecodeError says what is wrong where ("line 3, column 17"); kRecordListTooLarge. `body` must
  // outlive the events.
  Result<std::vector<Event>> Parse(std::string_view body, const EventBodyOptions& options);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::http
