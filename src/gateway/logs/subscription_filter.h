// A subscription: which of a group's events go to which Kinesis or delivery stream, and the
// messages in which they go: gzip of one JSON text with events of one log stream each. Pure; any
// thread. Source: CloudWatch Logs user guide, "Subscription filters with Kinesis Data Streams".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/status.h"

namespace mainstem::gateway::logs {

// Kept as JSON under "f/GROUP ID/NAME".
struct SubscriptionFilter {
  std::string id;  // of what is delivered; stays when the filter is changed
  std::string pattern;
  std::string destination_arn;
  std::string role_arn{};
  bool random = false;  // distribution: Random, else ByLogStream
  int64_t created_ms = 0;
  Offset begin{0};  // events before it were there before the filter
  bool operator==(const SubscriptionFilter&) const = default;
};
std::string EncodeFilter(const SubscriptionFilter& filter);
Result<SubscriptionFilter> DecodeFilter(std::string_view text);

// "NAME" of "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME", "deliverystream/NAME" of
// "arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME"; empty when it is no such ARN.
std::string StreamOfArn(std::string_view arn);

struct SubscribedEvent {
  std::string id;
  int64_t timestamp_ms = 0;
  std::string message;
  std::map<std::string, std::string> fields{};  // of a space-delimited pattern
};
struct SubscribedBatch {
  std::string owner;  // the account
  std::string group;
  std::string stream;
  std::string filter;
  std::vector<SubscribedEvent> events;
};
// {"messageType":"DATA_MESSAGE","owner",...,"logEvents":[{"id","timestamp","message"}]}
std::string DataMessage(const SubscribedBatch& batch);
// What a destination gets once, to see that it can be reached.
std::string ControlMessage(int64_t now_ms);

}  // namespace mainstem::gateway::logs
