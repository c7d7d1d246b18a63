#include "gateway/events/destinations/waiting_calls.h"

#include <vector>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include "core/status.h"

namespace mainstem::gateway::events {

std::string FormatWaiting(const WaitingCalls& waiting) {
  std::string text;
  for (const auto& [offset, call] : waiting) {
    if (!text.empty()) text.push_back(' ');
    text += fmt::format("{}:{}:{}", offset.value(), call.tries, call.due_ms);
  }
  return text;
}

WaitingCalls ParseWaiting(const std::string& text) {
  WaitingCalls waiting;
  std::vector<std::string> items = absl::StrSplit(text, ' ', absl::SkipEmpty());
  for (const std::string& item : items) {
    std::vector<std::string> numbers = absl::StrSplit(item, ':');
    int64_t offset = 0;
    WaitingCall call;
    CHECK(numbers.size() == 3 && absl::SimpleAtoi(numbers[0], &offset) &&
          absl::SimpleAtoi(numbers[1], &call.tries) && absl::SimpleAtoi(numbers[2], &call.due_ms));
    waiting[Offset(offset)] = call;
  }
  return waiting;
}

}  // namespace mainstem::gateway::events
