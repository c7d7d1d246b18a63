#include "core/config.h"

#include <gtest/gtest.h>

namespace mainstem {
namespace {

std::vector<ConfigOption> Options() {
  return {{"kafka.listen", ConfigType::kString, "127.0.0.1:9092", "address"},
          {"memory", ConfigType::kBytes, "512MB", "budget"},
          {"log.flush.interval", ConfigType::kDuration, "10 s", "interval"},
          {"topics.auto-create", ConfigType::kBoolean, "true", "create on demand"}};
}

TEST(ConfigTest, LaterSourcesOverrideEarlierOnes) {
  Config::Sources sources;
  sources.yaml_text = "kafka:\n  listen: 1.2.3.4:1\nmemory: 1GiB\nlog: {flush: {interval: 5s}}\n";
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "MAINSTEM_MEMORY") return "2GB";
    if (name == "MAINSTEM_TOPICS_AUTO_CREATE") return "false";
    return std::nullopt;
  };
  sources.command_line = {{"memory", "3 GB"}};
  Config config = *Config::Load(Options(), sources);
  EXPECT_EQ(config.GetString("kafka.listen"), "1.2.3.4:1");
  EXPECT_EQ(config.GetBytes("memory"), int64_t{3} << 30);
  EXPECT_EQ(config.OriginOf("memory"), "command line");
  EXPECT_EQ(config.GetDurationMs("log.flush.interval"), 5000);
  EXPECT_FALSE(config.GetBoolean("topics.auto-create"));
}

TEST(ConfigTest, RefusesAnUnknownKeyWithTheNearName) {
  Config::Sources sources;
  sources.command_line = {{"kafka.listne", "x"}};
  Status status = Config::Load(Options(), sources).status();
  EXPECT_EQ(Describe(status),
            "unknown setting 'kafka.listne' (command line) (hint: did you mean 'kafka.listen'?)");
}

TEST(ConfigTest, RefusesAValueOfTheWrongKind) {
  Config::Sources sources;
  sources.yaml_text = "memory: lots";
  Status status = Config::Load(Options(), sources).status();
  EXPECT_EQ(Describe(status),
            "setting 'memory' (file): 'lots' is not understood (hint: write it as 256MB or 4096)");
  sources.yaml_text = "[1, 2";
  EXPECT_FALSE(Config::Load(Options(), sources).ok());
}

TEST(ConfigTest, UnderstandsUnits) {
  EXPECT_EQ(*ParseBytes("4096"), 4096);
  EXPECT_EQ(*ParseBytes("1.5 MiB"), 1572864);
  EXPECT_EQ(*ParseDurationMs("7 days"), 604800000);
  EXPECT_EQ(*ParseDurationMs("1.5s"), 1500);
  EXPECT_FALSE(ParseDurationMs("-1s").ok());
  EXPECT_FALSE(ParseDurationMs("5 parsecs").ok());
}

}  // namespace
}  // namespace mainstem
