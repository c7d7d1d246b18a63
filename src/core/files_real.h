// Files of the operating system; every call runs on the given pool. Used by env_real.cc only.
#pragma once

#include <memory>

#include "core/env.h"

namespace mainstem {

// `pool` outlives the result.
std::unique_ptr<Files> MakeRealFiles(BlockingPool* pool);

}  // namespace mainstem
