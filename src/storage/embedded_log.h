// The log in this process: a journal, partitions spread over the shards, segment files. Opened from
// a data folder; opening it is recovery. See README.md for what it guarantees.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "core/env.h"
#include "core/logging.h"
#include "core/sync.h"
#include "storage/journal.h"
#include "storage/log.h"
#include "storage/meta_state.h"
#include "storage/shard_log.h"
#include "storage/transactions.h"

namespace mainstem::storage {

struct EmbeddedLogOptions {
  std::string data_dir;
  // Recent batches in memory, for readers at the tail and until they are in segments.
  int64_t cache_bytes = int64_t{128} << 20;
  int64_t journal_file_bytes = int64_t{64} << 20;
  int64_t journal_bytes_max = int64_t{1} << 30;  // bounds recovery
  int32_t default_partition_count = 1;
  Duration retention_check_interval = std::chrono::seconds(30);
  Duration compaction_check_interval = std::chrono::seconds(15);
  // Memory for the keys of one pass of compaction; what does not fit takes more passes.
  size_t compaction_key_bytes = size_t{32} << 20;
  // Of writes to segments and reads from them, each; a huge page, which direct I/O pins at once.
  size_t buffer_bytes = size_t{2} << 20;
  // The longest time that records stay in the journal only.
  Duration checkpoint_interval = std::chrono::seconds(60);
  int64_t producer_id_expiration_ms = 86400000;
  Logger logger = Logger::Silent();
  Metrics* metrics = nullptr;  // may be null; outlives the log
};

// Lifecycle: Open, calls from any shard, Stop (awaited before destruction). Calls after Stop fail
// with kUnavailable. A caller that is cancelled while it waits does not take back what it asked.
class EmbeddedLog final : public Log, public TransactionLog {
 public:
  // `env` outlives the log. One log per data folder at a time; the caller sees to it.
  static Task<std::unique_ptr<EmbeddedLog>> Open(Env* env, EmbeddedLogOptions options);
  ~EmbeddedLog() override;
  // Ends waits, writes what was accepted, brings files to a state that tools can read. ≤ 1 s on a
  // disk that works.
  Task<> Stop();
  // Brings all that is durable into segments and lets journal files be reused. Runs by itself.
  Task<> Checkpoint();
  // Deletes what is over the retention limits. Runs by itself.
  Task<> ApplyRetention();
  // Compacts the topics that are due. Runs by itself; one call at a time.
  Task<> Compact();
  // Names this data folder for ever.
  uint64_t journal_id() const { return journal_->journal_id(); }
  size_t journal_file_count() const { return journal_->file_count(); }
  // Of the journal, what is in no segment yet. Any thread.
  int64_t journal_pinned_bytes() const { return journal_->pinned_bytes(); }

  Task<TopicInfo> CreateTopic(std::string name, int32_t partition_count, TopicConfig config,
                              bool validate_only) override;
  Task<> DeleteTopic(TopicId id) override;
  void OnTopicDeleted(std::function<void(const std::string& topic)> forget) override;
  Task<TopicInfo> AddPartitions(TopicId id, int32_t new_count) override;
  Task<> ChangeTopicConfig(TopicId id, ConfigChange change, bool validate_only) override;
  std::vector<TopicInfo> ListTopics() const override;
  std::optional<TopicInfo> FindTopic(const std::string& name) const override;
  std::optional<TopicInfo> FindTopic(const TopicId& id) const override;

  Task<AppendResult> Append(TopicPartition partition, std::span<const std::byte> batches,
                            AppendOptions options) override;
  Task<> AppendEach(std::vector<PartitionAppend> appends, AppendOptions options) override;
  Task<ReadResult> Read(TopicPartition partition, Offset from, ReadOptions options) override;
  Task<bool> WaitForData(std::vector<std::pair<TopicPartition, Offset>> beyond,
                         TimePoint deadline) override;
  Task<PartitionOffsets> Offsets(TopicPartition partition) override;
  Task<OffsetForTime> FindByTime(TopicPartition partition, int64_t timestamp_ms) override;
  Task<OffsetForTime> FindMaxTimestamp(TopicPartition partition) override;
  Task<Offset> DeleteRecords(TopicPartition partition, Offset before) override;

  Task<ProducerId> NextProducerId() override;
  Task<> CommitOffsets(
      std::vector<std::pair<OffsetKey, std::optional<CommittedOffset>>> offsets) override;
  Task<std::vector<std::pair<OffsetKey, CommittedOffset>>> LoadOffsets() override;

  Task<> CommitEpoch(EpochCommit commit) override;
  Task<JobEpoch> LastEpoch(std::string job_id) override;
  Task<> ForgetJob(std::string job_id) override;
  Task<> PutMeta(std::string key, std::optional<std::string> value) override;
  Task<std::map<std::string, std::string>> ListMeta(std::string prefix) override;
  Task<> PinRetention(std::string holder, TopicPartition partition,
                      std::optional<Offset> from) override;

  Task<> PutTransaction(Transaction transaction) override;
  Task<> ForgetTransaction(std::string id) override;
  Task<> AddTransactionOffsets(std::string id,
                               std::vector<std::pair<OffsetKey, CommittedOffset>> offsets) override;
  Task<> EndTransaction(TransactionEnd end) override;
  Task<std::vector<Transaction>> LoadTransactions() override;
  Task<std::vector<PendingOffset>> LoadPendingOffsets() override;
  Task<std::vector<ProducerInfo>> ListProducers(TopicPartition partition) override;

 private:
  struct Recovery;
  struct PartitionFolder;
  // Serialises tasks of the home shard over their waits.
  class TaskLock {
   public:
    explicit TaskLock(Executor executor) : released_(executor) {}
    Task<> Acquire();
    void Release();

   private:
    bool held_ = false;
    Event released_;
  };
  using Partitions = std::vector<std::shared_ptr<Partition>>;
  struct TouchedShard;

  EmbeddedLog(Env* env, EmbeddedLogOptions options);
  size_t ShardOf(const TopicPartition& partition) const;
  Executor HomeExecutor() const { return env_->shard(0); }

  // Recovery (embedded_log_recovery.cc, embedded_log_snapshot.cc).
  Task<> Recover();
  Task<> LoadSnapshot(Recovery* recovery);
  Task<> CheckFolders(Recovery* recovery);
  Task<> SetFolderAside(std::string name);
  void ReportLost(Recovery* recovery);
  Task<> ReportSnapshot(std::string path, std::string flaw, bool exists);
  Task<> RebuildPartitions(Recovery* recovery, std::optional<Snapshot> copy);
  Task<> AdoptFolders(Recovery* recovery);
  Task<> AdoptTopic(Recovery* recovery, std::string name, std::vector<PartitionFolder> folders);
  void ChooseProducerIds(Recovery* recovery);
  void SkipLostEnds(Recovery* recovery);
  Task<> CloseLostEnds(Recovery* recovery);
  void StartBackground();

  // On the home shard.
  Task<TopicInfo> DoCreateTopic(std::string name, int32_t partition_count, TopicConfig config,
                                bool validate_only);
  Task<> PublishTopic(TopicInfo info, int32_t first_new_partition,
                      RoomFor what = RoomFor::kAnything);
  // Beside CheckNewTopicConfig, what this log can't keep.
  Status CheckConfig(const TopicConfig& config, const TopicConfig& before) const;
  Task<> DoDeleteTopic(TopicId id);
  Task<TopicInfo> DoAddPartitions(TopicId id, int32_t new_count);
  Task<> DoChangeTopicConfig(TopicId id, ConfigChange change, bool validate_only);
  // Journals the change and applies it to meta_.
  Task<> Commit(Change change, RoomFor what = RoomFor::kAnything);
  Task<ProducerId> DoNextProducerId();
  Task<> DoCommitEpoch(EpochCommit commit);
  // `may_miss`: appends to partitions that are gone are left out; else they are an error.
  Task<LogPosition> JournalTogether(const std::vector<EpochCommit::Append>& appends, Change change,
                                    bool may_miss);
  void FillFrame(const std::vector<const EpochCommit::Append*>& appends, EntryType change_type,
                 const std::string& change, const Reservation& room,
                 std::vector<TouchedShard>* shards);
  // Transactions (embedded_log_transactions.cc).
  Task<> DoPutTransaction(Transaction transaction);
  Task<> DoEndTransaction(TransactionEnd end);
  Task<> Admit(const Transaction& transaction);
  Task<> DoPinRetention(PinChange change);
  Task<> DoCheckpoint();
  Task<> FlushShards(LogPosition limit);
  Task<> WriteSnapshot(LogPosition covered);
  // Every shard has its turn, one after the other; gives the first error.
  Task<> OnEachShard(Task<> (ShardLog::*work)());
  Task<> RunCheckpoints();
  Task<> RunRetention();
  Task<> RunCompaction();
  Task<> DoStop();
  void OnDurable(LogPosition durable, uint64_t shard_mask);
  void OnFenced(const Status& status);
  void OnRoom();
  bool IsCheckpointDue() const;
  void EvictTo(LogPosition limit);
  std::shared_ptr<const Topic> FindState(const TopicId& id) const;
  void SetCatalog(std::shared_ptr<const Topic> topic);
  // Says what a read found broken, the same at most once a minute. Any thread.
  void NoteDamage(Offset from, const Status& status);

  Env* const env_;
  const EmbeddedLogOptions options_;
  const std::string topics_folder_;
  std::shared_ptr<ChunkPool> pool_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::shared_ptr<ShardLog>> shards_;

  mutable std::mutex catalog_mutex_;  // protects the two maps, for reads from any thread
  absl::flat_hash_map<TopicId, std::shared_ptr<const Topic>> topics_by_id_;
  absl::flat_hash_map<std::string, TopicId> ids_by_name_;

  std::mutex damage_mutex_;  // protects the next
  absl::flat_hash_map<std::string, TimePoint> damage_said_;

  // Home shard only.
  MetaState meta_;
  std::function<void(const std::string& topic)> forget_topic_;
  int64_t next_producer_id_ = 0;
  std::set<std::string> jobs_in_commit_;
  LogPosition covered_{0};  // by the newest snapshot
  LogPosition evicted_{0};
  bool checkpoint_due_ = false;
  bool snapshot_due_ = false;  // also when the journal has nothing new
  bool stopping_ = false;
  bool stopped_ = true;
  TaskLock topics_lock_;
  TaskLock epochs_lock_;
  TaskLock checkpoint_lock_;
  TaskLock ids_lock_;
  Event checkpoint_wake_;
  Event retention_wake_;
  Event compaction_wake_;
  TaskScope scope_;
};

}  // namespace mainstem::storage
