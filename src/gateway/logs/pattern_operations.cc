// TestMetricFilter: what a pattern takes, without any log.
#include "gateway/logs/operations.h"

namespace mainstem::gateway::logs {

Task<> TestMetricFilter(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  CO_ASSIGN_OR_RETURN(FilterPattern pattern, PatternOf(input["filterPattern"].text));
  aws::BodyWriter* answer = call->answer.get();
  answer->BeginMap().Key("matches").BeginList();
  int64_t number = 0;
  for (const aws::Member& member : input["logEventMessages"].members) {
    ++number;
    std::string_view message = member.value.text;
    if (!pattern.Matches(message)) continue;
    answer->BeginMap().Key("eventNumber").Integer(number);
    answer->Field("eventMessage", message).Key("extractedValues").BeginMap();
    for (const auto& [name, value] : pattern.Extract(message)) answer->Field(name, value);
    answer->EndMap().EndMap();
  }
  answer->EndList().EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::logs
