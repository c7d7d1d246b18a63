// What stands in a file that an option names for a secret ('password-file'): its text without white
// space at the end, 1 MiB at most. Read for each connection, so that a secret that was replaced
// counts without a restart. kInvalidArgument for an empty file; errors name the file, never what it
// holds.
#pragma once

#include <string>

#include "core/env.h"
#include "core/status.h"

namespace mainstem::connector {

Task<std::string> ReadSecretFile(Env* env, std::string path);
// The same where no coroutine runs: on the blocking pool only.
Result<std::string> ReadSecretFileBlocking(const std::string& path);

}  // namespace mainstem::connector
