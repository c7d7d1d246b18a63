// TestMetricFilter: what a pattern takes, without any log.
#include <fmt/format.h>

#include "gateway/logs/log_event.h"
#include "gateway/logs/operations.h"

namespace mainstem::gateway::logs {
namespace {

// As of an event that is put.
constexpr size_t kTestedBytesMax = 1 << 20;
// Of an answer, for a message: its text and its fields; and what stands around these.
constexpr int64_t kMatchOverhead = 64 << 10;

}  // namespace

Task<> TestMetricFilter(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FilterPattern pattern, PatternOf(input["filterPattern"].text));
  const auto& messages = input["logEventMessages"].members;
  for (const aws::Member& member : messages) {
    if (member.value.text.size() <= kTestedBytesMax) continue;
    co_return InvalidParameter(fmt::format("Log event too large: {} bytes exceeds limit of {}",
                                           member.value.text.size(), kTestedBytesMax));
  }
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("matches").BeginList();
  int64_t number = 0;
  for (const aws::Member& member : messages) {
    ++number;
    CO_RETURN_IF_ERROR(co_await Yield());
    std::string_view message = member.value.text;
    if (!pattern.Matches(message)) continue;
    CO_RETURN_IF_ERROR(LeaseMore(context, 2 * JsonBytesBound(message) + kMatchOverhead, call));
    answer->BeginMap().Key("eventNumber").Integer(number);
    answer->Field("eventMessage", message).Key("extractedValues").BeginMap();
    for (const auto& [name, value] : pattern.Extract(message)) answer->Field(name, value);
    answer->EndMap().EndMap();
  }
  answer->EndList().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::logs
