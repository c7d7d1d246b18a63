// Where the remains of damaged files go: nothing that was durable is deleted.
#pragma once

#include <cstdint>
#include <string>

#include "core/env.h"

namespace mainstem::storage {

// `prefix` with the first number behind it that makes a name nobody has.
Task<std::string> FirstFreeName(Files* files, std::string prefix);
// Renames a file to `<path>.set-aside-N`, durably; returns that name.
Task<std::string> MoveAside(Files* files, std::string path);
// Copies `file` from `from` to `end` to a new file. Its contents are durable, its name is not yet.
Task<> CopyAside(Files* files, File* file, int64_t from, int64_t end, std::string to);

}  // namespace mainstem::storage
