// Ids of requests and events: random UUIDs (RFC 4122, version 4). Any thread.
#pragma once

#include <string>

#include "core/env.h"

namespace mainstem::gateway::aws {

std::string RandomId(Env* env);

}  // namespace mainstem::gateway::aws
