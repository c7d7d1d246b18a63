// Finding the topic and partition that a request names, by name or (newer versions) by id.
#pragma once

#include <optional>
#include <string>

#include "gateway/kafka/error_codes.h"
#include "gateway/kafka/handlers/handlers.h"

namespace mainstem::gateway::kafka {

struct FoundTopic {
  std::optional<storage::TopicInfo> info;
  KafkaError error = KafkaError::kNone;  // when there is no info

  // kNone when the partition exists.
  KafkaError CheckPartition(int32_t index) const;
  storage::TopicPartition Partition(int32_t index) const { return {info->id, PartitionId(index)}; }
};
FoundTopic FindTopicByName(const storage::Log& log, const std::string& name);
FoundTopic FindTopicById(const storage::Log& log, const Uuid& id);

// A client's idea of the leader epoch (-1: none) against ours.
KafkaError CheckLeaderEpoch(int32_t epoch);

bool IsLegalTopicName(const std::string& name);
// Why a topic that is not there may not have this name; nothing when it may. It must be legal and
// none of Mainstem's own, and "a.b" and "a_b" would be the same metric name: Kafka refuses the
// second one.
std::optional<std::string> WhyNotNamed(const storage::Log& log, const std::string& name);

// What a person should read about a failure.
std::optional<std::string> ErrorMessage(const Status& status);

}  // namespace mainstem::gateway::kafka
