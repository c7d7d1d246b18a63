// --from-savepoint and --ignore-unclaimed-state, of `run` and `job submit`.
#pragma once

#include <map>
#include <string>

#include <CLI/App.hpp>

namespace mainstem::cli {

struct SavepointFlags {
  std::string path;
  bool ignore_unclaimed = false;
};

// `flags` outlives the parsing.
void AddSavepointFlags(CLI::App& command, SavepointFlags& flags);
// What SET would say in the script; relative paths begin at the working directory of this process.
std::map<std::string, std::string> SettingsOf(const SavepointFlags& flags);

}  // namespace mainstem::cli
