// The hash space of a stream: 128-bit keys, written as decimal numbers, cut into ranges that shards
// own. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mainstem::gateway::kinesis {

using HashKey = unsigned __int128;
inline constexpr HashKey kHashKeyMax = ~HashKey{0};

// Both ends belong to it.
struct HashKeyRange {
  HashKey first = 0;
  HashKey last = kHashKeyMax;
  bool operator==(const HashKeyRange&) const = default;
};

// MD5 of the partition key, read as a big-endian number.
HashKey HashKeyOf(std::string_view partition_key);
std::string FormatHashKey(HashKey key);
// Nothing unless it is a decimal number of the space, without leading zeros.
std::optional<HashKey> ParseHashKey(std::string_view text);
// Equal parts; the last one takes the remainder.
std::vector<HashKeyRange> EvenRanges(int32_t count);

}  // namespace mainstem::gateway::kinesis
