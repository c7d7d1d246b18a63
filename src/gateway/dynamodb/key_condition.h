// What Query asks of the key: the partition, and what range keys must be. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include "gateway/dynamodb/expression.h"
#include "gateway/dynamodb/table_definition.h"

namespace mainstem::gateway::dynamodb {

struct KeyCondition {
  AttributeValue partition;
  std::optional<Condition> range{};
};
// An AwsError when the condition is none of the keys'.
Result<KeyCondition> KeyConditionOf(const Condition& condition, const KeySchema& keys);

}  // namespace mainstem::gateway::dynamodb
