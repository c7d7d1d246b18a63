// Where a record goes that a service of this node writes by itself to a Kinesis stream, or to a
// delivery stream of Firehose: log subscriptions, event targets. Implemented by gateway/kinesis and
// gateway/firehose, handed in by server/node.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/executor.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

struct StreamPlace {
  storage::TopicPartition partition;
  int64_t record_bytes_max = 0;  // key and data
  // The stream's shards stay as they are while it is held.
  std::shared_ptr<const void> held{};
};
// What a delivery stream's name stands behind; no Kinesis stream is called so.
inline constexpr std::string_view kDeliveryStreamPrefix = "deliverystream/";
// `stream`: "clicks", or "deliverystream/clicks", which takes no notice of the key. Nothing when
// there is no such stream. Any shard.
using FindStreamPlace =
    std::function<Task<std::optional<StreamPlace>>(std::string stream, std::string partition_key)>;

}  // namespace mainstem::gateway::aws
