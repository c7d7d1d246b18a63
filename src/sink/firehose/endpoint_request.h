// Requests of Amazon Data Firehose to HTTP endpoints, and what they answer. Pure. Source: the
// guide's "HTTP endpoint delivery request and response specifications", version 1.0.
//   request   {"requestId": "<guid>", "timestamp": <ms>, "records": [{"data": "<base64>"}]}
//   answer    status 200, {"requestId": <the same>, "timestamp": <ms>, "errorMessage": "<of
//   errors>"}
#pragma once

#include <string>
#include <vector>

#include "connector/http/http_session.h"
#include "core/status.h"
#include "sink/firehose/record_client.h"

namespace mainstem::sink {

std::string EndpointBody(const RecordRequest& request,
                         const std::vector<const SentRecord*>& records);

// What `answer`, or that there was none, says of all `count` records of a request.
RecordAnswer EndpointAnswer(const RecordRequest& request,
                            const Result<connector::HttpAnswer>& answer, size_t count);

}  // namespace mainstem::sink
