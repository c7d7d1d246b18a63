// The partitions of one shard: appends, reads, waits, and the background work on their files. Every
// member runs on the shard's executor; EmbeddedLog hops there.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "core/env.h"
#include "core/sync.h"
#include "storage/batch_times.h"
#include "storage/journal.h"
#include "storage/log.h"
#include "storage/partition.h"

namespace mainstem::storage {

class ShardLog {
 public:
  static constexpr size_t kFlushTaskCount = 4;  // partitions written to segments at a time

  struct Limits {
    size_t open_file_count = 256;
    size_t buffer_bytes = size_t{2} << 20;  // see EmbeddedLogOptions
    int64_t producer_id_expiration_ms = 86400000;
    size_t compaction_key_bytes = size_t{32} << 20;
    const Logger* logger = nullptr;
  };
  // What is borrowed outlives this object.
  ShardLog(Env* env, Journal* journal, size_t shard, std::string topics_folder, Limits limits);

  // ---- the Log interface
  Task<AppendResult> Append(TopicPartition id, std::span<const std::byte> batches,
                            AppendOptions options);
  Task<> AppendEach(std::vector<PartitionAppend> appends, AppendOptions options);
  Task<ReadResult> Read(TopicPartition id, Offset from, ReadOptions options);
  Task<PartitionOffsets> Offsets(TopicPartition id);
  Task<OffsetForTime> FindByTime(TopicPartition id, int64_t timestamp_ms);
  Task<OffsetForTime> FindMaxTimestamp(TopicPartition id);
  Task<Offset> DeleteRecords(TopicPartition id, Offset before);
  // True when one already has data beyond its offset, or is gone; else the waiter is kept.
  Task<bool> AddWaiter(std::vector<std::pair<TopicPartition, Offset>> beyond,
                       std::shared_ptr<DataWaiter> waiter);
  void RemoveWaiter(const std::vector<std::pair<TopicPartition, Offset>>& beyond,
                    const std::shared_ptr<DataWaiter>& waiter);

  // ---- changes that are not record batches (any kind; topics are the caller's affair)
  // Journals them in one frame, runs `apply` on this shard when they are durable, in the order of
  // the journal, and waits for that.
  Task<> Journalled(std::vector<Change> changes, UniqueFunction apply,
                    RoomFor what = RoomFor::kAnything);
  // For entries that were journalled by the caller.
  void ApplyWhenDurable(LogPosition sequence, UniqueFunction apply);

  // ---- transactions
  // The producer of the transaction may write to the partitions, as far as they exist.
  Task<> Admit(std::vector<TopicPartition> partitions, ProducerId id, ProducerEpoch epoch);
  Task<std::vector<ProducerInfo>> ListProducers(TopicPartition id);

  // ---- epoch commits and ends of transactions: lock gives the next offsets (-1: there is no such
  // partition), install shows what was journalled.
  Task<std::vector<Offset>> Lock(std::vector<TopicPartition> partitions);
  struct Installed {
    TopicPartition partition;
    std::span<const std::byte> batch;  // offsets set; empty: nothing, only unlock
  };
  Task<> Install(std::vector<Installed> batches, LogPosition sequence, ChunkPool::Chunk chunk);

  // ---- partitions
  std::shared_ptr<Partition> MakePartition(TopicPartition id, std::shared_ptr<const Topic> topic);
  Task<> AddPartition(std::shared_ptr<Partition> partition);
  Task<> UpdateTopic(TopicPartition id, std::shared_ptr<const Topic> topic);
  // Ends its waits and deletes its files.
  Task<> RemovePartition(TopicPartition id);
  Task<> SetPin(TopicPartition id, std::string holder, std::optional<Offset> from);
  std::shared_ptr<Partition> Find(TopicPartition id) const;
  // By id: what touches files goes in this order, so that one seed of the simulation is one run.
  std::vector<std::shared_ptr<Partition>> InOrder() const;

  // ---- background work
  Task<> Flush(LogPosition limit);
  // `durable`: all up to there is, whether this shard has heard of it or not.
  Task<std::vector<Change>> Snapshot(LogPosition durable);
  // What Snapshot told last is on disk.
  Task<> OnSnapshotWritten();
  void Evict(LogPosition limit);
  Task<> ApplyRetention();
  // Compacts the partitions that are due, one after the other.
  Task<> Compact();
  // Brings files to their exact length, for tools; until `deadline`.
  Task<> Settle(TimePoint deadline);

  // ---- from the journal
  void OnDurable(LogPosition durable);
  void OnFenced(Status status);
  void OnRoom();
  // Ends all waits; nothing is accepted from here on. Flushes fail after `flush_end`.
  Task<> Close(TimePoint flush_end);
  Task<> WaitDurable(LogPosition sequence);
  // Waits until the journal takes `bytes`. kDiskFull and the like when it can't.
  Task<> WaitForRoom(size_t bytes, RoomFor what = RoomFor::kAnything);

 private:
  struct Accepted {
    AppendResult result;
    LogPosition sequence;
  };
  struct Checked {
    BatchHeader header;
    std::span<const std::byte> bytes;
    bool has_wrong_time = false;  // `header` has the right one, `bytes` has not
  };
  Result<std::shared_ptr<Partition>> Require(TopicPartition id) const;
  Status CheckTimestamps(const EffectiveConfig& config, const BatchTimes& times) const;
  Result<std::vector<Checked>> CheckBatches(const Partition& partition,
                                            std::span<const std::byte> batches,
                                            const AppendOptions& options) const;
  Task<std::vector<std::byte>> Recompress(std::vector<Checked> batches, Codec codec);
  class Place;
  Task<> WaitForTurn(const Place& place, size_t bytes);
  Task<AppendResult> AppendAt(std::unique_ptr<Place> place, std::span<const std::byte> batches,
                              AppendOptions options);
  Task<> AppendLater(std::unique_ptr<Place> place, PartitionAppend append, AppendOptions options);
  Result<std::optional<Accepted>> AcceptAtOnce(const std::shared_ptr<Partition>& partition,
                                               std::span<const std::byte> batches,
                                               const AppendOptions& options);
  Result<Accepted> Accept(const std::shared_ptr<Partition>& partition,
                          const std::vector<Checked>& batches, size_t space);
  static size_t SpaceOfAll(const std::vector<Checked>& batches);
  Task<> FlushSome(std::deque<std::shared_ptr<Partition>>* todo, LogPosition limit, Status* first);
  class FileUse;
  Task<> DropSegments(std::shared_ptr<Partition> partition);
  Task<> DropExpired(std::shared_ptr<Partition> partition, int64_t now_ms);
  Task<> RetainOne(std::shared_ptr<Partition> partition, int64_t now_ms);
  Task<> CompactOne(std::shared_ptr<Partition> partition);
  Task<> CompactOnce(std::shared_ptr<Partition> partition, Offset from, Offset end);
  Task<> JournalCompaction(std::shared_ptr<Partition> partition, CompactionChange change,
                           Segments::Cleaned cleaned);
  Task<> MoveLogStart(std::shared_ptr<Partition> partition, Offset log_start);
  static Offset LeaveOutUncommitted(const Partition& partition, Offset from, Offset end,
                                    const ReadOptions& options, ReadResult* result);
  Task<int64_t> MaxTimestampInBatch(SharedBytes batch, Offset from);
  Task<int64_t> MaxTimestampWithin(TopicPartition id, Offset from, Offset end);
  Task<OffsetForTime> FindInBatch(SharedBytes batch, Offset from, int64_t timestamp_ms);

  Env* const env_;
  Journal* const journal_;
  const size_t shard_;
  const std::string topics_folder_;
  const Limits limits_;
  OpenFiles open_files_;
  std::shared_ptr<ChunkPool> buffers_;
  ReadAhead read_ahead_;
  absl::flat_hash_map<TopicPartition, std::shared_ptr<Partition>> partitions_;

  // Who waits for a flush, by frame.
  struct FlushWait {
    LogPosition sequence;
    std::unique_ptr<Event> event;
  };
  // What becomes visible with a flush.
  struct Pending {
    LogPosition sequence;
    std::shared_ptr<Partition> partition;  // whose high watermark becomes `end`, or null
    Offset end;
    UniqueFunction apply;
  };
  void AddPending(Pending pending);
  LogPosition durable_{0};
  Status fence_;
  bool closed_ = false;
  TimePoint flush_end_ = TimePoint::max();
  std::deque<FlushWait> flush_waits_;
  std::vector<std::unique_ptr<Event>> spent_events_;  // notified, with waiters yet to run
  std::deque<Pending> pending_;
  Event room_event_;
  Event file_event_;  // a partition's file_user_count fell
};

}  // namespace mainstem::storage
