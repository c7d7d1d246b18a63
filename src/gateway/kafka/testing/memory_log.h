// A log in memory for tests of the gateway without storage: enough of storage::Log to produce,
// read, list and commit. It checks only what a batch's header says, and forgets everything when it
// goes.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "storage/log.h"

namespace mainstem::gateway::kafka {

class MemoryLog final : public storage::Log {
 public:
  explicit MemoryLog(Env* env) : env_(env) {}

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
  struct Batch {
    Offset base;
    Offset next;
    int64_t max_timestamp;
    storage::SharedBytes bytes;
  };
  struct Partition {
    Offset start{0};
    Offset end{0};
    std::vector<Batch> batches;
  };
  // Null when it does not exist. Under the lock.
  Partition* Find(const storage::TopicPartition& partition);

  Env* const env_;
  mutable std::mutex mutex_;  // never held across co_await
  std::map<std::string, storage::TopicInfo> topics_;
  std::map<storage::TopicPartition, Partition> partitions_;
  std::map<OffsetKey, storage::CommittedOffset> offsets_;
  int64_t next_producer_id_ = 0;
};

}  // namespace mainstem::gateway::kafka
