// Sequence numbers: a pure function of a shard and an offset, so that they need no memory of their
// own, survive restarts, and can be turned back. Decimal numbers of 56 or 57 digits, of 188 bits
// laid out as Amazon's (big-endian, version 2), so that they grow with the offset, and a child
// shard's are greater than its parents' because it was created later:
//
//   bits   4 | 36              | 4                 | 64    | 8 | 36              | 32    | 4
//          2 | shard created s | shard's low digit | index | 0 | shard created s | shard | 2
//
// index: 0 where a shard starts, offset + 1 of a record, 2^63 - 1 where it ends. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace mainstem::gateway::kinesis {

struct SequenceNumber {
  int64_t shard_created_s = 0;
  int32_t shard = 0;
  int64_t index = 0;
  bool operator==(const SequenceNumber&) const = default;
};

inline constexpr int64_t kFirstIndex = 0;
inline constexpr int64_t kLastIndex = INT64_MAX;
inline int64_t IndexOf(Offset offset) { return offset.value() + 1; }

std::string FormatSequenceNumber(const SequenceNumber& number);
// Nothing unless FormatSequenceNumber could have made it.
std::optional<SequenceNumber> ParseSequenceNumber(std::string_view text);

// "shardId-000000000012"
std::string ShardName(int32_t shard);
// Takes "shardId-000000000012", and as Amazon does "12" and "anything-12".
std::optional<int32_t> ParseShardName(std::string_view text);

}  // namespace mainstem::gateway::kinesis
