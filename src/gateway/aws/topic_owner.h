// Whose a topic is: one that a service of this node has made for its own records may be read
// through every door, and is changed through that service only. Implemented by gateway/logs and
// gateway/events, handed in by server/node.cc.
#pragma once

#include <functional>
#include <string>

#include "core/executor.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

// "log group /app/web"; empty: nobody's in particular. Any shard.
using FindTopicOwner = std::function<Task<std::string>(storage::TopicInfo topic)>;

}  // namespace mainstem::gateway::aws
