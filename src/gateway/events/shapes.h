// The input of each operation of EventBridge. Source: botocore's service model events 2015-10-07.
#pragma once

#include <string_view>

#include "gateway/aws/shape.h"

namespace mainstem::gateway::events {

// Null when there is no such operation. Built once; valid for ever.
const aws::Shape* FindShape(std::string_view operation);

}  // namespace mainstem::gateway::events
