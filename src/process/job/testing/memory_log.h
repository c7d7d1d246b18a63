// A log in memory for tests of jobs: topics, epochs and meta values without a disk. Outlives the
// jobs that use it, so that a test can throw a whole JobManager away and start another ("crash").
// Everything is visible at once; there are no groups and no retention by time.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "storage/log.h"

namespace mainstem::process::testing {

// Thread-safe.
class MemoryLog final : public storage::Log {
 public:
  explicit MemoryLog(Env* env) : env_(env) {}
  // The clock of who uses it now, after a simulated restart.
  void set_env(Env* env) { env_ = env; }

  // Fails CommitEpoch with what this returns, before (nothing happens) or after the commit.
  struct CommitFault {
    Status before;
    Status after;
  };
  std::function<CommitFault(const storage::EpochCommit&)> commit_hook;

  Task<storage::TopicInfo> CreateTopic(std::string name, int32_t partition_count,
                                       storage::TopicConfig config, bool validate_only) override;
  Task<> DeleteTopic(storage::TopicId id) override;
  Task<storage::TopicInfo> AddPartitions(storage::TopicId id, int32_t new_count) override;
  Task<> SetTopicConfig(storage::TopicId id, storage::TopicConfig config,
                        bool validate_only) override;
  std::vector<storage::TopicInfo> ListTopics() const override;
  std::optional<storage::TopicInfo> FindTopic(const std::string& name) const override;
  std::optional<storage::TopicInfo> FindTopic(const storage::TopicId& id) const override;
  Task<storage::AppendResult> Append(storage::TopicPartition partition,
                                     std::span<const std::byte> batches,
                                     storage::AppendOptions options) override;
  Task<storage::ReadResult> Read(storage::TopicPartition partition, Offset from,
                                 storage::ReadOptions options) override;
  Task<bool> WaitForData(std::vector<std::pair<storage::TopicPartition, Offset>> beyond,
                         TimePoint deadline) override;
  Task<storage::PartitionOffsets> Offsets(storage::TopicPartition partition) override;
  Task<storage::OffsetForTime> FindByTime(storage::TopicPartition partition,
                                          int64_t timestamp_ms) override;
  Task<storage::OffsetForTime> FindMaxTimestamp(storage::TopicPartition partition) override;
  Task<Offset> DeleteRecords(storage::TopicPartition partition, Offset before) override;
  Task<ProducerId> NextProducerId() override;
  Task<> CommitOffsets(
      std::vector<std::pair<OffsetKey, std::optional<storage::CommittedOffset>>> offsets) override;
  Task<std::vector<std::pair<OffsetKey, storage::CommittedOffset>>> LoadOffsets() override;
  Task<> CommitEpoch(storage::EpochCommit commit) override;
  Task<storage::JobEpoch> LastEpoch(std::string job_id) override;
  Task<> ForgetJob(std::string job_id) override;
  Task<> PutMeta(std::string key, std::optional<std::string> value) override;
  Task<std::map<std::string, std::string>> ListMeta(std::string prefix) override;
  Task<> PinRetention(std::string holder, storage::TopicPartition partition,
                      std::optional<Offset> from) override;

 private:
  struct Partition {
    int64_t log_start = 0;
    int64_t end = 0;
    std::vector<std::shared_ptr<const std::vector<std::byte>>> batches;
  };
  Result<Partition*> FindPartition(const storage::TopicPartition& where);
  static Status AppendTo(Partition* partition, std::span<const std::byte> batches);

  Env* env_;
  mutable std::mutex mutex_;  // guards everything below; never held across a wait
  std::vector<storage::TopicInfo> topics_;
  std::map<storage::TopicPartition, Partition> partitions_;
  std::map<std::string, storage::JobEpoch> epochs_;
  std::map<std::string, std::string> meta_;
  std::map<OffsetKey, storage::CommittedOffset> offsets_;
  int64_t next_id_ = 1;
};

}  // namespace mainstem::process::testing
