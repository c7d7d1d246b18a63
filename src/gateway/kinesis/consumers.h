// Finding registered consumers by name or ARN.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/kinesis/operations.h"

namespace mainstem::gateway::kinesis {

// "arn:aws:kinesis:R:A:stream/S/consumer/NAME:1700000000"; an empty name when it is no such ARN.
struct ConsumerName {
  std::string name;
  std::optional<int64_t> created_s;
};
ConsumerName ParseConsumerArn(std::string_view arn);

// By ConsumerARN, ResourceARN or ConsumerName; a ResourceNotFoundException when there is none.
Result<ConsumerMeta> FindConsumer(const Context& context, const Stream& stream,
                                  const aws::Value& input);

}  // namespace mainstem::gateway::kinesis
