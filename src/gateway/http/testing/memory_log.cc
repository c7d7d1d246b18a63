#include "gateway/http/testing/memory_log.h"

#include "storage/record_batch.h"

namespace mainstem::gateway::http {
namespace {

Status NotHere() { return MakeError(ErrorCode::kUnsupported, "not in the log of this test"); }

}  // namespace

using storage::TopicInfo;
using storage::TopicPartition;

Task<TopicInfo> MemoryLog::CreateTopic(std::string name, int32_t partition_count,
                                       storage::TopicConfig config, bool validate_only) {
  if (topics_.contains(name)) co_return MakeError(ErrorCode::kAlreadyExists, "topic exists");
  TopicInfo topic;
  topic.name = name;
  topic.id[0] = next_id_++;
  topic.partition_count = partition_count < 0 ? 1 : partition_count;
  topic.config = std::move(config);
  if (!validate_only) topics_[name] = topic;
  co_return topic;
}

Task<> MemoryLog::DeleteTopic(storage::TopicId id) {
  std::erase_if(topics_, [&](const auto& entry) { return entry.second.id == id; });
  std::erase_if(partitions_, [&](const auto& entry) { return entry.first.topic_id == id; });
  changed_.NotifyAll();
  co_return Status::OK();
}

Task<TopicInfo> MemoryLog::AddPartitions(storage::TopicId id, int32_t new_count) {
  for (auto& [name, topic] : topics_) {
    if (topic.id != id) continue;
    topic.partition_count = new_count;
    co_return topic;
  }
  co_return MakeError(ErrorCode::kUnknownTopicId, "no such topic");
}

Task<> MemoryLog::SetTopicConfig(storage::TopicId id, storage::TopicConfig config,
                                 bool validate_only) {
  for (auto& [name, topic] : topics_) {
    if (topic.id == id && !validate_only) topic.config = config;
  }
  co_return Status::OK();
}

std::vector<TopicInfo> MemoryLog::ListTopics() const {
  std::vector<TopicInfo> list;
  for (const auto& [name, topic] : topics_) list.push_back(topic);
  return list;
}

std::optional<TopicInfo> MemoryLog::FindTopic(const std::string& name) const {
  auto found = topics_.find(name);
  if (found == topics_.end()) return std::nullopt;
  return found->second;
}

std::optional<TopicInfo> MemoryLog::FindTopic(const storage::TopicId& id) const {
  for (const auto& [name, topic] : topics_) {
    if (topic.id == id) return topic;
  }
  return std::nullopt;
}

Task<storage::AppendResult> MemoryLog::Append(TopicPartition partition,
                                              std::span<const std::byte> batches,
                                              storage::AppendOptions options) {
  auto error = append_errors.find(partition.partition);
  if (error != append_errors.end()) co_return error->second;
  Partition& target = partitions_[partition];
  storage::AppendResult result{.base_offset = target.end, .log_start_offset = target.start};
  while (!batches.empty()) {
    CO_ASSIGN_OR_RETURN(auto header, storage::ParseBatchHeader(batches));
    auto bytes = std::make_shared<std::vector<std::byte>>(
        batches.begin(), batches.begin() + static_cast<ptrdiff_t>(header.total_bytes()));
    CO_RETURN_IF_ERROR(storage::ValidateBatch(header, *bytes, {}));
    storage::SetBaseOffset(bytes->data(), target.end, LeaderEpoch(0));
    Offset base = target.end;
    target.end = target.end + header.record_count;
    target.batches.push_back({base, target.end, std::move(bytes)});
    batches = batches.subspan(header.total_bytes());
  }
  changed_.NotifyAll();
  co_return result;
}

Task<storage::ReadResult> MemoryLog::Read(TopicPartition partition, Offset from,
                                          storage::ReadOptions options) {
  Partition& source = partitions_[partition];
  if (from < source.start || from > source.end) {
    co_return MakeError(ErrorCode::kOffsetOutOfRange, "offset out of range");
  }
  storage::ReadResult result;
  result.high_watermark = result.last_stable_offset = source.end;
  result.log_start_offset = source.start;
  for (const Batch& batch : source.batches) {
    if (batch.end <= from) continue;
    if (result.total_bytes > 0 && result.total_bytes + batch.bytes->size() > options.max_bytes) {
      break;
    }
    result.batches.push_back({batch.bytes, *batch.bytes});
    result.total_bytes += batch.bytes->size();
  }
  co_return result;
}

Task<bool> MemoryLog::WaitForData(std::vector<std::pair<TopicPartition, Offset>> beyond,
                                  TimePoint deadline) {
  while (true) {
    for (const auto& [partition, offset] : beyond) {
      if (!FindTopic(partition.topic_id)) co_return true;
      if (partitions_[partition].end > offset) co_return true;
    }
    CO_ASSIGN_OR_RETURN(bool notified, co_await changed_.Wait(deadline));
    if (!notified) co_return false;
  }
}

Task<storage::PartitionOffsets> MemoryLog::Offsets(TopicPartition partition) {
  const Partition& source = partitions_[partition];
  int64_t bytes = 0;
  for (const Batch& batch : source.batches) bytes += static_cast<int64_t>(batch.bytes->size());
  co_return storage::PartitionOffsets{source.start, source.end, source.end, bytes};
}

Task<storage::OffsetForTime> MemoryLog::FindByTime(TopicPartition partition, int64_t timestamp_ms) {
  for (const Batch& batch : partitions_[partition].batches) {
    CO_ASSIGN_OR_RETURN(auto reader, storage::RecordReader::Open(*batch.bytes));
    storage::RecordView record;
    while (true) {
      CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
      if (!more) break;
      if (record.timestamp_ms >= timestamp_ms) {
        co_return storage::OffsetForTime{record.offset, record.timestamp_ms};
      }
    }
  }
  co_return storage::OffsetForTime{Offset(-1), -1};
}

Task<storage::OffsetForTime> MemoryLog::FindMaxTimestamp(TopicPartition) { co_return NotHere(); }

Task<Offset> MemoryLog::DeleteRecords(TopicPartition partition, Offset before) {
  Partition& target = partitions_[partition];
  target.start = before.value() < 0 ? target.end : before;
  co_return target.start;
}

Task<ProducerId> MemoryLog::NextProducerId() { co_return NotHere(); }
Task<> MemoryLog::CommitOffsets(
    std::vector<std::pair<OffsetKey, std::optional<storage::CommittedOffset>>>) {
  co_return NotHere();
}
Task<std::vector<std::pair<storage::Log::OffsetKey, storage::CommittedOffset>>>
MemoryLog::LoadOffsets() {
  co_return NotHere();
}
Task<> MemoryLog::CommitEpoch(storage::EpochCommit) { co_return NotHere(); }
Task<storage::JobEpoch> MemoryLog::LastEpoch(std::string) { co_return NotHere(); }
Task<> MemoryLog::ForgetJob(std::string) { co_return NotHere(); }
Task<> MemoryLog::PutMeta(std::string, std::optional<std::string>) { co_return NotHere(); }
Task<std::map<std::string, std::string>> MemoryLog::ListMeta(std::string) { co_return NotHere(); }
Task<> MemoryLog::PinRetention(std::string, TopicPartition, std::optional<Offset>) {
  co_return NotHere();
}

}  // namespace mainstem::gateway::http
