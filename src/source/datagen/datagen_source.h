// The connector 'datagen': makes rows up, at a given pace. Rows are a function of (seed, row
// index), so that a restart goes on exactly where the checkpoint stood.
#pragma once

#include "connector/registry.h"

namespace mainstem::source {

connector::ConnectorSpec DatagenConnector();

}  // namespace mainstem::source
