// TCP of the operating system over Asio. Used by env_real.cc only.
#pragma once

#include <memory>

#include "core/env.h"

namespace mainstem {

std::unique_ptr<Network> MakeRealNetwork();

}  // namespace mainstem
