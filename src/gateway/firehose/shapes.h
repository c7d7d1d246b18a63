// What inputs of Firehose's operations may be. Source: botocore's service model of firehose,
// 2015-08-04. Internal to gateway/firehose.
#pragma once

#include <string_view>

#include "gateway/aws/shape.h"

namespace mainstem::gateway::firehose {

// Null when there is no such operation.
const aws::Shape* FindShape(std::string_view operation);

}  // namespace mainstem::gateway::firehose
