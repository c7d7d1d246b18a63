// The connector 'filesystem' as a source: a file, a folder or a glob of the local disk or of a
// bucket, read once, or followed when 'source.monitor-interval' is set. One split for each file.
#pragma once

#include "connector/registry.h"
#include "connector/s3/s3_options.h"

namespace mainstem::source {

connector::ConnectorSpec FileSourceConnector(connector::S3Defaults defaults);

}  // namespace mainstem::source
