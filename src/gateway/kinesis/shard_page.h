// A place in a listing of shards: which ones are wanted, and after which one it goes on. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/kinesis/stream.h"

namespace mainstem::gateway::kinesis {

enum class ShardFilterType : uint8_t {
  kFromTrimHorizon,  // all whose data has not expired: what is listed without a filter, too
  kAfterShardId,
  kAtTrimHorizon,
  kAtLatest,
  kAtTimestamp,
  kFromTimestamp,
};
std::optional<ShardFilterType> ParseShardFilter(std::string_view name);

struct ShardPage {
  storage::TopicId topic_id{};
  ShardFilterType filter = ShardFilterType::kFromTrimHorizon;
  int64_t time_ms = 0;  // of the filters by time
  int64_t now_ms = 0;   // when the listing began
  std::string after{};  // a shard's name; empty: from the first
};
// filter u8 | time i64 | now i64 | topic id 16 bytes | after. Big-endian.
std::string EncodeShardPage(const ShardPage& page);
std::optional<ShardPage> DecodeShardPage(std::string_view bytes);

// In order of their numbers. Point into `stream`.
std::vector<const Shard*> SelectShards(const Stream& stream, const ShardPage& page);

}  // namespace mainstem::gateway::kinesis
