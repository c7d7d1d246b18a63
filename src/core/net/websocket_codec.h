// WebSocket frames (RFC 6455), both directions, as a pure codec: bytes in, frames out. The session
// (websocket.h) puts fragments together and answers pings. Fuzzed by websocket_codec_fuzz.cc.
//
//   byte 0    FIN 0x80 | RSV 0x70 (must be 0) | opcode 0x0F
//   byte 1    MASK 0x80 | length: 0-125, 126: 2 bytes follow, 127: 8 bytes follow (big endian)
//   then      masking key (4 bytes, only from client to server), then the payload
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"

namespace mainstem::net {

enum class WebSocketOpcode : uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

struct WebSocketFrame {
  bool final = true;
  WebSocketOpcode opcode = WebSocketOpcode::kText;
  std::string payload;  // unmasked
};

struct DecodedWebSocketFrame {
  WebSocketFrame frame;
  size_t used_bytes = 0;
};

enum class WebSocketSide : uint8_t { kServer, kClient };

// The first frame of `input`, or nothing when it is not complete yet. Fails, before anything is
// allocated, when the payload is over `payload_limit`, and on frames that `receiver` must refuse: a
// server takes only masked ones, a client only unmasked ones.
Result<std::optional<DecodedWebSocketFrame>> DecodeWebSocketFrame(std::string_view input,
                                                                  size_t payload_limit,
                                                                  WebSocketSide receiver);

// Server to client: without mask.
std::string EncodeWebSocketFrame(WebSocketOpcode opcode, std::string_view payload);
// Client to server.
std::string EncodeMaskedWebSocketFrame(WebSocketOpcode opcode, std::string_view payload,
                                       uint32_t mask);

// Sec-WebSocket-Accept for a client's Sec-WebSocket-Key.
std::string WebSocketAccept(std::string_view key);

}  // namespace mainstem::net
