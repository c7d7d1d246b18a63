// How requests come to an HTTP endpoint: see endpoint_request.h. Private to this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/http/http_session.h"
#include "sink/firehose/record_client.h"

namespace mainstem::sink {

struct EndpointTarget {
  std::string url;
  std::vector<std::string> headers;  // but the request's id
  bool is_gzip = false;
  connector::HttpSessionOptions session;
};

std::unique_ptr<RecordClient> MakeEndpointClient(EndpointTarget target);

}  // namespace mainstem::sink
