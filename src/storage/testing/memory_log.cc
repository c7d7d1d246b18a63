#include "storage/testing/memory_log.h"

#include <algorithm>
#include <cstring>

#include "core/sync.h"
#include "storage/record_batch.h"
#include "storage/topic_config.h"

namespace mainstem::storage {
namespace {

using namespace std::chrono_literals;

Status Unknown() { return MakeError(ErrorCode::kUnknownTopic, "no such topic or partition"); }

}  // namespace

// ---------------------------------------------------------------- topics

Task<TopicInfo> MemoryLog::CreateTopic(std::string name, int32_t partition_count,
                                       TopicConfig config, bool validate_only) {
  CO_RETURN_IF_ERROR(create_topic_error);
  std::lock_guard lock(mutex_);
  if (topics_.contains(name)) co_return MakeError(ErrorCode::kAlreadyExists, "topic exists");
  TopicInfo topic;
  topic.name = name;
  int64_t id = next_id_++;
  topic.id[0] = 0x4d;
  std::memcpy(topic.id.data() + sizeof(id), &id, sizeof(id));
  topic.partition_count = std::max(partition_count, 1);
  topic.config = std::move(config);
  topic.internal = topic.name.starts_with(kInternalTopicPrefix);
  if (validate_only) co_return topic;
  for (int32_t i = 0; i < topic.partition_count; ++i) partitions_[{topic.id, PartitionId(i)}];
  topics_[name] = topic;
  co_return topic;
}

Task<> MemoryLog::DeleteTopic(TopicId id) {
  std::lock_guard lock(mutex_);
  for (const auto& [name, topic] : topics_) {
    if (topic.id == id && forget_topic_) forget_topic_(name);
  }
  std::erase_if(topics_, [&](const auto& entry) { return entry.second.id == id; });
  std::erase_if(partitions_, [&](const auto& entry) { return entry.first.topic_id == id; });
  co_return Status::OK();
}

Task<TopicInfo> MemoryLog::AddPartitions(TopicId id, int32_t new_count) {
  CO_RETURN_IF_ERROR(partition_error);
  std::optional<TopicInfo> changed;
  {
    std::lock_guard lock(mutex_);
    for (auto& [name, topic] : topics_) {
      if (topic.id != id) continue;
      topic.partition_count = new_count;
      for (int32_t i = 0; i < new_count; ++i) partitions_[{id, PartitionId(i)}];
      changed = topic;
    }
  }
  if (!changed) co_return MakeError(ErrorCode::kUnknownTopicId, "no such topic");
  if (partition_delay > Duration::zero()) CO_RETURN_IF_ERROR(co_await Sleep(partition_delay));
  co_return std::move(*changed);
}

Task<> MemoryLog::ChangeTopicConfig(TopicId id, ConfigChange change, bool validate_only) {
  std::lock_guard lock(mutex_);
  for (auto& [name, topic] : topics_) {
    if (topic.id != id) continue;
    CO_ASSIGN_OR_RETURN(TopicConfig config, change(topic.config));
    if (!validate_only) topic.config = std::move(config);
  }
  co_return Status::OK();
}

std::vector<TopicInfo> MemoryLog::ListTopics() const {
  std::lock_guard lock(mutex_);
  std::vector<TopicInfo> topics;
  for (const auto& [name, topic] : topics_) topics.push_back(topic);
  return topics;
}

std::optional<TopicInfo> MemoryLog::FindTopic(const std::string& name) const {
  std::lock_guard lock(mutex_);
  auto found = topics_.find(name);
  if (found == topics_.end()) return std::nullopt;
  return found->second;
}

std::optional<TopicInfo> MemoryLog::FindTopic(const TopicId& id) const {
  std::lock_guard lock(mutex_);
  for (const auto& [name, topic] : topics_) {
    if (topic.id == id) return topic;
  }
  return std::nullopt;
}

// ---------------------------------------------------------------- records

Result<MemoryLog::Partition*> MemoryLog::Find(const TopicPartition& where) {
  auto found = partitions_.find(where);
  if (found == partitions_.end()) return Unknown();
  return &found->second;
}

Status MemoryLog::AppendTo(Partition* partition, std::span<const std::byte> batches, bool trusted) {
  while (!batches.empty()) {
    ASSIGN_OR_RETURN(BatchHeader header, ParseBatchHeader(batches));
    std::span<const std::byte> one = batches.first(header.total_bytes());
    RETURN_IF_ERROR(ValidateBatch(header, one, {.trusted = trusted}));
    auto bytes = std::make_shared<std::vector<std::byte>>(one.begin(), one.end());
    SetBaseOffset(bytes->data(), partition->end, LeaderEpoch(0));
    Offset next = partition->end + (int64_t{header.last_offset_delta} + 1);
    partition->batches.push_back({partition->end, next, header.max_timestamp, std::move(bytes)});
    partition->end = next;
    batches = batches.subspan(header.total_bytes());
  }
  return Status::OK();
}

Task<AppendResult> MemoryLog::Append(TopicPartition partition, std::span<const std::byte> batches,
                                     AppendOptions options) {
  if (append_delay > Duration()) CO_RETURN_IF_ERROR(co_await Sleep(append_delay));
  std::lock_guard lock(mutex_);
  auto error = append_errors.find(partition.partition);
  if (error != append_errors.end()) co_return error->second;
  CO_ASSIGN_OR_RETURN(Partition * target, Find(partition));
  AppendResult result{.base_offset = target->end, .log_start_offset = target->start};
  CO_RETURN_IF_ERROR(AppendTo(target, batches, options.trusted));
  co_return result;
}

Task<ReadResult> MemoryLog::Read(TopicPartition partition, Offset from, ReadOptions options) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * source, Find(partition));
  if (from < source->start || from > source->end) {
    co_return MakeError(ErrorCode::kOffsetOutOfRange, "offset out of range");
  }
  ReadResult result;
  result.high_watermark = source->end;
  result.last_stable_offset = std::min(source->end, stable_end);
  Offset end = std::min(options.read_committed ? stable_end : source->end, readable_end);
  result.log_start_offset = source->start;
  for (const Batch& batch : source->batches) {
    if (batch.next <= from) continue;
    if (batch.base >= end) break;
    size_t size = batch.bytes->size();
    if (result.total_bytes > 0 && result.total_bytes + size > options.max_bytes) break;
    result.total_bytes += size;
    result.batches.push_back({batch.bytes, std::span<const std::byte>(*batch.bytes)});
  }
  co_return result;
}

Task<bool> MemoryLog::WaitForData(std::vector<std::pair<TopicPartition, Offset>> beyond,
                                  TimePoint deadline) {
  if (beyond.size() > kWaitedPartitionsMax) {
    co_return MakeError(ErrorCode::kInvalidArgument, "too many partitions to wait for");
  }
  // Looks less often the longer nothing comes: a simulation may wait for hours.
  constexpr Duration kPauseMax = 64ms;
  for (Duration pause = 1ms;; pause = std::min(2 * pause, kPauseMax)) {
    {
      std::lock_guard lock(mutex_);
      for (const auto& [where, offset] : beyond) {
        auto found = partitions_.find(where);
        if (found == partitions_.end() || found->second.end > offset) co_return true;
      }
    }
    if (env_->Now() >= deadline) co_return false;
    CO_RETURN_IF_ERROR(co_await SleepUntil(std::min(deadline, env_->Now() + pause)));
  }
}

Task<PartitionOffsets> MemoryLog::Offsets(TopicPartition partition) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * source, Find(partition));
  int64_t bytes = 0;
  for (const Batch& batch : source->batches) bytes += static_cast<int64_t>(batch.bytes->size());
  co_return PartitionOffsets{source->start, source->end, std::min(source->end, stable_end), bytes};
}

Task<OffsetForTime> MemoryLog::FindByTime(TopicPartition partition, int64_t timestamp_ms) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * source, Find(partition));
  for (const Batch& batch : source->batches) {
    if (batch.max_timestamp < timestamp_ms) continue;
    CO_ASSIGN_OR_RETURN(auto reader, RecordReader::Open(*batch.bytes));
    RecordView record;
    for (;;) {
      CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
      if (!more) break;
      if (record.timestamp_ms < timestamp_ms) continue;
      co_return OffsetForTime{record.offset, record.timestamp_ms};
    }
  }
  co_return OffsetForTime{Offset(-1), -1};
}

Task<OffsetForTime> MemoryLog::FindMaxTimestamp(TopicPartition partition) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * source, Find(partition));
  OffsetForTime best{Offset(-1), -1};
  for (const Batch& batch : source->batches) {
    if (batch.max_timestamp > best.timestamp_ms) best = {batch.base, batch.max_timestamp};
  }
  co_return best;
}

Task<Offset> MemoryLog::DeleteRecords(TopicPartition partition, Offset before) {
  std::lock_guard lock(mutex_);
  CO_ASSIGN_OR_RETURN(Partition * target, Find(partition));
  Offset start = before == Offset(-1) ? target->end : before;
  if (start > target->end) co_return MakeError(ErrorCode::kOffsetOutOfRange, "beyond the end");
  target->start = std::max(target->start, start);
  std::erase_if(target->batches, [&](const Batch& batch) { return batch.next <= target->start; });
  co_return target->start;
}

// ---------------------------------------------------------------- producers, groups, jobs

Task<ProducerId> MemoryLog::NextProducerId() {
  std::lock_guard lock(mutex_);
  co_return ProducerId(next_id_++);
}

Task<> MemoryLog::CommitOffsets(
    std::vector<std::pair<OffsetKey, std::optional<CommittedOffset>>> offsets) {
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

Task<std::vector<std::pair<Log::OffsetKey, CommittedOffset>>> MemoryLog::LoadOffsets() {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<OffsetKey, CommittedOffset>> all(offsets_.begin(), offsets_.end());
  co_return all;
}

Task<> MemoryLog::CommitEpoch(EpochCommit commit) {
  CommitFault fault;
  if (commit_hook) fault = commit_hook(commit);
  CO_RETURN_IF_ERROR(fault.before);
  {
    std::lock_guard lock(mutex_);
    JobEpoch& last = epochs_[commit.job_id];
    if (commit.epoch != last.epoch + 1) {
      co_return MakeError(ErrorCode::kAlreadyExists, "the epoch is not the next one");
    }
    for (const auto& append : commit.appends) {
      CO_ASSIGN_OR_RETURN(Partition * target, Find(append.partition));
      CO_RETURN_IF_ERROR(AppendTo(target, append.batch, true));
    }
    last = {commit.epoch, commit.metadata};
  }
  co_return fault.after;
}

Task<JobEpoch> MemoryLog::LastEpoch(std::string job_id) {
  std::lock_guard lock(mutex_);
  co_return epochs_[job_id];
}

Task<> MemoryLog::ForgetJob(std::string job_id) {
  std::lock_guard lock(mutex_);
  epochs_.erase(job_id);
  co_return Status::OK();
}

Task<> MemoryLog::PutMeta(std::string key, std::optional<std::string> value) {
  if (meta_hook) CO_RETURN_IF_ERROR(meta_hook(key, value));
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

// ---------------------------------------------------------------- transactions

Task<> MemoryLog::PutTransaction(Transaction transaction) {
  std::lock_guard lock(mutex_);
  transactions_[transaction.id] = std::move(transaction);
  co_return Status::OK();
}

Task<> MemoryLog::ForgetTransaction(std::string id) {
  std::lock_guard lock(mutex_);
  transactions_.erase(id);
  co_return Status::OK();
}

Task<> MemoryLog::AddTransactionOffsets(
    std::string id, std::vector<std::pair<OffsetKey, CommittedOffset>> offsets) {
  std::lock_guard lock(mutex_);
  for (auto& [key, offset] : offsets) pending_.push_back({id, key, offset});
  co_return Status::OK();
}

Task<> MemoryLog::EndTransaction(TransactionEnd end) {
  std::lock_guard lock(mutex_);
  bool committed = end.after.state == TransactionState::kCommitted;
  for (const PendingOffset& one : pending_) {
    if (committed && one.transactional_id == end.after.id) offsets_[one.key] = one.offset;
  }
  std::erase_if(pending_,
                [&end](const PendingOffset& one) { return one.transactional_id == end.after.id; });
  transactions_[end.after.id] = std::move(end.after);
  co_return Status::OK();
}

Task<std::vector<Transaction>> MemoryLog::LoadTransactions() {
  std::lock_guard lock(mutex_);
  std::vector<Transaction> all;
  for (const auto& [id, transaction] : transactions_) all.push_back(transaction);
  co_return all;
}

Task<std::vector<PendingOffset>> MemoryLog::LoadPendingOffsets() {
  std::lock_guard lock(mutex_);
  co_return pending_;
}

Task<std::vector<ProducerInfo>> MemoryLog::ListProducers(TopicPartition partition) {
  std::lock_guard lock(mutex_);
  CO_RETURN_IF_ERROR(Find(partition));
  std::vector<ProducerInfo> none;
  co_return none;
}

}  // namespace mainstem::storage
