// The connectors that are compiled in: one line each.
#pragma once

#include "connector/registry.h"
#include "connector/s3/s3_options.h"

namespace mainstem::server {

connector::ConnectorRegistry MakeConnectorRegistry(connector::S3Defaults s3);

}  // namespace mainstem::server
