// The HTTP request that a target of an API destination gets of an event. Pure; any thread.
// Source: EventBridge user guide, "API destinations as targets", "Connections for API endpoint
// targets".
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "gateway/aws/value.h"

namespace mainstem::gateway::events {

struct ApiRequest {
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
};

struct ApiRequestParts {
  const aws::Value& destination;  // as CreateApiDestination takes it
  const aws::Value& connection;   // as CreateConnection takes it
  const aws::Value& parameters;   // a target's HttpParameters; null: none
  const aws::Value& event;        // what paths among them point into
  std::string_view input;         // the body
  std::string_view delivery;      // the same for every try of an event: "Idempotency-Key"
};
// Of names that stand in both, the connection's counts. Characters that would end a header are
// blanks.
ApiRequest MakeApiRequest(const ApiRequestParts& parts);

// Of a target's HttpParameters: values that begin with "$." are paths. kInvalidArgument.
Status CheckHttpParameters(const aws::Value& parameters);
// A token of RFC 9110, as a header's name must be.
bool IsHeaderName(std::string_view text);

}  // namespace mainstem::gateway::events
