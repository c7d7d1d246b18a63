#include "sink/kafka/partitioner.h"

#include <bit>
#include <cstring>

namespace mainstem::sink {

static_assert(std::endian::native == std::endian::little, "the hash reads little-endian words");

uint32_t MurmurHash2(std::string_view bytes) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  constexpr uint32_t kSeed = 0x9747b28c;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(bytes.size());
  while (bytes.size() >= 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data(), 4);
    word *= kMultiplier;
    word ^= word >> 24;
    hash = (hash * kMultiplier) ^ (word * kMultiplier);
    bytes.remove_prefix(4);
  }
  if (!bytes.empty()) {
    uint32_t rest = 0;
    std::memcpy(&rest, bytes.data(), bytes.size());
    hash = (hash ^ rest) * kMultiplier;
  }
  hash = (hash ^ (hash >> 13)) * kMultiplier;
  return hash ^ (hash >> 15);
}

int32_t Partitioner::Choose(std::optional<std::string_view> key, int32_t partition_count) const {
  auto count = static_cast<uint32_t>(partition_count);
  if (kind_ == PartitionerKind::kFixed) return static_cast<int32_t>(writer_index_ % count);
  if (kind_ == PartitionerKind::kDefault && key) {
    return static_cast<int32_t>((MurmurHash2(*key) & 0x7fffffff) % count);
  }
  return static_cast<int32_t>(batch_index_ % count);
}

}  // namespace mainstem::sink
