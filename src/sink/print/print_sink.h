// The connector 'print': rows as text on standard output or standard error, one line each:
// "+I[a, 1]", after the identifier if one is given.
#pragma once

#include "connector/registry.h"

namespace mainstem::sink {

connector::ConnectorSpec PrintConnector();

// One line for each row, each ended by a newline. `identifier` may be empty.
std::string PrintedRows(const ChangelogBatch& batch, const std::string& identifier);

}  // namespace mainstem::sink
