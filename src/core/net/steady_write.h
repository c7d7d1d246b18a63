// How long a peer may take for what is sent to it: as long as it takes some all the time, a second
// for each 16 KiB.
#pragma once

#include <span>
#include <vector>

#include "core/env.h"

namespace mainstem::net {

// Bodies and answers get a second for each 16 KiB, on top of their timeout.
Duration TransferTime(size_t bytes);

// Writes all pieces, in slices of 256 KiB. kTimedOut when a slice is not taken within `timeout`, or
// all of it not within that and its transfer time. `executor`: of the calling task.
Task<> WriteSteadily(Executor executor, Stream* stream,
                     std::vector<std::span<const std::byte>> pieces, Duration timeout);

}  // namespace mainstem::net
