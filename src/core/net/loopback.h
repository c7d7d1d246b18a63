// What is this machine talking to itself.
#pragma once

#include <string_view>

namespace mainstem::net {

// True for "localhost" and addresses of 127.0.0.0/8 and ::1, without port.
bool IsLoopbackHost(std::string_view host);
// The same of "address:port", as streams name their peers.
bool IsLoopback(std::string_view remote_address);

}  // namespace mainstem::net
