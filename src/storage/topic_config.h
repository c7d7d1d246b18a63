// A topic's configuration: Kafka's keys as text, checked, and the values that the log acts on.
#pragma once

#include <cstdint>

#include "core/status.h"
#include "storage/compression.h"
#include "storage/log.h"

namespace mainstem::storage {

// A topic has no more partitions.
inline constexpr int32_t kPartitionCountMax = 100'000;

// What a partition reads on its hot path; made from a TopicConfig.
struct EffectiveConfig {
  int64_t retention_ms = 604800000;  // -1: no limit
  int64_t retention_bytes = -1;
  int64_t segment_bytes = 1073741824;
  int64_t segment_ms = 604800000;
  int64_t index_interval_bytes = 4096;
  int64_t file_delete_delay_ms = 60000;
  size_t max_message_bytes = 1048588;
  bool log_append_time = false;
  int64_t timestamp_before_max_ms = INT64_MAX;
  int64_t timestamp_after_max_ms = 3600000;
  bool delete_policy = true;
  bool compact_policy = false;
  int64_t delete_retention_ms = 86400000;
  int64_t compaction_lag_min_ms = 0;
  int64_t compaction_lag_max_ms = INT64_MAX;
  double cleanable_dirty_ratio_min = 0.5;
  bool recompress = false;  // compression.type is not "producer"
  Codec codec = Codec::kNone;
};

// kInvalidConfig for an unknown key or a bad value, naming both.
Result<EffectiveConfig> ParseTopicConfig(const TopicConfig& config);
// What a topic is not given anew, though one that has it from before is opened: values out of
// Kafka's bounds, and those that ask for what this log does not do. `before`: what it has already.
Status CheckNewTopicConfig(const TopicConfig& config, const TopicConfig& before);
// kInvalidTopic unless [a-zA-Z0-9._-]{1,249}, not "." or "..".
Status CheckTopicName(const std::string& name);

// Topics that Mainstem makes for itself have names that begin so.
inline constexpr std::string_view kInternalTopicPrefix = "__mainstem";
// Of these, what holds refused records is the user's to look at and to delete.
inline constexpr std::string_view kQuarantineTopicPrefix = "__mainstem.quarantine.";

// What every door asks before it does something for a client; kChange: of the configuration or the
// number of partitions, and deletion of the topic or its records. kInvalidTopic.
enum class ClientUse : uint8_t { kCreate, kWrite, kChange };
Status CheckClientUse(std::string_view topic, ClientUse use);

}  // namespace mainstem::storage
