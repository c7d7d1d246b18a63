#include "core/net/server_sent_events.h"

namespace mainstem::net {

std::string FormatServerSentEvent(const ServerSentEvent& event) {
  std::string out;
  out.reserve(event.data.size() + event.id.size() + event.name.size() + 32);
  if (!event.id.empty()) out.append("id: ").append(event.id).append("\n");
  if (!event.name.empty()) out.append("event: ").append(event.name).append("\n");
  std::string_view rest = event.data;
  while (true) {
    // A line ends at LF, CR or CRLF; each becomes a data line of its own.
    size_t end = rest.find_first_of("\r\n");
    out.append("data: ").append(rest.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    bool is_crlf = rest.substr(end).starts_with("\r\n");
    rest.remove_prefix(end + (is_crlf ? 2 : 1));
  }
  out.append("\n");
  return out;
}

HttpHeaders ServerSentEventHeaders() {
  HttpHeaders headers;
  headers.Add("Content-Type", "text/event-stream");
  headers.Add("Cache-Control", "no-store");
  return headers;
}

}  // namespace mainstem::net
