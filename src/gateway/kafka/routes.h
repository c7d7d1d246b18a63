// Which handler serves which API. An API without a route is not advertised, and asking for it
// closes the connection. Constant data; any thread.
#pragma once

#include "gateway/kafka/handlers/handlers.h"

namespace mainstem::gateway::kafka {

struct Route {
  ApiKey key;
  // Decodes the body that `body` stands at, calls the handler and encodes its answer. The context
  // and the bytes of the request live until the task has ended. An empty frame means no answer; a
  // Status that fails means the connection must be closed.
  Task<Frame> (*serve)(const RequestContext& context, const RequestHeader& header, Reader body);
};

// Null when the API is not served.
const Route* FindRoute(ApiKey key);

// The answer to an ApiVersions request of a version that is too new: error 35 in the format of
// version 0, with the versions of ApiVersions itself.
Frame RefuseApiVersions(int32_t correlation_id);

}  // namespace mainstem::gateway::kafka
