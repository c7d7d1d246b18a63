// Decodes frames from arbitrary bytes on both sides; a decoded frame never claims more bytes than
// were given, and its payload stays within the limit.
#include <cstdlib>

#include "core/net/websocket_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::net;
  constexpr size_t kLimit = 1024;
  for (WebSocketSide side : {WebSocketSide::kServer, WebSocketSide::kClient}) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    while (true) {
      auto decoded = DecodeWebSocketFrame(input, kLimit, side);
      if (!decoded.ok() || !decoded->has_value()) break;
      if ((*decoded)->used_bytes == 0 || (*decoded)->used_bytes > input.size()) std::abort();
      if ((*decoded)->frame.payload.size() > kLimit) std::abort();
      input.remove_prefix((*decoded)->used_bytes);
    }
  }
  return 0;
}
