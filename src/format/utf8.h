// Text that is not UTF-8 must not reach a STRING column: Arrow's kernels rely on it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace mainstem::format {

// `text` itself, or a copy in `scratch` with U+FFFD in place of what is not UTF-8.
std::string_view ReplaceInvalidUtf8(std::string_view text, std::string* scratch);

}  // namespace mainstem::format
