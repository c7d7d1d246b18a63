// A log in memory for tests of gateways and jobs: topics, records, offsets of groups, epochs and
// meta values without a disk. It may outlive who uses it, so that a test can throw a whole
// JobManager away and start another ("crash"). Everything is visible at once; no retention.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "storage/log.h"
#include "storage/transactions.h"

namespace mainstem::storage {

// Thread-safe.
class MemoryLog final : public Log, public TransactionLog {
 public:
  explicit MemoryLog(Env* env) : env_(env) {}
  // The clock of who uses it now, after a simulated restart.
  void set_env(Env* env) { env_ = env; }

  // Fails CommitEpoch with what this returns, before (nothing happens) or after the commit.
  struct CommitFault {
    Status before;
    Status after;
  };
  std::function<CommitFault(const EpochCommit&)> commit_hook;
  // Fails PutMeta with what this returns, before it happens.
  std::function<Status(const std::string& key, const std::optional<std::string>& value)> meta_hook;
  Status create_topic_error;  // of CreateTopic
  // Appends to these partitions (of any topic) fail.
  std::map<PartitionId, Status> append_errors;
  // Others take that long.
  Duration append_delay{};
  // What AddPartitions fails with.
  Status partition_error;
  // From when new partitions are there until AddPartitions returns.
  Duration partition_delay{};
  // Of all partitions: an open transaction begins here.
  Offset stable_end{INT64_MAX};
  // Of all partitions: reads find nothing from here on.
  Offset readable_end{INT64_MAX};

  Task<TopicInfo> CreateTopic(std::string name, int32_t partition_count, TopicConfig config,
                              bool validate_only) override;
  Task<> DeleteTopic(TopicId id) override;
  void OnTopicDeleted(std::function<void(const std::string& topic)> forget) override {
    forget_topic_ = std::move(forget);
  }
  Task<TopicInfo> AddPartitions(TopicId id, int32_t new_count) override;
  Task<> ChangeTopicConfig(TopicId id, ConfigChange change, bool validate_only) override;
  std::vector<TopicInfo> ListTopics() const override;
  std::optional<TopicInfo> FindTopic(const std::string& name) const override;
  std::optional<TopicInfo> FindTopic(const TopicId& id) const override;
  Task<AppendResult> Append(TopicPartition partition, std::span<const std::byte> batches,
                            AppendOptions options) override;
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

  // Of transactions it keeps states and offsets, no markers and no order among records.
  Task<> PutTransaction(Transaction transaction) override;
  Task<> ForgetTransaction(std::string id) override;
  Task<> AddTransactionOffsets(std::string id,
                               std::vector<std::pair<OffsetKey, CommittedOffset>> offsets) override;
  Task<> EndTransaction(TransactionEnd end) override;
  Task<std::vector<Transaction>> LoadTransactions() override;
  Task<std::vector<PendingOffset>> LoadPendingOffsets() override;
  Task<std::vector<ProducerInfo>> ListProducers(TopicPartition partition) override;

 private:
  struct Batch {
    Offset base;
    Offset next;
    int64_t max_timestamp = 0;
    std::shared_ptr<const std::vector<std::byte>> bytes;
  };
  struct Partition {
    Offset start{0};
    Offset end{0};
    std::vector<Batch> batches;
  };
  // Under the lock.
  Result<Partition*> Find(const TopicPartition& where);
  static Status AppendTo(Partition* partition, std::span<const std::byte> batches, bool trusted);

  Env* env_;
  mutable std::mutex mutex_;  // guards everything below; never held across a wait
  std::map<std::string, TopicInfo> topics_;
  std::function<void(const std::string& topic)> forget_topic_;
  std::map<TopicPartition, Partition> partitions_;
  std::map<std::string, JobEpoch> epochs_;
  std::map<std::string, std::string> meta_;
  std::map<OffsetKey, CommittedOffset> offsets_;
  std::map<std::string, Transaction> transactions_;
  std::vector<PendingOffset> pending_;
  int64_t next_id_ = 1;
};

}  // namespace mainstem::storage
