// Messages of application/vnd.amazon.eventstream, as SDKs read them from an answer that stays open:
//   total bytes u32 | headers bytes u32 | CRC-32 of these two u32 | headers | payload
//   | CRC-32 of all before u32
// A header: name bytes u8 | name | 7 (a text) u8 | value bytes u16 | value. Big-endian. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/env.h"
#include "core/net/http_message.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::aws {

inline constexpr std::string_view kEventStreamType = "application/vnd.amazon.eventstream";

enum class EventKind : uint8_t { kInitialResponse, kEvent, kException };

struct EventHead {
  EventKind kind = EventKind::kEvent;
  std::string_view type;  // of the event or exception: "SubscribeToShardEvent"
  BodyCodec codec = BodyCodec::kJson;
};
std::string EncodeEvent(const EventHead& head, std::string_view payload);

// What every answer has: x-amzn-RequestId and Date, by which clients correct their clocks.
void AddAnswerHeaders(Env* env, net::HttpHeaders* headers);

}  // namespace mainstem::gateway::aws
