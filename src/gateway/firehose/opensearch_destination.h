// What an AmazonopensearchserviceDestinationConfiguration means: options of the
// `firehose-opensearch` sink, and where its failed documents go. Pure; any thread. Source: the API
// reference of Amazon Data Firehose.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/status.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::firehose {

// What failed documents are called in ErrorOutputPrefix.
inline constexpr std::string_view kOpenSearchErrorType = "AmazonOpenSearchService-failed";

// Options of a `firehose-opensearch` table; `stream_id`: in documents' ids, of no other stream. An
// InvalidArgumentException for what contradicts itself or is not available here.
Result<std::map<std::string, std::string>> DocumentOptionsOf(const aws::Value& configuration,
                                                             const std::string& stream_id);

// The members of AmazonopensearchserviceDestinationDescription, into a map that is open. Of the
// endpoint without user and password.
void DescribeOpenSearch(const aws::Value& configuration, aws::BodyWriter* answer);

}  // namespace mainstem::gateway::firehose
