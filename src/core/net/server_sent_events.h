// Text of a server-sent event stream (text/event-stream).
#pragma once

#include <string>
#include <string_view>

#include "core/net/http_message.h"

namespace mainstem::net {

struct ServerSentEvent {
  std::string_view id = {};    // left out when empty; one line
  std::string_view name = {};  // "event:"; left out when empty
  std::string_view data;       // may hold several lines
};
std::string FormatServerSentEvent(const ServerSentEvent& event);
// Keeps the connection busy, so that each side notices when the other is gone.
inline constexpr std::string_view kServerSentHeartbeat = ":\n\n";
// Headers of the response that carries it.
HttpHeaders ServerSentEventHeaders();

}  // namespace mainstem::net
