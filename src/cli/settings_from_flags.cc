// Settings of `serve` and `run` from defaults, file, environment and flags.
#include "cli/settings_from_flags.h"

#include <cstdlib>

#include <fmt/format.h>

namespace mainstem::cli {

Result<server::Settings> SettingsFromFlags(const SettingFlags& flags,
                                           const Config::Values& defaults) {
  Config::Sources sources;
  sources.yaml_path = flags.config_path;
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
  for (const auto& [key, value] : flags.flags) {
    if (!value.empty()) sources.command_line[key] = value;
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
  for (ConfigOption& option : options) {
    auto it = defaults.find(option.key);
    if (it != defaults.end()) option.default_value = it->second;
  }
  ASSIGN_OR_RETURN(Config config, Config::Load(std::move(options), sources));
  return server::MakeSettings(config);
}

}  // namespace mainstem::cli
