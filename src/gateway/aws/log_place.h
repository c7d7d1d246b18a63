// Where an event goes that a service of this node writes to a log group by itself: event targets.
// Implemented by gateway/logs, handed in by server/node.cc. An event is a record: key = the
// stream's name, value = the message, timestamp = the event's, and the header.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/executor.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

// When an event came, decimal milliseconds.
inline constexpr std::string_view kIngestionHeader = "ingestionTime";

struct LogPlace {
  storage::TopicPartition partition;
};
// Makes the stream when it is not there. Nothing when there is no such group. Any shard.
using FindLogPlace =
    std::function<Task<std::optional<LogPlace>>(std::string group, std::string stream)>;

}  // namespace mainstem::gateway::aws
