// The connector 'filesystem' as a sink: rows into Parquet, Avro, JSON or CSV files of a folder on
// the local disk (file_commit.h) or of a bucket (object_target.h), exactly once.
#pragma once

#include "connector/registry.h"
#include "connector/s3/s3_options.h"

namespace mainstem::sink {

connector::ConnectorSpec FileSinkConnector(connector::S3Defaults defaults);

}  // namespace mainstem::sink
