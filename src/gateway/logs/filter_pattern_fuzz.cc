// Feeds bytes to filter patterns: the first line is the pattern, the rest the message.
#include <cstdlib>

#include "gateway/logs/filter_pattern.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mainstem::gateway::logs;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t end = std::min(text.find('\n'), text.size());
  auto pattern = FilterPattern::Parse(text.substr(0, std::min<size_t>(end, 1024)));
  if (!pattern.ok()) return 0;
  std::string_view message = text.substr(std::min(end + 1, text.size()));
  bool matches = pattern->Matches(message);
  if (matches != pattern->Matches(message)) std::abort();
  for (const auto& [name, value] : pattern->Extract(message)) {
    if (name.empty() || name[0] != '$') std::abort();
  }
  return 0;
}
