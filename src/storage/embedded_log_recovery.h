// What the start knows while it reads snapshot and journal. Internal to EmbeddedLog; on its home
// shard, before any shard uses its partitions.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/embedded_log.h"

namespace mainstem::storage {

struct EmbeddedLog::Recovery final : JournalVisitor {
  explicit Recovery(EmbeddedLog* log) : log(log) {}

  // ---- JournalVisitor
  Status OnEntry(const EntryView& entry, LogPosition sequence,
                 const ChunkPool::Chunk& chunk) override;
  void OnLost(JournalLoss loss) override;
  void OnTorn(std::string what) override;
  void OnForeign(std::string what) override;
  void OnGap(std::string what) override;
  // What is in memory stays within the cache: the rest goes to segments while we read.
  Task<> OnPause() override;

  Status Apply(Change change);
  Status SetTopic(const TopicInfo& info);
  // Forgets a topic and its partitions.
  void Drop(const TopicId& id);
  Partition* Find(const TopicPartition& id) const;

  // Records of a partition are lost, as far as it is one at the end.
  struct LostRange {
    TopicPartition partition;
    Offset begin;
    Offset end;
    std::string what;  // is damaged
  };

  EmbeddedLog* const log;
  uint64_t journal_id = 0;
  // The snapshot is lost: `partitions` come from their files, the rest from the snapshot's copy and
  // what the journal still has.
  bool is_rebuilt = false;
  bool has_copy = false;         // of the snapshot, when it is lost
  bool is_new = false;           // no snapshot and no topic, as in a new folder
  bool is_damaged = false;       // something that was durable is lost
  bool has_lost_frames = false;  // of the journal
  // Bytes of frames that were lost; partitions that had a record after the last of them have lost
  // nothing at their end.
  int64_t lost_bytes = 0;
  std::set<TopicPartition> known_ends{};
  std::vector<LostRange> lost{};
  std::map<TopicId, std::shared_ptr<const Topic>> topics{};
  std::map<TopicPartition, std::shared_ptr<Partition>> partitions{};
  std::map<std::string, TopicId> ids_by_name{};
};

}  // namespace mainstem::storage
