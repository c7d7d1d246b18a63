#include "cli/savepoint_flags.h"

#include <filesystem>

#include <CLI/CLI.hpp>

namespace mainstem::cli {

void AddSavepointFlags(CLI::App& command, SavepointFlags& flags) {
  command.add_option("--from-savepoint", flags.path,
                     "folder of the savepoint that the job goes on from");
  command.add_flag("--ignore-unclaimed-state", flags.ignore_unclaimed,
                   "leave out state of the savepoint that the script has no use for");
}

std::map<std::string, std::string> SettingsOf(const SavepointFlags& flags) {
  std::map<std::string, std::string> settings;
  if (flags.path.empty()) return settings;
  const bool is_url = flags.path.find(":/") != std::string::npos;
  settings["execution.state-recovery.path"] =
      is_url ? flags.path : std::filesystem::absolute(flags.path).string();
  if (flags.ignore_unclaimed) {
    settings["execution.state-recovery.ignore-unclaimed-state"] = "true";
  }
  return settings;
}

}  // namespace mainstem::cli
