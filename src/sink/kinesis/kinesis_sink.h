// The connector 'kinesis' as a sink: rows as records of a Kinesis data stream, of Amazon or of this
// node. At least once, as in Flink: while the process lives nothing that was taken is sent again,
// after a crash what the position had not passed. Records of a partition of the delivery go one
// call after the other, in the order of the log; what a call did not take is sent again before
// anything else.
#pragma once

#include "connector/registry.h"
#include "connector/s3/s3_options.h"

namespace mainstem::sink {

// `defaults`: the environment variables that Amazon's tools know.
connector::ConnectorSpec KinesisSinkConnector(connector::S3Defaults defaults);

}  // namespace mainstem::sink
