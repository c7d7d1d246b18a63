// The version of the build, as `mainstem --version` and the console show it.
#pragma once

namespace mainstem::server {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace mainstem::server
