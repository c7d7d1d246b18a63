// ${NAME} in SQL files, for paths and addresses that differ from place to place. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"

namespace mainstem::process::sql {

// Replaces every ${NAME} by the value of "NAME=value" in `defines`. A name without a value is an
// error that says its line and which -D to give.
Result<std::string> Substitute(const std::string& script, const std::vector<std::string>& defines);

}  // namespace mainstem::process::sql
