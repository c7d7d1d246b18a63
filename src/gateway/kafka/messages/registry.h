// All message types as data: for tests, fuzzing and tools that walk every message and version
// without naming each. Sessions do not need it. Constant data; any thread.
#pragma once

#include <memory>
#include <span>

#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"

namespace mainstem::gateway::kafka {

struct MessageType {
  ApiKey api;
  bool is_request;
  const Schema* schema;
  std::shared_ptr<void> (*make)();  // default-initialised
};

// A request and a response for each row of AllApis(), in that order.
std::span<const MessageType> AllMessageTypes();

}  // namespace mainstem::gateway::kafka
