// The pages that are part of the program: the console at "/" and the page of the clickstream
// example.
#pragma once

#include "core/net/http_router.h"

namespace mainstem::server {

void AddPageRoutes(net::HttpRouter* router);

}  // namespace mainstem::server
