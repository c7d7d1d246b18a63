#include "gateway/kafka/handlers/config_entries.h"

namespace mainstem::gateway::kafka {
namespace {

ConfigType TypeOf(storage::ConfigKind kind) {
  switch (kind) {
    case storage::ConfigKind::kString: return ConfigType::kString;
    case storage::ConfigKind::kInt: return ConfigType::kInt;
    case storage::ConfigKind::kLong: return ConfigType::kLong;
    case storage::ConfigKind::kDouble: return ConfigType::kDouble;
    case storage::ConfigKind::kBoolean: return ConfigType::kBoolean;
    case storage::ConfigKind::kList: return ConfigType::kList;
  }
  return ConfigType::kString;
}

std::string Milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// The topic key that a broker key is the default of.
constexpr std::pair<const char*, const char*> kBrokerDefaults[] = {
    {"log.retention.ms", "retention.ms"},
    {"log.retention.bytes", "retention.bytes"},
    {"log.segment.bytes", "segment.bytes"},
    {"log.roll.ms", "segment.ms"},
    {"log.cleanup.policy", "cleanup.policy"},
    {"log.message.timestamp.type", "message.timestamp.type"},
    {"message.max.bytes", "max.message.bytes"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"compression.type", "compression.type"},
};

}  // namespace

std::vector<ConfigEntry> TopicConfigEntries(const storage::TopicConfig& config) {
  std::vector<ConfigEntry> entries;
  for (const storage::ConfigKey& key : storage::TopicConfigKeys()) {
    ConfigEntry& entry = entries.emplace_back();
    entry.name = key.name;
    entry.default_value = key.default_value;
    entry.type = TypeOf(key.kind);
    entry.documentation = key.documentation;
    auto set = config.find(key.name);
    entry.value = set == config.end() ? key.default_value : set->second;
    entry.source = set == config.end() ? ConfigSource::kDefault : ConfigSource::kTopic;
  }
  return entries;
}

std::vector<ConfigEntry> BrokerConfigEntries(const KafkaSettings& settings,
                                             const std::string& advertised_listener) {
  std::vector<ConfigEntry> entries;
  auto add = [&entries](std::string name, std::string value, ConfigType type) {
    ConfigEntry& entry = entries.emplace_back();
    entry.name = std::move(name);
    entry.value = value;
    entry.default_value = std::move(value);
    entry.source = ConfigSource::kStaticBroker;
    entry.type = type;
    entry.read_only = true;
  };
  std::string node_id = std::to_string(settings.node_id);
  add("advertised.listeners", advertised_listener, ConfigType::kString);
  add("auto.create.topics.enable", settings.auto_create_topics ? "true" : "false",
      ConfigType::kBoolean);
  add("broker.id", node_id, ConfigType::kInt);
  add("connections.max.idle.ms", Milliseconds(settings.idle_max), ConfigType::kLong);
  add("default.replication.factor", "1", ConfigType::kInt);
  add("fetch.max.bytes", std::to_string(settings.fetch_bytes_max), ConfigType::kInt);
  add("group.initial.rebalance.delay.ms",
      Milliseconds(settings.groups.limits.initial_rebalance_delay), ConfigType::kInt);
  add("group.max.session.timeout.ms", Milliseconds(settings.groups.limits.session_timeout_max),
      ConfigType::kInt);
  add("group.min.session.timeout.ms", Milliseconds(settings.groups.limits.session_timeout_min),
      ConfigType::kInt);
  add("log.dirs", settings.data_directory, ConfigType::kList);
  add("node.id", node_id, ConfigType::kInt);
  add("offset.metadata.max.bytes", std::to_string(settings.offset_metadata_bytes_max),
      ConfigType::kInt);
  add("offsets.retention.minutes",
      std::to_string(
          std::chrono::duration_cast<std::chrono::minutes>(settings.groups.offsets_retention)
              .count()),
      ConfigType::kInt);
  add("socket.request.max.bytes", std::to_string(settings.request_bytes_max), ConfigType::kInt);
  add("transaction.max.timeout.ms", Milliseconds(settings.transactions.timeout_max),
      ConfigType::kInt);
  add("transactional.id.expiration.ms", Milliseconds(settings.transactions.expiration),
      ConfigType::kInt);
  for (const auto& [broker_name, topic_name] : kBrokerDefaults) {
    for (const storage::ConfigKey& key : storage::TopicConfigKeys()) {
      if (key.name != topic_name) continue;
      add(broker_name, key.default_value, TypeOf(key.kind));
      entries.back().source = ConfigSource::kDefault;
    }
  }
  return entries;
}

}  // namespace mainstem::gateway::kafka
