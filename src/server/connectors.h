// The connectors that are compiled in: one line each.
#pragma once

#include "connector/registry.h"

namespace mainstem::server {

connector::ConnectorRegistry MakeConnectorRegistry();

}  // namespace mainstem::server
