// RFC 2104 with SHA-256.
#pragma once

#include <string>
#include <string_view>

namespace mainstem::net {

// 32 bytes.
std::string HmacSha256(std::string_view key, std::string_view text);

}  // namespace mainstem::net
