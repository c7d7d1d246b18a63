#include "gateway/kafka/handlers/partitions.h"

#include <algorithm>

#include "storage/topic_config.h"

namespace mainstem::gateway::kafka {

KafkaError FoundTopic::CheckPartition(int32_t index) const {
  if (!info) return error;
  bool exists = index >= 0 && index < info->partition_count;
  return exists ? KafkaError::kNone : KafkaError::kUnknownTopicOrPartition;
}

FoundTopic FindTopicByName(const storage::Log& log, const std::string& name) {
  return {log.FindTopic(name), KafkaError::kUnknownTopicOrPartition};
}

FoundTopic FindTopicById(const storage::Log& log, const Uuid& id) {
  return {log.FindTopic(id), KafkaError::kUnknownTopicId};
}

KafkaError CheckLeaderEpoch(int32_t epoch) {
  if (epoch < 0 || epoch == kLeaderEpoch) return KafkaError::kNone;
  return epoch < kLeaderEpoch ? KafkaError::kFencedLeaderEpoch : KafkaError::kUnknownLeaderEpoch;
}

bool IsLegalTopicName(const std::string& name) {
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::optional<std::string> WhyNotNamed(const storage::Log& log, const std::string& name) {
  if (!IsLegalTopicName(name)) {
    return "a topic name has 1 to 249 of the characters a-z A-Z 0-9 . _ -";
  }
  if (Status refused = storage::CheckClientUse(name, storage::ClientUse::kCreate); !refused.ok()) {
    return Describe(refused);
  }
  if (name.find_first_of("._") == std::string::npos) return std::nullopt;
  auto metric_name = [](std::string text) {
    std::replace(text.begin(), text.end(), '.', '_');
    return text;
  };
  const std::string wanted = metric_name(name);
  for (const storage::TopicInfo& topic : log.ListTopics()) {
    if (topic.name == name || metric_name(topic.name) != wanted) continue;
    return fmt::format(
        "topic '{}' collides with existing topic '{}': '.' and '_' are the same in metric names",
        name, topic.name);
  }
  return std::nullopt;
}

std::optional<std::string> ErrorMessage(const Status& status) {
  if (status.ok()) return std::nullopt;
  return Describe(status);
}

}  // namespace mainstem::gateway::kafka
