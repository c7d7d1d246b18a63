// An error as AWS tells it: a name that SDKs act on, a message, an HTTP status. Carried in a
// Status, so that it passes through coroutines like any other. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/net/http_message.h"
#include "core/status.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::aws {

struct AwsError {
  std::string name;  // "ResourceNotFoundException"
  std::string message;
  int http_status = 400;
  // Errors of types are told with a capital M, as AWS does.
  bool capital_message = false;
  // Members of the error beside its message. May be empty.
  std::function<void(BodyWriter* out)> write_more{};
};

Status MakeAwsError(AwsError error);
inline Status MakeAwsError(std::string name, std::string message) {
  return MakeAwsError(AwsError{.name = std::move(name), .message = std::move(message)});
}
inline Status InvalidArgument(std::string message) {
  return MakeAwsError("InvalidArgumentException", std::move(message));
}

// The error that MakeAwsError was given; for others the nearest that SDKs know: what may work later
// is one that they try again.
AwsError ToAwsError(const Status& status);
// The envelope of the JSON and CBOR protocols: {"__type", "message"}.
net::HttpResponse ErrorResponse(BodyCodec codec, const AwsError& error);

}  // namespace mainstem::gateway::aws
