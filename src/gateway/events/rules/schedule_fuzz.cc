// Feeds texts as schedules, with a time behind the first line: what comes next comes later.
#include <cstdlib>
#include <cstring>

#include "gateway/events/rules/schedule.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view expression = text.substr(0, std::min<size_t>(text.find('\n'), 256));
  auto schedule = mainstem::gateway::events::Schedule::Parse(expression);
  if (!schedule.ok()) return 0;
  uint64_t bits = 0;
  if (size >= sizeof(bits)) std::memcpy(&bits, data + size - sizeof(bits), sizeof(bits));
  int64_t at = static_cast<int64_t>(bits % 7'000'000'000'000);  // until 2191
  for (int i = 0; i < 5; ++i) {
    auto next = schedule->Next(at, 1'000'000);
    if (!next) return 0;
    if (*next <= at) std::abort();
    at = *next;
  }
  return 0;
}
