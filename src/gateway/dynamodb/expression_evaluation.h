// What expressions say of an item, and do to it. Pure; any thread.
#pragma once

#include <optional>
#include <vector>

#include "gateway/dynamodb/expression.h"

namespace mainstem::gateway::dynamodb {

// An item that is not there is an empty one.
bool Holds(const Condition& condition, const Item& item);

struct UpdateOutcome {
  Item item;
  std::vector<Path> touched;  // for ReturnValues
};
// All values are taken from the item as it was. An AwsError, and nothing done, when a value or a
// place is not there, or of the wrong type.
Result<UpdateOutcome> ApplyUpdate(const Update& update, const Item& before);

// Null when there is nothing.
const AttributeValue* FindValue(const Path& path, const Item& item);
// Only what lies at the paths, within the maps and lists that lead there.
Item Project(const std::vector<Path>& paths, const Item& item);
// -1, 0, 1 of two texts, numbers or binaries; nothing of other types, or of different ones.
std::optional<int> CompareValues(const AttributeValue& a, const AttributeValue& b);

}  // namespace mainstem::gateway::dynamodb
