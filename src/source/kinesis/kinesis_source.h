// The connector 'kinesis' as a source: a Kinesis data stream, of Amazon, of this node or of who
// else speaks its protocol, by polling.
#pragma once

#include "connector/registry.h"
#include "connector/s3/s3_options.h"

namespace mainstem::source {

// `defaults`: the environment variables that Amazon's tools know.
connector::ConnectorSpec KinesisSourceConnector(connector::S3Defaults defaults);

}  // namespace mainstem::source
