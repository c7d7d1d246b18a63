// Feeds bytes to event patterns: the first line is the pattern, the rest the event.
#include <cstdlib>

#include "gateway/aws/body_codec.h"
#include "gateway/events/event_pattern.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::gateway;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t end = std::min(text.find('\n'), text.size());
  auto pattern = events::EventPattern::Parse(text.substr(0, std::min<size_t>(end, 4096)));
  if (!pattern.ok()) return 0;
  auto event = aws::DecodeBody(aws::BodyCodec::kJson,
                               std::string(text.substr(std::min(end + 1, text.size()))));
  if (!event.ok() || event->root.kind != aws::Value::Kind::kMap) return 0;
  if (pattern->Matches(event->root) != pattern->Matches(event->root)) std::abort();
  return 0;
}
