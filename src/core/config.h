// Configuration: one flat set of documented keys ("kafka.listen"). A value comes from, in rising
// order: default, YAML file (nested maps join with dots), environment (MAINSTEM_KAFKA_LISTEN),
// command line (--kafka-listen or --set kafka.listen=...). Unknown keys are refused with the near
// name; so are values of the wrong kind. Immutable once loaded; any thread may read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/status.h"

namespace mainstem {

enum class ConfigType : uint8_t { kString, kInteger, kBoolean, kBytes, kDuration };

struct ConfigOption {
  std::string key;
  ConfigType type;
  std::string default_value;
  std::string help;
};

class Config {
 public:
  using Values = std::map<std::string, std::string>;
  struct Sources {
    std::string yaml_path;  // empty: none
    std::string yaml_text;  // used when yaml_path is empty
    // What getenv gives; a function so that tests need no environment.
    std::function<std::optional<std::string>(const std::string&)> environment;
    Values command_line;
  };
  static Result<Config> Load(std::vector<ConfigOption> options, const Sources& sources);

  // The key must be among the options and of that type: else a programmer error.
  const std::string& GetString(const std::string& key) const;
  int64_t GetInteger(const std::string& key) const;
  bool GetBoolean(const std::string& key) const;
  int64_t GetBytes(const std::string& key) const;       // "256MB", "1GiB", "4096"
  int64_t GetDurationMs(const std::string& key) const;  // "500ms", "10 s", "7d"
  // Where the value came from: "default", "file", "environment", "command line".
  const std::string& OriginOf(const std::string& key) const;
  const std::vector<ConfigOption>& options() const { return options_; }

 private:
  struct Value {
    std::string text;
    std::string origin;
  };
  Status Set(const std::string& key, std::string value, const std::string& origin);
  const Value& Find(const std::string& key, ConfigType type) const;

  std::vector<ConfigOption> options_;
  std::map<std::string, Value> values_;
};

// "256 MB" (powers of 1024 for every unit, as memory is counted) and "1.5 s".
Result<int64_t> ParseBytes(const std::string& text);
Result<int64_t> ParseDurationMs(const std::string& text);
// "kafka.listen" -> "MAINSTEM_KAFKA_LISTEN"
std::string EnvironmentName(const std::string& key);
// Of this process; nothing when it is not set.
std::optional<std::string> EnvironmentVariable(const std::string& name);

}  // namespace mainstem
