// The bucket beside a destination that is none itself: what fails goes there, or everything. Pure;
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/status.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::firehose {

// Whether all records go to the bucket, too.
bool BacksUpAll(const aws::Value& configuration);

// `configuration` with its S3Configuration, into a map that is open; `all` and `failed`: what the
// modes are called.
struct BackupModes {
  std::string_view all;
  std::string_view failed;
};
void DescribeBackup(const aws::Value& configuration, BackupModes modes, aws::BodyWriter* answer);

// The configuration `before`, changed by an update with its S3Update, as JSON. The backup's mode
// can't change: an InvalidArgumentException.
Result<std::string> MergedWithBucket(const std::string& before, const aws::Value& update);

}  // namespace mainstem::gateway::firehose
