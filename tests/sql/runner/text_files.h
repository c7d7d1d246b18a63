// A 'filesystem' source over texts in memory, for SQL tests in simulation: one split a file, one
// message a line, decoded by the real formats.
#pragma once

#include <map>
#include <string>

#include "connector/registry.h"

namespace mainstem::sqltest {

using TextFiles = std::map<std::string, std::string>;  // path -> contents

// `files` outlives the registry. `lines_per_read`: how many lines a batch has at most.
connector::ConnectorSpec TextFilesConnector(const TextFiles* files, size_t lines_per_read);

}  // namespace mainstem::sqltest
