// What compaction leaves of one record batch. Offsets, sequence numbers and the producer stay as
// they are; records go. A tombstone stays for a time after the first pass that sees it: then the
// batch gets bit 6 and, as its base timestamp, the time from which its tombstones may go (the
// delete horizon); timestamps of records count from there. Pure functions over bytes; they take
// long, so they run on the blocking pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ids.h"
#include "core/status.h"
#include "storage/key_offsets.h"
#include "storage/log.h"
#include "storage/record_batch.h"

namespace mainstem::storage {

inline constexpr int kDeleteHorizonBit = 64;

struct CompactionRules {
  const KeyOffsets* newest = nullptr;
  // In the order of their markers; all other transactions in what is compacted are committed.
  const std::vector<AbortedTransaction>* aborted = nullptr;
  Offset mapped_end;  // `newest` knows what lies before it; all from there on stays
  int64_t now_ms = 0;
  int64_t delete_retention_ms = 0;
};

struct CompactedBatch {
  enum class Kind : uint8_t { kSame, kChanged, kEmpty };
  Kind kind = Kind::kSame;
  std::vector<std::byte> bytes{};  // kChanged only
  int64_t max_timestamp = -1;      // of what stays
  // From when tombstones that stay may go; -1: there are none.
  int64_t delete_horizon_ms = -1;
};

// Control batches stay as they are, batches of aborted transactions go. kInvalidRecord for broken
// records, kCorruptMessage for a wrong CRC: what is damaged is not made to look right.
Result<CompactedBatch> CompactBatch(std::span<const std::byte> batch, const CompactionRules& rules);
// A batch without records in the place of `batch`.
std::vector<std::byte> MakeEmptyBatch(std::span<const std::byte> batch);
// Notes the newest offsets of the keys in `batch` from `from` to before `end`, as far as there is
// room. What it knows then ends at the returned offset: `end` or the batch's end, unless it is
// full.
struct MappedKeys {
  Offset end;
  bool is_full = false;
};
Result<MappedKeys> MapKeys(std::span<const std::byte> batch, Offset from, Offset end,
                           const std::vector<AbortedTransaction>& aborted, KeyOffsets* newest);

}  // namespace mainstem::storage
