// Settings of `serve` and `run` from defaults, file, environment and flags.
#include "cli/settings_from_flags.h"

#include <unistd.h>

#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "core/suggest.h"

namespace mainstem::cli {

namespace {

// A variable that is nearly one of a setting was meant to be it. Others of our prefix may be
// anybody's (Kubernetes makes MAINSTEM_SERVICE_HOST of a service's name).
Status CheckEnvironment(const std::vector<ConfigOption>& options) {
  constexpr size_t kSlips = 2;
  std::map<std::string, std::string> settings;  // variable, key
  for (const ConfigOption& option : options) {
    settings[EnvironmentName(option.key)] = option.key;
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text(*entry);
    std::string name(text.substr(0, text.find('=')));
    if (!name.starts_with("MAINSTEM_") || settings.contains(name)) continue;
    for (const auto& [variable, key] : settings) {
      if (EditDistance(name, variable) > kSlips) continue;
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = fmt::format("environment variable {} is no setting", name),
                        .hint = fmt::format("did you mean {}?", variable)});
    }
  }
  return Status::OK();
}

}  // namespace

Result<server::Settings> SettingsFromFlags(const SettingFlags& flags,
                                           const Config::Values& defaults) {
  Config::Sources sources;
  sources.yaml_path = flags.config_path;
  sources.environment = EnvironmentVariable;
  for (const auto& [key, value] : flags.flags) {
    if (value) sources.command_line[key] = *value;
  }
  for (const std::string& assignment : flags.assignments) {
    size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      return MakeError(ErrorCode::kInvalidArgument,
                       {.message = fmt::format("'--set {}' has no '='", assignment),
                        .hint = "write --set key=value"});
    }
    sources.command_line[assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  std::vector<ConfigOption> options = server::SettingTable();
  RETURN_IF_ERROR(CheckEnvironment(options));
  for (ConfigOption& option : options) {
    auto it = defaults.find(option.key);
    if (it != defaults.end()) option.default_value = it->second;
  }
  ASSIGN_OR_RETURN(Config config, Config::Load(std::move(options), sources));
  return server::MakeSettings(config);
}

}  // namespace mainstem::cli
