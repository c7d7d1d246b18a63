// AWS's query protocol as far as a client needs it to learn who it is: sts:GetCallerIdentity. Forms
// in, XML out. Pure; any thread.
#pragma once

#include <string>

#include "core/net/http_message.h"
#include "gateway/aws/credentials.h"

namespace mainstem::gateway::aws {

// A form that names an Action, in the body of a POST or in the query.
bool IsQueryProtocol(const net::HttpRequest& request);

struct StsOptions {
  std::string account = "000000000000";
  int64_t now_ms = 0;
  std::string request_id;
};
net::HttpResponse AnswerSts(const net::HttpRequest& request, const Credentials& credentials,
                            const StsOptions& options);

}  // namespace mainstem::gateway::aws
