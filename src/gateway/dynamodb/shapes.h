// What the inputs of DynamoDB's operations may be, but for values of attributes and expressions,
// which are read where they are used. Immutable; any thread.
#pragma once

#include <string_view>

#include "gateway/aws/shape.h"

namespace mainstem::gateway::dynamodb {

// Null when there is no such operation.
const aws::Shape* FindShape(std::string_view operation);

}  // namespace mainstem::gateway::dynamodb
