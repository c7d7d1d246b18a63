// What a stream is beyond its topic: when it was made, its lineage of shards, tags, consumers. Kept
// in the log's journal as a small value under "kinesis/streams/<topic id>", in JSON, rewritten as a
// whole by each change. Plain values; any thread. The decoder is fuzzed (stream_meta_fuzz.cc).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "gateway/kinesis/hash_key.h"
#include "storage/log.h"

namespace mainstem::gateway::kinesis {

// Shard i is partition i. `parent` and `adjacent` name earlier shards.
struct ShardMeta {
  HashKeyRange range;
  int64_t created_ms = 0;
  std::optional<int32_t> parent{};
  std::optional<int32_t> adjacent{};  // the other one of a merge
  int64_t closed_ms = 0;              // 0: it takes records, or is being closed (has children)
  // A Kafka client added the partition to a stream with a lineage of its own: it can be read, and
  // no key is sent to it.
  bool added = false;
  bool operator==(const ShardMeta&) const = default;
};

struct ConsumerMeta {
  std::string name;
  int64_t created_ms = 0;
  std::map<std::string, std::string> tags{};
  bool operator==(const ConsumerMeta&) const = default;
  // Whatever its tags are by now.
  bool IsSameRegistration(const ConsumerMeta& other) const {
    return name == other.name && created_ms == other.created_ms;
  }
};

struct StreamMeta {
  int64_t created_ms = 0;
  bool on_demand = false;
  int32_t record_kib_max = 1024;
  std::map<std::string, std::string> tags{};
  std::vector<ConsumerMeta> consumers{};
  // Empty until the stream is resharded: then all partitions share the hash space evenly, however
  // many a Kafka client makes of them.
  std::vector<ShardMeta> shards{};
  bool operator==(const StreamMeta&) const = default;
};

std::string EncodeStreamMeta(const StreamMeta& meta);
// kCorruptStorage when it is no such text or names shards that can't be.
Result<StreamMeta> DecodeStreamMeta(std::string_view text);

inline constexpr std::string_view kStreamMetaPrefix = "kinesis/streams/";
std::string StreamMetaKey(const storage::TopicId& id);
std::optional<storage::TopicId> ParseStreamMetaKey(std::string_view key);

}  // namespace mainstem::gateway::kinesis
