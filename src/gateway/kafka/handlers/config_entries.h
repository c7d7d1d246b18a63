// The configuration of topics and of the node as Kafka's tools see it.
#pragma once

#include <string>
#include <vector>

#include "gateway/kafka/settings.h"
#include "storage/log.h"

namespace mainstem::gateway::kafka {

enum class ConfigSource : int8_t { kTopic = 1, kStaticBroker = 4, kDefault = 5 };
// Kafka's numbers for the type of a configuration value.
enum class ConfigType : int8_t {
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kLong = 5,
  kDouble = 6,
  kList = 7,
};

struct ConfigEntry {
  std::string name;
  std::string value;
  std::string default_value;
  ConfigSource source = ConfigSource::kDefault;
  ConfigType type = ConfigType::kString;
  std::string documentation;
  bool read_only = false;
};

// Every key a topic may have, with its value and where that comes from.
std::vector<ConfigEntry> TopicConfigEntries(const storage::TopicConfig& config);
// What the node is set to, under Kafka's names; it can't be changed by clients.
std::vector<ConfigEntry> BrokerConfigEntries(const KafkaSettings& settings,
                                             const std::string& advertised_listener);

}  // namespace mainstem::gateway::kafka
