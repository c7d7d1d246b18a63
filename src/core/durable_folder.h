// Folders whose names outlive a power cut. The calls of Files and nothing else; any executor.
#pragma once

#include <string>

#include "core/env.h"

namespace mainstem {

// Makes the folder, and those around it that are missing, and makes their names durable. Fine when
// it is there; then the folder around it is synced all the same, because whoever made it may have
// died before that. `files` outlives the call. An error of the folders further above, which may
// not be ours to read, is left out.
Task<> MakeDurableFolder(Files* files, std::string path);

}  // namespace mainstem
