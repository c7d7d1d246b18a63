// Keeps web pages of strangers away from a node on this machine. A page can make its visitor's
// browser send requests to 127.0.0.1 (cross-site request forgery), and with a name of its own that
// resolves to 127.0.0.1 it could even read the answers (DNS rebinding). So a request must name this
// node as its host, and one that a browser sends for a page must come from a page of this node or
// of an allowed origin. Programs that are no browsers send no Origin and may use any address.
#pragma once

#include <string>
#include <vector>

#include "core/net/http_message.h"

namespace mainstem::net {

struct HttpAccessPolicy {
  // Names, without port, under which this node may be addressed, besides "localhost" and every IP
  // address (an address can't be rebound). {"*"} allows any.
  std::vector<std::string> allowed_hosts;
  // Origins, "https://shop.example", that may call routes with allow_cross_origin. {"*"}: any.
  std::vector<std::string> allowed_origins;

  // kPermissionDenied, with the setting to change in the hint.
  Status Check(const HttpRequest& request, bool allow_cross_origin) const;
  // The request's origin, when it is another site's and is allowed; else empty.
  std::string AllowedOrigin(const HttpRequest& request) const;
};

}  // namespace mainstem::net
