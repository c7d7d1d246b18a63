// RFC 3986, section 2.
#pragma once

#include <string>
#include <string_view>

namespace mainstem::net {

// All but unreserved characters, and those of `kept`, as %XX of their bytes.
std::string PercentEncode(std::string_view text, std::string_view kept = {});

}  // namespace mainstem::net
