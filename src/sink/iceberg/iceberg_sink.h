// The connector 'iceberg': rows into a table of Apache Iceberg, of a REST catalog or of one that is
// nothing but files, exactly once (connector/iceberg/table_commit.h).
#pragma once

#include "connector/registry.h"
#include "connector/s3/s3_options.h"

namespace mainstem::sink {

connector::ConnectorSpec IcebergSinkConnector(connector::S3Defaults defaults);

}  // namespace mainstem::sink
