// The input of each operation of CloudWatch Logs. Source: botocore's service model logs 2014-03-28.
#pragma once

#include <string_view>

#include "gateway/aws/shape.h"

namespace mainstem::gateway::logs {

// Null when there is no such operation. Built once; valid for ever.
const aws::Shape* FindShape(std::string_view operation);

}  // namespace mainstem::gateway::logs
