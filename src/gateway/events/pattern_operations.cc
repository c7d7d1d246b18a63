// TestEventPattern: whether a pattern takes an event, without any bus.
#include "gateway/events/event_pattern.h"
#include "gateway/events/operations.h"

namespace mainstem::gateway::events {

Status InvalidEventPattern(const Status& status) {
  return aws::MakeAwsError("InvalidEventPatternException",
                           "Event pattern is not valid. Reason: " + TextOf(status).message);
}

Task<> TestEventPattern(const Context& context, aws::AwsCall* call) {
  const aws::Value& input = call->input.root;
  auto pattern = EventPattern::Parse(input["EventPattern"].text);
  if (!pattern.ok()) co_return InvalidEventPattern(pattern.status());
  auto event = aws::DecodeBody(aws::BodyCodec::kJson, std::string(input["Event"].text));
  if (!event.ok() || event->root.kind != aws::Value::Kind::kMap) {
    co_return aws::MakeAwsError("InvalidEventPatternException", "Event is not valid JSON.");
  }
  for (std::string_view member :
       {"id", "account", "source", "time", "region", "resources", "detail-type"}) {
    if (!event->root[member].is_null()) continue;
    co_return aws::MakeAwsError(
        "InvalidEventPatternException",
        "Event is not valid. Reason: \"" + std::string(member) + "\" is missing.");
  }
  call->answer->BeginMap().Key("Result").Boolean(pattern->Matches(event->root)).EndMap();
  co_return Status::OK();
}

}  // namespace mainstem::gateway::events
