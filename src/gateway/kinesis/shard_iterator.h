// A place in a shard: what an iterator's token says. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "storage/log.h"

namespace mainstem::gateway::kinesis {

struct ShardIterator {
  storage::TopicId topic_id{};
  int32_t shard = 0;
  Offset offset;            // of the next record
  std::string stream_name;  // for messages, when the stream is gone
  bool operator==(const ShardIterator&) const = default;
};

inline constexpr char kShardIteratorKind = 'I';
inline constexpr int64_t kShardIteratorLifeMs = 300'000;

// topic id 16 bytes | shard i32 | offset i64 | stream name. Big-endian.
std::string EncodeShardIterator(const ShardIterator& iterator);
std::optional<ShardIterator> DecodeShardIterator(std::string_view bytes);

}  // namespace mainstem::gateway::kinesis
