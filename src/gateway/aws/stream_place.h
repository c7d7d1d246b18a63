// Where a record goes that a service of this node writes to a Kinesis stream by itself: log
// subscriptions, event targets. Implemented by gateway/kinesis, handed in by server/node.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/executor.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

struct StreamPlace {
  storage::TopicPartition partition;
  int64_t record_bytes_max = 0;  // key and data
  // The stream's shards stay as they are while it is held.
  std::shared_ptr<const void> held{};
};
// Nothing when there is no such stream. Any shard.
using FindStreamPlace =
    std::function<Task<std::optional<StreamPlace>>(std::string stream, std::string partition_key)>;

}  // namespace mainstem::gateway::aws
