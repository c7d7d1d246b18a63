// A delivery stream as SQL: the script of its job. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "connector/job_service.h"
#include "core/status.h"
#include "gateway/firehose/delivery_stream.h"

namespace mainstem::gateway::firehose {

// An InvalidArgumentException when its destination contradicts itself or is not available here.
Result<connector::KeptJob> JobOf(std::string_view name, const DeliveryStream& stream);

}  // namespace mainstem::gateway::firehose
