// One partition: the batches that are in memory, offsets, producers, and its segments. Its state is
// touched on its shard only, by ShardLog, which decides when.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "storage/chunk_pool.h"
#include "storage/data_waiters.h"
#include "storage/log.h"
#include "storage/metadata.h"
#include "storage/partition_transactions.h"
#include "storage/producer_state.h"
#include "storage/record_batch.h"
#include "storage/segments.h"
#include "storage/topic_config.h"

namespace mainstem::storage {

// A topic as partitions see it; replaced as a whole when its configuration changes.
struct Topic {
  TopicInfo info;
  EffectiveConfig config;
};

// A batch in memory, in a frame of the journal.
struct TailBatch {
  Offset base_offset;
  Offset last_offset;
  int64_t max_timestamp = 0;
  std::span<const std::byte> bytes;
  LogPosition sequence;
  ChunkPool::Chunk chunk;
};

class Partition {
 public:
  Partition(TopicPartition id, std::shared_ptr<const Topic> topic, SegmentAccess access,
            const std::string& topics_folder);

  // Before use, after a restart.
  void Restore(const PartitionState& state);
  // The same from its files alone. Records up to `known_end` were there, if it is known.
  Task<> Rebuild(Offset known_end);
  // A batch that recovery read from the journal. It continues what is known, or is part of it.
  void Replay(std::span<const std::byte> batch, LogPosition sequence,
              const ChunkPool::Chunk& chunk);

  // What lies before is lost.
  void SkipTo(Offset next) { next_offset = high_watermark = next; }

  // A batch whose offsets are set is in the journal's frame: durable once `sequence` is.
  void Push(const BatchHeader& header, std::span<const std::byte> bytes, LogPosition sequence,
            const ChunkPool::Chunk& chunk);
  // Records before `end` are durable. Tells who waits for them.
  void SetHighWatermark(Offset end);
  void SetLogStart(Offset log_start);
  // A marker: its producer may write no more in this transaction.
  void AcceptMarker(const BatchHeader& marker, int64_t now_ms);
  // The marker is durable: what it ends is open no more. Before SetHighWatermark passes it.
  void EndTransaction(const BatchHeader& marker, bool committed);
  // Committed reads end here.
  Offset last_stable_offset() const;

  // From memory, from `from` to `end`; `from` lies at or after tail_begin().
  std::vector<SharedBytes> ReadTail(Offset from, Offset end, size_t max_bytes) const;
  Offset tail_begin() const;
  const TailBatch* FindTailByTime(Offset from, int64_t timestamp_ms) const;

  // Of what is durable in batches that begin at or after `from`; -1: nothing.
  int64_t TailMaxTimestamp(Offset from) const;

  // Writes what is in frames up to `limit` to segments; durable when it returns.
  Task<> Flush(LogPosition limit);
  // Forgets batches in frames up to `limit` that are in segments.
  void Evict(LogPosition limit);
  bool HasUnflushed(LogPosition limit) const;
  PartitionState Snapshot() const;
  // Where the log may start by retention, not passing a pin.
  Offset RetentionPoint(int64_t now_ms) const;
  // Whether even the last segment is too old; what is in no segment yet may be younger.
  bool ActiveSegmentExpired(int64_t now_ms) const;
  Offset PinnedFrom() const;

  // ---- compaction
  struct CompactionPlan {
    Offset from;  // the first offset that no pass has seen
    Offset end;   // what may be compacted ends here
  };
  // What to compact now; nothing when it is not worth it.
  std::optional<CompactionPlan> PlanCompaction(int64_t now_ms) const;
  // Whether the active segment must end so that its records are compacted in time.
  bool ActiveSegmentHoldsUpCompaction(int64_t now_ms) const;
  // A step that is durable.
  void ApplyCompaction(const CompactionChange& change, const Segments::Cleaned& cleaned);
  Status ReplayCompaction(const CompactionChange& change);
  void RestoreCompaction(const PartitionCompactionState& state);
  PartitionCompactionState CompactionSnapshot() const;
  int64_t compaction_generation() const { return compaction_.generation; }
  Offset cleaned_to() const { return compaction_.cleaned_to; }
  int64_t delete_horizon_ms() const { return compaction_.delete_horizon_ms; }
  // The snapshot that is being written; it is written.
  void NoteSnapshot();
  void OnSnapshotWritten() { closed_in_snapshot_ = closed_in_next_snapshot_; }
  int64_t size_bytes() const;
  // No batch lies at the end: a reader would never get there.
  bool EndsInHole() const;

  const TopicPartition id;
  const std::string folder;
  std::shared_ptr<const Topic> topic;
  Offset log_start{0};
  Offset high_watermark{0};
  Offset next_offset{0};
  Offset flushed{0};  // all before lies in segments
  ProducerStates producers;
  PartitionTransactions transactions;
  Segments segments;
  std::map<std::string, Offset> pins;
  DataWaiters data_waiters;
  // Appends that wait for room, in order of arrival.
  std::list<int> queue;
  bool locked = false;         // an epoch commit holds the next offset
  bool deleted = false;        // the topic is gone
  bool is_compacting = false;  // its closed segments stay
  int64_t compaction_not_before_ms = 0;
  int file_user_count = 0;  // flush or retention is at work on the files

 private:
  // What a batch tells of its producer. Recovery has no better time than its own, which may be long
  // after the producer wrote and lets the state live longer: clients choose their timestamps.
  void Learn(std::span<const std::byte> batch, const BatchHeader& header);
  size_t FirstUnflushed() const;
  void NoteStep(const CompactionChange& change);
  Env* const env_;
  std::deque<TailBatch> tail_;
  int64_t unflushed_bytes_ = 0;
  PartitionCompactionState compaction_;  // without segments
  // Segments before it are closed also in the newest snapshot: recovery finds them as they are.
  Offset closed_in_snapshot_{0};
  Offset closed_in_next_snapshot_{0};
};

}  // namespace mainstem::storage
