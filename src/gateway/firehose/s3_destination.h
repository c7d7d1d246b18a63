// What an S3DestinationConfiguration or ExtendedS3DestinationConfiguration means for files: options
// of the `filesystem` sink. Pure; any thread. Sources: the API reference of Amazon Data Firehose,
// and its guide's "Custom prefixes for Amazon S3 objects" and "Amazon S3 object name format".
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/status.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::firehose {

struct Buffer {
  int64_t megabytes = 5;
  int64_t seconds = 300;
};
// BufferingHints; an InvalidArgumentException for one without the other.
Result<Buffer> BufferOf(const aws::Value& configuration);
void DescribeBuffer(const aws::Value& configuration, aws::BodyWriter* answer);

// What records without a partition are called in ErrorOutputPrefix.
inline constexpr std::string_view kPartitionErrorType = "metadata-extraction-failed";

// Whether records go into objects by what is in them. What has no partition fails.
bool IsPartitioned(const aws::Value& configuration);

struct S3Destination {
  // Names of files begin so: "clicks-1" for version 1 of stream "clicks".
  std::string name;
  const aws::Value* configuration;  // checked against its shape
  // Of failed records: what ErrorOutputPrefix calls them; they are lines then.
  std::string_view error_type = {};
};
// Options of a `filesystem` table. An InvalidArgumentException for what contradicts itself or is
// not available here.
Result<std::map<std::string, std::string>> FileOptionsOf(const S3Destination& destination);

// The members of S3DestinationDescription, into a map that is open; with those of the extended one.
struct S3Description {
  bool extended = false;
};
void DescribeS3(const aws::Value& configuration, S3Description what, aws::BodyWriter* answer);

}  // namespace mainstem::gateway::firehose
