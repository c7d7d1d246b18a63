#include "gateway/kafka/testing/frames.h"

#include <algorithm>

namespace mainstem::gateway::kafka {

Task<std::string> ReadFrame(Stream* stream, TimePoint deadline) {
  std::byte prefix[sizeof(int32_t)];
  CO_RETURN_IF_ERROR(co_await stream->ReadExactly(prefix, deadline));
  Reader reader(prefix);
  int32_t size = 0;
  CHECK(reader.ReadInt(&size));
  std::string frame(static_cast<size_t>(std::max(0, size)), '\0');
  std::span<std::byte> into = std::as_writable_bytes(std::span(frame));
  CO_RETURN_IF_ERROR(co_await stream->ReadExactly(into, deadline));
  co_return frame;
}

}  // namespace mainstem::gateway::kafka
