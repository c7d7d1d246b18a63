// The current value of everything in the log that is not a record: the sum of all changes. Lives on
// the log's home shard.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/metadata.h"

namespace mainstem::storage {

struct MetaState {
  // Applying a change twice, or again after later ones were undone and redone, gives the same.
  void Apply(const Change& change);
  // Changes that make this state from an empty one.
  std::vector<Change> ToChanges() const;

  std::map<TopicId, TopicInfo> topics;
  std::map<Log::OffsetKey, CommittedOffset> offsets;
  std::map<std::string, JobEpoch> jobs;
  std::map<std::string, std::string> values;
  std::map<std::pair<std::string, TopicPartition>, Offset> pins;
  std::map<std::string, Transaction> transactions;  // by transactional id
  std::map<std::string, std::map<Log::OffsetKey, CommittedOffset>> pending_offsets;  // the same
  int64_t producer_id_end = 0;
};

// What a snapshot file holds: changes that are durable, up to `covered` at least.
struct Snapshot {
  uint64_t journal_id = 0;
  LogPosition covered;
  std::vector<Change> changes;
};

// File of format version 1, little-endian; rewritten as a whole, atomically:
//   0 magic u32 "MSSN" | 4 version u16 | 6 zero u16 | 8 journal id u64 | 16 covered u64
//   24 entries: payload bytes u32, type u8, payload (as in the journal) | CRC-32C u32 of all before
// Valid iff magic, version, lengths and CRC are right.
inline constexpr uint16_t kSnapshotVersion = 1;
std::string EncodeSnapshot(const Snapshot& snapshot);
// kCorruptStorage when it is not as it was written; kUnsupported when a later version wrote it.
Result<Snapshot> DecodeSnapshot(std::string_view bytes);

}  // namespace mainstem::storage
