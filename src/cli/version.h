// The version of the build, as `mainstem --version` and the console show it.
#pragma once

namespace mainstem::cli {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace mainstem::cli
