#include "core/config.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "core/suggest.h"

namespace mainstem {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
constexpr double kKibi = 1024;
constexpr Unit kByteUnits[] = {{"", 1},
                               {"b", 1},
                               {"k", kKibi},
                               {"kb", kKibi},
                               {"kib", kKibi},
                               {"m", kKibi* kKibi},
                               {"mb", kKibi* kKibi},
                               {"mib", kKibi* kKibi},
                               {"g", kKibi* kKibi* kKibi},
                               {"gb", kKibi* kKibi* kKibi},
                               {"gib", kKibi* kKibi* kKibi},
                               {"t", kKibi* kKibi* kKibi* kKibi},
                               {"tb", kKibi* kKibi* kKibi* kKibi},
                               {"tib", kKibi* kKibi* kKibi* kKibi}};
constexpr Unit kDurationUnits[] = {
    {"", 1},           {"ms", 1},           {"s", 1000},         {"sec", 1000},
    {"m", 60'000},     {"min", 60'000},     {"h", 3'600'000},    {"hour", 3'600'000},
    {"d", 86'400'000}, {"day", 86'400'000}, {"days", 86'400'000}};

Result<int64_t> ParseWithUnit(const std::string& text, std::span<const Unit> units,
                              const char* example) {
  double number = 0;
  const char* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number);
  std::string unit;
  for (const char* p = rest; p < end; ++p) {
    if (*p != ' ') unit += static_cast<char>(std::tolower(static_cast<unsigned char>(*p)));
  }
  for (const Unit& known : units) {
    if (error != std::errc() || number < 0 || unit != known.name) continue;
    double value = std::round(number * known.factor);
    if (value < 9.2e18) return static_cast<int64_t>(value);
  }
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("'{}' is not understood", text),
                    .hint = fmt::format("write it as {}", example)});
}

Result<bool> ParseBoolean(const std::string& text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = fmt::format("'{}' is not a boolean", text), .hint = "write true or false"});
}

Result<int64_t> ParseInteger(const std::string& text) {
  int64_t value = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size()) {
    return MakeError(ErrorCode::kInvalidArgument, fmt::format("'{}' is not an integer", text));
  }
  return value;
}

Status CheckType(ConfigType type, const std::string& text) {
  switch (type) {
    case ConfigType::kString: return Status::OK();
    case ConfigType::kInteger: return ParseInteger(text).status();
    case ConfigType::kBoolean: return ParseBoolean(text).status();
    case ConfigType::kBytes: return ParseBytes(text).status();
    case ConfigType::kDuration: return ParseDurationMs(text).status();
  }
  return Status::OK();
}

void Flatten(const YAML::Node& node, const std::string& prefix, Config::Values& out) {
  for (const auto& entry : node) {
    std::string key = prefix + entry.first.as<std::string>();
    if (entry.second.IsMap()) {
      Flatten(entry.second, key + ".", out);
    } else {
      out[key] = entry.second.IsNull() ? "" : entry.second.as<std::string>();
    }
  }
}

Result<Config::Values> ReadYaml(const Config::Sources& sources) {
  Config::Values values;
  if (sources.yaml_path.empty() && sources.yaml_text.empty()) return values;
  try {
    YAML::Node root = sources.yaml_path.empty() ? YAML::Load(sources.yaml_text)
                                                : YAML::LoadFile(sources.yaml_path);
    if (root.IsMap()) {
      Flatten(root, "", values);
    } else if (!root.IsNull()) {
      return MakeError(ErrorCode::kInvalidArgument, "the configuration file must be a YAML map");
    }
  } catch (const std::exception& error) {  // of YAML, or of the stream: a folder is no file
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = fmt::format("cannot read the configuration '{}'", sources.yaml_path),
         .detail = error.what()});
  }
  return values;
}

}  // namespace

Result<int64_t> ParseBytes(const std::string& text) {
  return ParseWithUnit(text, kByteUnits, "256MB or 4096");
}

Result<int64_t> ParseDurationMs(const std::string& text) {
  return ParseWithUnit(text, kDurationUnits, "500ms, 10s or 7d");
}

std::string EnvironmentName(const std::string& key) {
  std::string name = "MAINSTEM_";
  for (char c : key) {
    name +=
        c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::optional<std::string> EnvironmentVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<Config> Config::Load(std::vector<ConfigOption> options, const Sources& sources) {
  Config config;
  config.options_ = std::move(options);
  for (const ConfigOption& option : config.options_) {
    CHECK_OK(CheckType(option.type, option.default_value));
    config.values_[option.key] = {option.default_value, "default"};
  }
  ASSIGN_OR_RETURN(Values from_file, ReadYaml(sources));
  for (auto& [key, value] : from_file) RETURN_IF_ERROR(config.Set(key, value, "file"));
  for (const ConfigOption& option : config.options_) {
    if (!sources.environment) break;
    if (auto value = sources.environment(EnvironmentName(option.key))) {
      RETURN_IF_ERROR(config.Set(option.key, *value, "environment"));
    }
  }
  for (const auto& [key, value] : sources.command_line) {
    RETURN_IF_ERROR(config.Set(key, value, "command line"));
  }
  return config;
}

Status Config::Set(const std::string& key, std::string value, const std::string& origin) {
  for (const ConfigOption& option : options_) {
    if (option.key != key) continue;
    Status checked = CheckType(option.type, value);
    if (!checked.ok()) {
      ErrorText text = TextOf(checked);
      text.message = fmt::format("setting '{}' ({}): {}", key, origin, text.message);
      return MakeError(ErrorCode::kInvalidArgument, std::move(text));
    }
    values_[key] = {std::move(value), origin};
    return Status::OK();
  }
  std::vector<std::string> known;
  for (const ConfigOption& option : options_) known.push_back(option.key);
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("unknown setting '{}' ({})", key, origin),
                    .hint = SuggestionFor(key, known)});
}

const Config::Value& Config::Find(const std::string& key, ConfigType type) const {
  for (const ConfigOption& option : options_) {
    if (option.key == key) CHECK(option.type == type);
  }
  auto it = values_.find(key);
  CHECK(it != values_.end());
  return it->second;
}

const std::string& Config::GetString(const std::string& key) const {
  return Find(key, ConfigType::kString).text;
}
int64_t Config::GetInteger(const std::string& key) const {
  return *ParseInteger(Find(key, ConfigType::kInteger).text);
}
bool Config::GetBoolean(const std::string& key) const {
  return *ParseBoolean(Find(key, ConfigType::kBoolean).text);
}
int64_t Config::GetBytes(const std::string& key) const {
  return *ParseBytes(Find(key, ConfigType::kBytes).text);
}
int64_t Config::GetDurationMs(const std::string& key) const {
  return *ParseDurationMs(Find(key, ConfigType::kDuration).text);
}
const std::string& Config::OriginOf(const std::string& key) const {
  auto it = values_.find(key);
  CHECK(it != values_.end());
  return it->second.origin;
}

}  // namespace mainstem
