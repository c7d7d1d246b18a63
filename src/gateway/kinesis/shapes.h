// The input of each operation of Kinesis Data Streams.
#pragma once

#include <string_view>

#include "gateway/aws/shape.h"

namespace mainstem::gateway::kinesis {

// Null when there is no such operation. Built once; valid for ever.
const aws::Shape* FindShape(std::string_view operation);

}  // namespace mainstem::gateway::kinesis
