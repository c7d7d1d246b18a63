// How requests come to an HTTP endpoint: see endpoint_request.h. Private to this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/http/http_session.h"
#include "sink/http/endpoint_request.h"

namespace mainstem::sink {

struct EndpointTarget {
  std::string url;
  std::vector<std::string> headers;  // but the request's id
  bool is_gzip = false;
  connector::HttpSessionOptions session;
};

// Not thread-safe; one request at a time.
class EndpointClient {
 public:
  virtual ~EndpointClient() = default;
  // Any answer is an answer, whatever its status. `records` live until it is there.
  virtual Task<connector::HttpAnswer> Post(EndpointRequest request,
                                           std::vector<const EndpointRecord*> records) = 0;
};

std::unique_ptr<EndpointClient> MakeHttpEndpointClient(EndpointTarget target);

}  // namespace mainstem::sink
