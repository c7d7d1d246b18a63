// What an HttpEndpointDestinationConfiguration means: options of the `firehose-endpoint` sink, and
// where its failed records go. Pure; any thread. Source: the API reference of Amazon Data Firehose.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/status.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::firehose {

// What failed records are called in ErrorOutputPrefix.
inline constexpr std::string_view kHttpErrorType = "http-endpoint-failed";

// Options of a `firehose-endpoint` table; `arn`: of the delivery stream. An
// InvalidArgumentException for what contradicts itself or is not available here.
Result<std::map<std::string, std::string>> EndpointOptionsOf(const aws::Value& configuration,
                                                             const std::string& arn);
// The members of HttpEndpointDestinationDescription, into a map that is open.
void DescribeHttp(const aws::Value& configuration, aws::BodyWriter* answer);

}  // namespace mainstem::gateway::firehose
