// 'connector' = 'redshift': a table of Amazon Redshift, loaded as Amazon wants it: rows go to files
// in S3, COPY reads them into a temporary table, and from there they are merged, in one transaction
// with the position (redshift_table.h). Exactly once.
#pragma once

#include "connector/registry.h"
#include "connector/s3/s3_options.h"

namespace mainstem::sink {

connector::ConnectorSpec RedshiftSinkConnector(connector::S3Defaults defaults);

}  // namespace mainstem::sink
