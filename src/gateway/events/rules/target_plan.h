// A target as a delivery works with it: where it is, what it gets, what becomes of events that it
// does not take. Immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"
#include "gateway/aws/value.h"
#include "gateway/events/rules/target_input.h"

namespace mainstem::gateway::events {

enum class TargetKind : uint8_t { kStream, kLogGroup, kBus, kApi, kArchive };

// "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME", "arn:aws:firehose:...:deliverystream/NAME" (a
// stream, too: aws::kDeliveryStreamPrefix stands before its name),
// "arn:aws:logs:...:log-group:NAME" with or without
// ":*", "arn:aws:events:...:event-bus/NAME", ":api-destination/NAME/ID"; and, of
// archives alone, ":archive/NAME".
struct TargetPlace {
  TargetKind kind = TargetKind::kStream;
  std::string name;
  std::string id{};  // of an API destination
};
std::optional<TargetPlace> ParseTargetArn(std::string_view arn);

// Where events go that a target does not take: a Kinesis stream; or what stands in for an SQS
// queue: the topic of the queue's name, which is made when it is needed.
struct DeadLetterPlace {
  std::string stream;
  bool is_queue = false;
};

struct TargetPlan {
  std::string id;
  std::string arn;
  TargetPlace place;
  TargetInput input;
  std::optional<JsonPath> partition_key{};  // of kStream; else the event's id
  std::string http_parameters = "null";     // of kApi: HttpParameters as JSON
  std::optional<DeadLetterPlace> dead_letters{};
  // Amazon's defaults.
  int64_t tries_max = 185;
  int64_t age_max_ms = 86'400'000;

  // Of a target as PutTargets takes it. kInvalidArgument, with Amazon's text where it is known.
  static Result<TargetPlan> Make(const aws::Value& target);
  // What PutTargets refuses beyond that; what was put by an older version may have it.
  Status CheckNew() const;
  // The same of a target's kept JSON.
  static Result<TargetPlan> Parse(std::string_view definition);
};

}  // namespace mainstem::gateway::events
