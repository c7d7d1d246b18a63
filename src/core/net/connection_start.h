// How a connection of an HttpServer begins: which protocol it speaks. Internal to core/net.
#pragma once

#include <memory>
#include <string>

#include "core/net/routed_exchange.h"

namespace mainstem::net {

struct ConnectionStart {
  std::unique_ptr<Stream> stream;  // null: it was ended with an answer
  std::string input;               // read already, of the protocol
  bool http2 = false;
};
// Reads as much as it takes to know, and shakes hands for TLS.
Task<ConnectionStart> StartConnection(HttpServerShared* shared, std::unique_ptr<Stream> stream);

}  // namespace mainstem::net
