#include "process/job/testing/memory_log.h"

#include <algorithm>
#include <cstring>

#include "storage/record_batch.h"

namespace mainstem::process::testing {

using storage::TopicInfo;
using storage::TopicPartition;

namespace {

Status Unknown() { return MakeError(ErrorCode::kUnknownTopic, "no such topic or partition"); }

}  // namespace

Task<TopicInfo> MemoryLog::CreateTopic(std::string name, int32_t partition_count,
                                       storage::TopicConfig config, bool validate_only) {
  std::lock_guard lock(mutex_);
  for (const TopicInfo& topic : topics_) {
    if (topic.name == name) co_return MakeError(ErrorCode::kAlreadyExists, "topic exists");
  }
  TopicInfo topic;
  topic.name = std::move(name);
  int64_t id = next_id_++;
  std::memcpy(topic.id.data(), &id, sizeof(id));
  topic.partition_count = std::max(partition_count, 1);
  topic.config = std::move(config);
  topic.internal = topic.name.starts_with("__mainstem");
  for (int32_t i = 0; i < topic.partition_count; ++i) partitions_[{topic.id, PartitionId(i)}];
  topics_.push_back(topic);
  co_return topic;
}

Task<> MemoryLog::DeleteTopic(storage::TopicId id) {
  std::lock_guard lock(mutex_);
  std::erase_if(topics_, [&](const TopicInfo& topic) { return topic.id == id; });
  std::erase_if(partitions_, [&](const auto& item) { return item.first.topic_id == id; });
  co_return Status::OK();
}

Task<TopicInfo> MemoryLog::AddPartitions(storage::TopicId id, int32_t new_count) {
  std::lock_guard lock(mutex_);
  for (TopicInfo& topic : topics_) {
    if (topic.id != id) continue;
    for (int32_t i = topic.partition_count; i < new_count; ++i) partitions_[{id, PartitionId(i)}];
    topic.partition_count = new_count;
    co_return topic;
  }
  co_return Unknown();
}

Task<> MemoryLog::SetTopicConfig(storage::TopicId id, storage::TopicConfig config,
                                 bool validate_only) {
  co_return Status::OK();
}

std::vector<TopicInfo> MemoryLog::ListTopics() const {
  std::lock_guard lock(mutex_);
  std::vector<TopicInfo> sorted = topics_;
  std::sort(sorted.begin(), sorted.end(),
            [](const TopicInfo& a, const TopicInfo& b) { return a.name < b.name; });
  return sorted;
}

std::optional<TopicInfo> MemoryLog::FindTopic(const std::string& name) const {
  std::lock_guard lock(mutex_);
  for (const TopicInfo& topic : topics_) {
    if (topic.name == name) return topic;
  }
  return std::nullopt;
}

std::optional<TopicInfo> MemoryLog::FindTopic(const storage::TopicId& id) const {
  std::lock_guard lock(mutex_);
  for (const TopicInfo& topic : topics_) {
    if (topic.id == id) return topic;
  }
  return std::nullopt;
}

Result<MemoryLog::Partition*> MemoryLog::FindPartition(const TopicPartition& where) {
  auto it = partitions_.find(where);
  if (it == partitions_.end()) return Unknown();
  return &it->second;
}

Status MemoryLog::AppendTo(Partition* partition, std::span<const std::byte> batches) {
  while (!batches.empty()) {
    ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(batches));
    auto copy = std::make_shared<std::vector<std::byte>>(
        batches.begin(), batches.begin() + static_cast<ptrdiff_t>(header.total_bytes()));
    storage::SetBaseOffset(copy->data(), Offset(partition->end), LeaderEpoch(0));
    partition->end += header.last_offset_delta + 1;
    partition->batches.push_back(std::move(copy));
    batches = batches.subspan(header.total_bytes());
  }
  return Status::OK();
}

Task<storage::AppendResult> MemoryLog::Append(TopicPartition partition,
                                              std::span<const std::byte> batches,
                                              storage::AppendOptions options) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * target, FindPartition(partition));
  storage::AppendResult result;
  result.base_offset = Offset(target->end);
  result.log_start_offset = Offset(target->log_start);
  CO_RETURN_IF_ERROR(AppendTo(target, batches));
  co_return result;
}

Task<storage::ReadResult> MemoryLog::Read(TopicPartition partition, Offset from,
                                          storage::ReadOptions options) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * source, FindPartition(partition));
  if (from.value() < source->log_start || from.value() > source->end) {
    co_return MakeError(ErrorCode::kOffsetOutOfRange, "offset out of range");
  }
  storage::ReadResult result;
  result.high_watermark = result.last_stable_offset = Offset(source->end);
  result.log_start_offset = Offset(source->log_start);
  for (const auto& batch : source->batches) {
    if (storage::ReadBatchHeader(batch->data()).next_offset() <= from) continue;
    if (result.total_bytes > 0 && result.total_bytes + batch->size() > options.max_bytes) break;
    result.total_bytes += batch->size();
    result.batches.push_back({batch, std::span<const std::byte>(*batch)});
  }
  co_return result;
}

Task<bool> MemoryLog::WaitForData(std::vector<std::pair<TopicPartition, Offset>> beyond,
                                  TimePoint deadline) {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      for (const auto& [where, offset] : beyond) {
        auto it = partitions_.find(where);
        if (it == partitions_.end() || it->second.end > offset.value()) co_return true;
      }
    }
    if (env_->Now() >= deadline) co_return false;
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(1)));
  }
}

Task<storage::PartitionOffsets> MemoryLog::Offsets(TopicPartition partition) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * source, FindPartition(partition));
  storage::PartitionOffsets offsets;
  offsets.log_start = Offset(source->log_start);
  offsets.high_watermark = offsets.last_stable_offset = Offset(source->end);
  co_return offsets;
}

Task<storage::OffsetForTime> MemoryLog::FindByTime(TopicPartition partition, int64_t timestamp_ms) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * source, FindPartition(partition));
  for (const auto& batch : source->batches) {
    storage::BatchHeader header = storage::ReadBatchHeader(batch->data());
    if (header.max_timestamp >= timestamp_ms) {
      co_return storage::OffsetForTime{header.base_offset, header.base_timestamp};
    }
  }
  co_return storage::OffsetForTime{Offset(-1), -1};
}

Task<storage::OffsetForTime> MemoryLog::FindMaxTimestamp(TopicPartition partition) {
  co_return storage::OffsetForTime{Offset(-1), -1};
}

Task<Offset> MemoryLog::DeleteRecords(TopicPartition partition, Offset before) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * target, FindPartition(partition));
  target->log_start =
      std::max(target->log_start, before.value() < 0 ? target->end : before.value());
  std::erase_if(target->batches, [&](const auto& batch) {
    return storage::ReadBatchHeader(batch->data()).next_offset().value() <= target->log_start;
  });
  co_return Offset(target->log_start);
}

Task<ProducerId> MemoryLog::NextProducerId() {
  std::lock_guard lock(mutex_);
  co_return ProducerId(next_id_++);
}

Task<> MemoryLog::CommitOffsets(
    std::vector<std::pair<OffsetKey, std::optional<storage::CommittedOffset>>> offsets) {
  std::lock_guard lock(mutex_);
  for (auto& [key, offset] : offsets) {
    if (offset) {
      offsets_[key] = *offset;
    } else {
      offsets_.erase(key);
    }
  }
  co_return Status::OK();
}

Task<std::vector<std::pair<storage::Log::OffsetKey, storage::CommittedOffset>>>
MemoryLog::LoadOffsets() {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<OffsetKey, storage::CommittedOffset>> all(offsets_.begin(), offsets_.end());
  co_return all;
}

Task<> MemoryLog::CommitEpoch(storage::EpochCommit commit) {
  CommitFault fault;
  if (commit_hook) fault = commit_hook(commit);
  CO_RETURN_IF_ERROR(fault.before);
  {
    std::lock_guard lock(mutex_);
    storage::JobEpoch& last = epochs_[commit.job_id];
    if (commit.epoch != last.epoch + 1) {
      co_return MakeError(ErrorCode::kAlreadyExists, "the epoch is not the next one");
    }
    for (const auto& append : commit.appends) {
      CO_ASSIGN_OR_RETURN(Partition * target, FindPartition(append.partition));
      CO_RETURN_IF_ERROR(AppendTo(target, append.batch));
    }
    last = {commit.epoch, commit.metadata};
  }
  co_return fault.after;
}

Task<storage::JobEpoch> MemoryLog::LastEpoch(std::string job_id) {
  std::lock_guard lock(mutex_);
  co_return epochs_[job_id];
}

Task<> MemoryLog::ForgetJob(std::string job_id) {
  std::lock_guard lock(mutex_);
  epochs_.erase(job_id);
  co_return Status::OK();
}

Task<> MemoryLog::PutMeta(std::string key, std::optional<std::string> value) {
  std::lock_guard lock(mutex_);
  if (value) {
    meta_[key] = *value;
  } else {
    meta_.erase(key);
  }
  co_return Status::OK();
}

Task<std::map<std::string, std::string>> MemoryLog::ListMeta(std::string prefix) {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : meta_) {
    if (key.starts_with(prefix)) found.emplace(key, value);
  }
  co_return found;
}

Task<> MemoryLog::PinRetention(std::string holder, TopicPartition partition,
                               std::optional<Offset> from) {
  co_return Status::OK();
}

}  // namespace mainstem::process::testing
