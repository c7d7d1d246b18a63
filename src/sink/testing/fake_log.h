// A log that knows topics and nothing else: what tests of log sinks need.
#pragma once

#include <map>
#include <string>

#include "storage/log.h"

namespace mainstem::sink {

class FakeLog final : public storage::Log {
 public:
  void AddTopic(const std::string& name, int32_t partition_count,
                storage::TopicConfig config = {}) {
    storage::TopicInfo topic;
    topic.config = std::move(config);
    topic.name = name;
    topic.id[0] = static_cast<uint8_t>(topics_.size() + 1);
    topic.partition_count = partition_count;
    topics_[name] = topic;
  }
  void RemoveTopic(const std::string& name) { topics_.erase(name); }

  Task<storage::TopicInfo> CreateTopic(std::string name, int32_t partition_count,
                                       storage::TopicConfig config, bool) override {
    AddTopic(name, partition_count < 0 ? 1 : partition_count);
    topics_[name].config = std::move(config);
    co_return topics_[name];
  }
  std::vector<storage::TopicInfo> ListTopics() const override { return {}; }
  std::optional<storage::TopicInfo> FindTopic(const std::string& name) const override {
    auto found = topics_.find(name);
    if (found == topics_.end()) return std::nullopt;
    return found->second;
  }
  std::optional<storage::TopicInfo> FindTopic(const storage::TopicId&) const override {
    return std::nullopt;
  }

  Task<> DeleteTopic(storage::TopicId) override { co_return No(); }
  void OnTopicDeleted(std::function<void(const std::string& topic)>) override {}
  Task<storage::TopicInfo> AddPartitions(storage::TopicId, int32_t) override { co_return No(); }
  Task<> ChangeTopicConfig(storage::TopicId, ConfigChange, bool) override { co_return No(); }
  Task<storage::AppendResult> Append(storage::TopicPartition, std::span<const std::byte>,
                                     storage::AppendOptions) override {
    co_return No();
  }
  Task<storage::ReadResult> Read(storage::TopicPartition, Offset, storage::ReadOptions) override {
    co_return No();
  }
  Task<bool> WaitForData(std::vector<std::pair<storage::TopicPartition, Offset>>,
                         TimePoint) override {
    co_return No();
  }
  Task<storage::PartitionOffsets> Offsets(storage::TopicPartition) override { co_return No(); }
  Task<storage::OffsetForTime> FindByTime(storage::TopicPartition, int64_t) override {
    co_return No();
  }
  Task<storage::OffsetForTime> FindMaxTimestamp(storage::TopicPartition) override {
    co_return No();
  }
  Task<Offset> DeleteRecords(storage::TopicPartition, Offset) override { co_return No(); }
  Task<ProducerId> NextProducerId() override { co_return No(); }
  Task<> CommitOffsets(
      std::vector<std::pair<OffsetKey, std::optional<storage::CommittedOffset>>>) override {
    co_return No();
  }
  Task<std::vector<std::pair<OffsetKey, storage::CommittedOffset>>> LoadOffsets() override {
    co_return No();
  }
  Task<> CommitEpoch(storage::EpochCommit) override { co_return No(); }
  Task<storage::JobEpoch> LastEpoch(std::string) override { co_return No(); }
  Task<> ForgetJob(std::string) override { co_return No(); }
  Task<> PutMeta(std::string, std::optional<std::string>) override { co_return No(); }
  Task<std::map<std::string, std::string>> ListMeta(std::string) override { co_return No(); }
  Task<> PinRetention(std::string, storage::TopicPartition, std::optional<Offset>) override {
    co_return No();
  }

 private:
  static Status No() { return MakeError(ErrorCode::kUnsupported, "the fake log has topics only"); }
  std::map<std::string, storage::TopicInfo> topics_;
};

}  // namespace mainstem::sink
