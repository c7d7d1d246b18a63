#include "gateway/events/rules/target_plan.h"

#include <fmt/format.h>

#include "gateway/aws/body_codec.h"
#include "gateway/aws/shape.h"
#include "gateway/aws/stream_place.h"
#include "gateway/aws/value_json.h"
#include "gateway/events/destinations/api_destinations.h"
#include "gateway/events/destinations/api_request.h"
#include "storage/topic_config.h"

namespace mainstem::gateway::events {
namespace {

Status BadTarget(std::string message) {
  return MakeError(ErrorCode::kInvalidArgument, std::move(message));
}

// What stands behind "arn:aws:SERVICE:REGION:ACCOUNT:"; empty when it is no ARN of the service.
std::string_view ResourceOf(std::string_view arn, std::string_view service) {
  for (int part = 0; part < 5; ++part) {
    size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    std::string_view text = arn.substr(0, colon);
    bool fits = part == 0   ? text == "arn"
                : part == 1 ? text.starts_with("aws")
                : part == 2 ? text == service
                            : true;
    if (!fits) return {};
    arn.remove_prefix(colon + 1);
  }
  return arn;
}

bool TakePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix) || text->size() == prefix.size()) return false;
  text->remove_prefix(prefix.size());
  return true;
}

std::optional<DeadLetterPlace> ParseDeadLetterArn(std::string_view arn) {
  auto place = ParseTargetArn(arn);
  const bool is_kinesis = place && place->kind == TargetKind::kStream &&
                          !place->name.starts_with(aws::kDeliveryStreamPrefix);
  if (is_kinesis) return DeadLetterPlace{.stream = place->name};
  std::string_view queue = ResourceOf(arn, "sqs");
  if (queue.empty() || queue.find_first_of(":/") != std::string_view::npos) return std::nullopt;
  return DeadLetterPlace{.stream = std::string(queue), .is_queue = true};
}

}  // namespace

std::optional<TargetPlace> ParseTargetArn(std::string_view arn) {
  std::string_view name = ResourceOf(arn, "kinesis");
  if (TakePrefix("stream/", &name)) {
    return TargetPlace{.kind = TargetKind::kStream, .name = std::string(name)};
  }
  name = ResourceOf(arn, "firehose");
  if (name.starts_with(aws::kDeliveryStreamPrefix) &&
      name.size() > aws::kDeliveryStreamPrefix.size()) {
    return TargetPlace{.kind = TargetKind::kStream, .name = std::string(name)};
  }
  name = ResourceOf(arn, "logs");
  if (TakePrefix("log-group:", &name)) {
    if (name.ends_with(":*")) name.remove_suffix(2);
    return TargetPlace{.kind = TargetKind::kLogGroup, .name = std::string(name)};
  }
  name = ResourceOf(arn, "events");
  if (TakePrefix("event-bus/", &name)) {
    return TargetPlace{.kind = TargetKind::kBus, .name = std::string(name)};
  }
  if (TakePrefix("archive/", &name)) {
    return TargetPlace{.kind = TargetKind::kArchive, .name = std::string(name)};
  }
  auto api = ParseNamedArn(arn, "api-destination");
  if (!api) return std::nullopt;
  return TargetPlace{
      .kind = TargetKind::kApi, .name = std::move(api->name), .id = std::move(api->id)};
}

Result<TargetPlan> TargetPlan::Make(const aws::Value& target) {
  std::string arn(target["Arn"].text);
  std::string id(target["Id"].text);
  if (!arn.starts_with("arn:")) {
    return BadTarget(fmt::format(
        "Parameter {} is not valid. Reason: Provided Arn is not in correct format.", arn));
  }
  auto place = ParseTargetArn(arn);
  if (!place) {
    return BadTarget(
        fmt::format("Parameter {} is not valid. Reason: targets here are Kinesis streams, "
                    "delivery streams, log groups, event buses and API destinations.",
                    arn));
  }
  ASSIGN_OR_RETURN(TargetInput input, TargetInput::Parse(target));
  if (place->kind == TargetKind::kBus && !input.is_event()) {
    return BadTarget(fmt::format(
        "Input, InputPath and InputTransformer can't be used for an event bus: target {}.", id));
  }
  TargetPlan plan{.id = std::move(id),
                  .arn = std::move(arn),
                  .place = *std::move(place),
                  .input = std::move(input)};
  const aws::Value& key_path = target["KinesisParameters"]["PartitionKeyPath"];
  if (!key_path.is_null()) {
    auto path = JsonPath::Parse(key_path.text);
    if (!path.ok()) {
      return BadTarget(fmt::format("Invalid PartitionKeyPath for target {}. Reason: {}", plan.id,
                                   TextOf(path.status()).message));
    }
    plan.partition_key = *std::move(path);
  }
  const aws::Value& http = target["HttpParameters"];
  Status http_checked = CheckHttpParameters(http);
  if (!http_checked.ok()) {
    return BadTarget(fmt::format("Invalid HttpParameters for target {}. Reason: {}", plan.id,
                                 TextOf(http_checked).message));
  }
  if (!http.is_null()) plan.http_parameters = aws::ToJson(http);
  std::string_view dead_letters = target["DeadLetterConfig"]["Arn"].text;
  if (!dead_letters.empty()) {
    plan.dead_letters = ParseDeadLetterArn(dead_letters);
    if (!plan.dead_letters) {
      return BadTarget(fmt::format(
          "Parameter {} is not valid. Reason: dead letters go to an SQS queue's or a Kinesis "
          "stream's ARN.",
          dead_letters));
    }
  }
  const aws::Value& retry = target["RetryPolicy"];
  plan.tries_max = aws::IntegerOf(retry["MaximumRetryAttempts"]).value_or(plan.tries_max);
  auto age_s = aws::IntegerOf(retry["MaximumEventAgeInSeconds"]);
  if (age_s) plan.age_max_ms = *age_s * 1000;
  return plan;
}

Status TargetPlan::CheckNew() const {
  RETURN_IF_ERROR(input.CheckVariables(id));
  if (!dead_letters || !dead_letters->is_queue) return Status::OK();
  const std::string& topic = dead_letters->stream;
  if (storage::CheckTopicName(topic).ok() &&
      storage::CheckClientUse(topic, storage::ClientUse::kCreate).ok()) {
    return Status::OK();
  }
  return BadTarget(
      fmt::format("Parameter DeadLetterConfig is not valid. Reason: '{}' is no name of "
                  "a queue.",
                  topic));
}

Result<TargetPlan> TargetPlan::Parse(std::string_view definition) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, std::string(definition)));
  return Make(document.root);
}

}  // namespace mainstem::gateway::events
