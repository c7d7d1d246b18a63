// A WebSocket connection after the handshake: whole messages over a Stream. Made by
// HttpExchange::AcceptWebSocket.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/env.h"
#include "core/net/websocket_codec.h"

namespace mainstem::net {

struct WebSocketMessage {
  bool is_text = true;
  std::string payload;
};

// One task may read while another sends. Borrows the stream; all on the stream's scheduler. Does
// not check that text is UTF-8. No extensions.
class WebSocket {
 public:
  // `input`: bytes already read from the stream.
  WebSocket(Stream* stream, Executor executor, WebSocketSide side, std::string input,
            size_t message_limit, Duration write_timeout);

  // The next message, put together from its fragments; pings are answered meanwhile. Nothing when
  // the peer has closed. A peer that breaks the protocol is told (1002, 1009) and the stream
  // closed.
  Task<std::optional<WebSocketMessage>> Read(TimePoint deadline);
  Task<> Send(WebSocketOpcode opcode, std::string payload);
  // Sends a close frame once; reading goes on until the peer's comes.
  Task<> Close(uint16_t code, std::string reason);
  bool close_sent() const { return close_sent_; }

 private:
  Task<> HandleControl(WebSocketFrame frame);
  Task<> WriteFrame(WebSocketOpcode opcode, std::string payload);

  Stream* stream_;
  Executor executor_;
  WebSocketSide side_;
  std::string input_;
  size_t message_limit_;
  Duration write_timeout_;
  std::optional<WebSocketMessage> partial_;
  bool writing_ = false;
  Event write_done_;
  bool close_sent_ = false;
  bool peer_closed_ = false;
};

}  // namespace mainstem::net
