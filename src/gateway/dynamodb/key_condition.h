// What Query asks of the key: the partition, and what range keys must be. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include "gateway/dynamodb/expression.h"
#include "gateway/dynamodb/table.h"

namespace mainstem::gateway::dynamodb {

struct KeyCondition {
  AttributeValue partition;
  // Sort texts (ItemKey): from the first to before the end; without an end, all behind.
  std::string sort_begin{};
  std::optional<std::string> sort_end{};

  bool HasSort(std::string_view sort) const {
    return sort >= sort_begin && (!sort_end || sort < *sort_end);
  }
};
// An AwsError when the condition is none of the keys'.
Result<KeyCondition> KeyConditionOf(const Condition& condition, const KeySchema& keys);

}  // namespace mainstem::gateway::dynamodb
