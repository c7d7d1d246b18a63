// Two connected streams in memory, for tests of protocol sessions without sockets: what one end
// writes, the other reads, in the pieces that were written. Both ends belong to one scheduler.
#pragma once

#include <memory>
#include <utility>

#include "core/env.h"

namespace mainstem::net {

// `buffer_limit`: bytes that may be on the way before a writer waits.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> MakeMemoryStreamPair(
    Executor executor, size_t buffer_limit = 1 << 20);

}  // namespace mainstem::net
