// Settings of `serve` and `run` from defaults, file, environment and flags.
#pragma once

#include "cli/command.h"
#include "core/config.h"
#include "server/settings.h"

namespace mainstem::cli {

// `defaults` replaces defaults of the table for this command.
Result<server::Settings> SettingsFromFlags(const SettingFlags& flags,
                                           const Config::Values& defaults);

}  // namespace mainstem::cli
