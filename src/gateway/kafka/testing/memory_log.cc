#include "gateway/kafka/testing/memory_log.h"

#include "storage/record_batch.h"

namespace mainstem::gateway::kafka {
namespace {

Status UnknownTopic() { return MakeError(ErrorCode::kUnknownTopic, "no such topic"); }
Status NotKept() { return MakeError(ErrorCode::kUnsupported, "not part of the memory log"); }

}  // namespace

MemoryLog::Partition* MemoryLog::Find(const storage::TopicPartition& partition) {
  auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : &found->second;
}

Task<storage::TopicInfo> MemoryLog::CreateTopic(std::string name, int32_t partition_count,
                                                storage::TopicConfig config, bool validate_only) {
  std::lock_guard lock(mutex_);
  if (topics_.contains(name)) co_return MakeError(ErrorCode::kAlreadyExists, "topic exists");
  storage::TopicInfo info;
  info.name = name;
  info.partition_count = partition_count == -1 ? 1 : partition_count;
  info.config = std::move(config);
  for (uint8_t& byte : info.id) byte = static_cast<uint8_t>(env_->Random() | 1);
  if (validate_only) co_return info;
  topics_[name] = info;
  for (int32_t i = 0; i < info.partition_count; ++i) partitions_[{info.id, PartitionId(i)}];
  co_return info;
}

Task<> MemoryLog::DeleteTopic(storage::TopicId id) {
  std::lock_guard lock(mutex_);
  std::erase_if(topics_, [&](const auto& entry) { return entry.second.id == id; });
  std::erase_if(partitions_, [&](const auto& entry) { return entry.first.topic_id == id; });
  co_return Status::OK();
}

Task<storage::TopicInfo> MemoryLog::AddPartitions(storage::TopicId id, int32_t new_count) {
  std::lock_guard lock(mutex_);
  for (auto& [name, info] : topics_) {
    if (info.id != id) continue;
    info.partition_count = new_count;
    for (int32_t i = 0; i < new_count; ++i) partitions_[{id, PartitionId(i)}];
    co_return info;
  }
  co_return UnknownTopic();
}

Task<> MemoryLog::SetTopicConfig(storage::TopicId id, storage::TopicConfig config,
                                 bool validate_only) {
  std::lock_guard lock(mutex_);
  for (auto& [name, info] : topics_) {
    if (info.id == id && !validate_only) info.config = config;
  }
  co_return Status::OK();
}

std::vector<storage::TopicInfo> MemoryLog::ListTopics() const {
  std::lock_guard lock(mutex_);
  std::vector<storage::TopicInfo> infos;
  for (const auto& [name, info] : topics_) infos.push_back(info);
  return infos;
}

std::optional<storage::TopicInfo> MemoryLog::FindTopic(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto found = topics_.find(name);
  if (found == topics_.end()) return std::nullopt;
  return found->second;
}

std::optional<storage::TopicInfo> MemoryLog::FindTopic(const storage::TopicId& id) const {
  std::lock_guard lock(mutex_);
  for (const auto& [name, info] : topics_) {
    if (info.id == id) return info;
  }
  return std::nullopt;
}

Task<storage::AppendResult> MemoryLog::Append(storage::TopicPartition target,
                                              std::span<const std::byte> batches,
                                              storage::AppendOptions options) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(target);
  if (partition == nullptr) co_return UnknownTopic();
  auto owner = std::make_shared<std::vector<std::byte>>(batches.begin(), batches.end());
  CO_ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(*owner));
  CO_RETURN_IF_ERROR(storage::ValidateBatch(header, *owner, {}));
  storage::AppendResult result;
  result.base_offset = partition->end;
  result.log_start_offset = partition->start;
  storage::SetBaseOffset(owner->data(), partition->end, LeaderEpoch(0));
  Offset next = partition->end + (int64_t{header.last_offset_delta} + 1);
  storage::SharedBytes bytes{owner, std::span<const std::byte>(*owner)};
  partition->batches.push_back({partition->end, next, header.max_timestamp, bytes});
  partition->end = next;
  co_return result;
}

Task<storage::ReadResult> MemoryLog::Read(storage::TopicPartition source, Offset from,
                                          storage::ReadOptions options) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(source);
  if (partition == nullptr) co_return UnknownTopic();
  if (from < partition->start || from > partition->end) {
    co_return MakeError(ErrorCode::kOffsetOutOfRange, "no such offset");
  }
  storage::ReadResult result;
  result.high_watermark = partition->end;
  result.last_stable_offset = partition->end;
  result.log_start_offset = partition->start;
  for (const Batch& batch : partition->batches) {
    if (batch.next <= from) continue;
    size_t size = batch.bytes.bytes.size();
    if (!result.batches.empty() && result.total_bytes + size > options.max_bytes) break;
    result.batches.push_back(batch.bytes);
    result.total_bytes += size;
  }
  co_return result;
}

Task<bool> MemoryLog::WaitForData(std::vector<std::pair<storage::TopicPartition, Offset>> beyond,
                                  TimePoint deadline) {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      for (const auto& [source, offset] : beyond) {
        Partition* partition = Find(source);
        if (partition == nullptr || partition->end > offset) co_return true;
      }
    }
    if (env_->Now() >= deadline) co_return false;
    CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(1)));
  }
}

Task<storage::PartitionOffsets> MemoryLog::Offsets(storage::TopicPartition source) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(source);
  if (partition == nullptr) co_return UnknownTopic();
  storage::PartitionOffsets offsets;
  offsets.log_start = partition->start;
  offsets.high_watermark = partition->end;
  offsets.last_stable_offset = partition->end;
  co_return offsets;
}

Task<storage::OffsetForTime> MemoryLog::FindByTime(storage::TopicPartition source,
                                                   int64_t timestamp_ms) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(source);
  if (partition == nullptr) co_return UnknownTopic();
  for (const Batch& batch : partition->batches) {
    if (batch.max_timestamp < timestamp_ms) continue;
    co_return storage::OffsetForTime{batch.base, batch.max_timestamp};
  }
  co_return storage::OffsetForTime{Offset(-1), -1};
}

Task<storage::OffsetForTime> MemoryLog::FindMaxTimestamp(storage::TopicPartition source) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(source);
  if (partition == nullptr) co_return UnknownTopic();
  storage::OffsetForTime best{Offset(-1), -1};
  for (const Batch& batch : partition->batches) {
    if (batch.max_timestamp > best.timestamp_ms) best = {batch.base, batch.max_timestamp};
  }
  co_return best;
}

Task<Offset> MemoryLog::DeleteRecords(storage::TopicPartition source, Offset before) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(source);
  if (partition == nullptr) co_return UnknownTopic();
  Offset target = before == Offset(-1) ? partition->end : before;
  if (target > partition->end) {
    co_return MakeError(ErrorCode::kOffsetOutOfRange, "beyond the end");
  }
  partition->start = std::max(partition->start, target);
  std::erase_if(partition->batches,
                [&](const Batch& batch) { return batch.next <= partition->start; });
  co_return partition->start;
}

Task<ProducerId> MemoryLog::NextProducerId() {
  std::lock_guard lock(mutex_);
  co_return ProducerId(next_producer_id_++);
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

Task<> MemoryLog::CommitEpoch(storage::EpochCommit commit) { co_return NotKept(); }
Task<storage::JobEpoch> MemoryLog::LastEpoch(std::string job_id) { co_return NotKept(); }
Task<> MemoryLog::ForgetJob(std::string job_id) { co_return NotKept(); }
Task<> MemoryLog::PutMeta(std::string key, std::optional<std::string> value) {
  co_return NotKept();
}
Task<std::map<std::string, std::string>> MemoryLog::ListMeta(std::string prefix) {
  co_return NotKept();
}
Task<> MemoryLog::PinRetention(std::string holder, storage::TopicPartition partition,
                               std::optional<Offset> from) {
  co_return NotKept();
}

}  // namespace mainstem::gateway::kafka
