// Requests of Amazon Data Firehose to HTTP endpoints, and what they answer. Pure. Source: the
// guide's "HTTP endpoint delivery request and response specifications", version 1.0.
//   request   {"requestId": "<guid>", "timestamp": <ms>, "records": [{"data": "<base64>"}]}
//   answer    status 200, {"requestId": <the same>, "timestamp": <ms>, "errorMessage": "<of
//   errors>"}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connector/http/http_session.h"
#include "core/status.h"

namespace mainstem::sink {

struct EndpointRecord {
  std::string data;
  int64_t arrival_ms = 0;
};

struct EndpointRequest {
  std::string id;
  int64_t timestamp_ms = 0;
};
std::string EndpointBody(const EndpointRequest& request,
                         const std::vector<const EndpointRecord*>& records);

// OK when the endpoint has taken them; else kUnavailable with what it said.
Status CheckEndpointAnswer(const EndpointRequest& request, const connector::HttpAnswer& answer);

// A record that could not be delivered, as a line of JSON in the form of Amazon's error records.
struct EndpointFailure {
  int64_t attempt_count = 0;
  int64_t ended_ms = 0;
  std::string_view code;
  std::string_view message;
};
std::string FailedRecordLine(const EndpointRecord& record, const EndpointFailure& failure);

}  // namespace mainstem::sink
