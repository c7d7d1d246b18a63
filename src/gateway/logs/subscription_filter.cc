#include "gateway/logs/subscription_filter.h"

#include <algorithm>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/stream_place.h"

namespace mainstem::gateway::logs {

std::string EncodeFilter(const SubscriptionFilter& filter) {
  JsonWriter json;
  json.BeginObject().Field("version", 1).Field("id", filter.id).Field("pattern", filter.pattern);
  json.Field("destination_arn", filter.destination_arn).Field("role_arn", filter.role_arn);
  json.Field("random", filter.random).Field("created_ms", filter.created_ms);
  json.Field("begin", filter.begin.value()).EndObject();
  return json.Take();
}

Result<SubscriptionFilter> DecodeFilter(std::string_view text) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(text)));
  const aws::Value& root = document.root;
  SubscriptionFilter filter{.id = std::string(root["id"].text),
                            .pattern = std::string(root["pattern"].text),
                            .destination_arn = std::string(root["destination_arn"].text),
                            .role_arn = std::string(root["role_arn"].text),
                            .random = root["random"].boolean,
                            .created_ms = root["created_ms"].integer,
                            .begin = Offset(std::max<int64_t>(root["begin"].integer, 0))};
  if (root["version"].integer == 1 && !filter.id.empty() && !filter.destination_arn.empty()) {
    return filter;
  }
  return MakeError(ErrorCode::kCorruptStorage, "the record of a subscription filter is broken");
}

std::string StreamOfArn(std::string_view arn) {
  // The part of the service, and what stands before the name in its last part.
  struct Kind {
    std::string_view service;
    std::string_view before;
    std::string_view prefix;  // of what is returned
  };
  constexpr Kind kKinds[] = {{":kinesis:", ":stream/", ""},
                             {":firehose:", ":deliverystream/", aws::kDeliveryStreamPrefix}};
  if (!arn.starts_with("arn:aws")) return {};
  for (const Kind& kind : kKinds) {
    const size_t service = arn.find(kind.service);
    const size_t name = arn.find(kind.before);
    if (service == std::string_view::npos || name == std::string_view::npos || name < service) {
      continue;
    }
    return std::string(kind.prefix) + std::string(arn.substr(name + kind.before.size()));
  }
  return {};
}

std::string DataMessage(const SubscribedBatch& batch) {
  JsonWriter json;
  json.BeginObject().Field("messageType", "DATA_MESSAGE").Field("owner", batch.owner);
  json.Field("logGroup", batch.group).Field("logStream", batch.stream);
  json.Key("subscriptionFilters").BeginArray().Value(batch.filter).EndArray();
  json.Key("logEvents").BeginArray();
  for (const SubscribedEvent& event : batch.events) {
    json.BeginObject().Field("id", event.id).Field("timestamp", event.timestamp_ms);
    json.Field("message", event.message);
    if (!event.fields.empty()) {
      json.Key("extractedFields").BeginObject();
      for (const auto& [name, value] : event.fields) json.Field(name, value);
      json.EndObject();
    }
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

std::string ControlMessage(int64_t now_ms) {
  JsonWriter json;
  json.BeginObject().Field("messageType", "CONTROL_MESSAGE").Field("owner", "CloudwatchLogs");
  json.Field("logGroup", "").Field("logStream", "");
  json.Key("subscriptionFilters").BeginArray().EndArray();
  json.Key("logEvents").BeginArray().BeginObject().Field("id", "").Field("timestamp", now_ms);
  json.Field("message", "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream.");
  json.EndObject().EndArray().EndObject();
  return json.Take();
}

}  // namespace mainstem::gateway::logs
