#include "gateway/aws/record_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "storage/batch_builder.h"
#include "storage/read_partition.h"

namespace mainstem::gateway::aws {
namespace {

// The nodes of a map and the service's own form of a record.
constexpr int64_t kRecordOverhead = 256;
// A table takes at most this part of the memory that all share; what is there is loaded all the
// same.
constexpr int64_t kMemoryParts = 8;

int64_t RecordMemory(std::string_view key, std::string_view value) {
  return static_cast<int64_t>(key.size() + value.size()) * 2 + kRecordOverhead;
}

// Small segments: what was written over goes soon, and little is read at start.
storage::TopicConfig TableTopicConfig() {
  return {{"cleanup.policy", "compact"},
          {"segment.bytes", "16777216"},
          {"max.message.bytes", "16777216"}};
}

}  // namespace

RecordTable::RecordTable(Env* env, storage::Log* log, MemoryBudget* budget, std::string topic)
    : env_(env),
      log_(log),
      budget_(budget),
      topic_(std::move(topic)),
      memory_(budget->TryLease(0)),
      writes_(env->shard(0)) {}

Task<std::unique_ptr<RecordTable>> RecordTable::Open(Env* env, storage::Log* log,
                                                     MemoryBudget* budget, std::string topic) {
  auto table = std::unique_ptr<RecordTable>(new RecordTable(env, log, budget, std::move(topic)));
  auto found = log->FindTopic(table->topic_);
  if (!found) co_return table;
  table->partition_ = {.topic_id = found->id, .partition = PartitionId(0)};
  CO_RETURN_IF_ERROR(co_await table->Load());
  co_return table;
}

Task<> RecordTable::Load() {
  auto take = [this](const storage::RecordView& record) {
    std::optional<std::string> value;
    if (record.value) value = std::string(*record.value);
    Apply(std::string(record.key.value_or("")), std::move(value));
    return Status::OK();
  };
  auto fit = [this]() -> Status {
    if (memory_.Resize(bytes_)) return Status::OK();
    return MakeError(ErrorCode::kResourceExhausted,
                     {.message = fmt::format("the records of {} do not fit into memory", topic_),
                      .hint = "give the node more with --memory"});
  };
  return storage::ReadPartition(log_, partition_, take, fit);
}

void RecordTable::Apply(const std::string& key, std::optional<std::string> value) {
  auto found = records_.find(key);
  if (found != records_.end()) {
    bytes_ -= RecordMemory(key, found->second);
    if (!value) records_.erase(found);
  }
  if (!value) return;
  bytes_ += RecordMemory(key, *value);
  records_[key] = *std::move(value);
}

Task<> RecordTable::Append(const std::vector<Change>* changes) {
  if (partition_.topic_id == storage::TopicId()) {
    auto topic = log_->FindTopic(topic_);
    if (!topic) {
      auto config = TableTopicConfig();
      CO_ASSIGN_OR_RETURN(topic, co_await log_->CreateTopic(topic_, 1, std::move(config), false));
    }
    partition_ = {.topic_id = topic->id, .partition = PartitionId(0)};
  }
  storage::BatchBuilder builder;
  for (const Change& change : *changes) {
    std::optional<std::string_view> value;
    if (change.value) value = *change.value;
    builder.Add(env_->WallTime().value(), change.key, value);
  }
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  co_return (co_await log_->Append(partition_, batch, {})).status();
}

Task<> RecordTable::WriteHere(std::vector<Change> changes) {
  int64_t wanted = bytes_;
  int64_t freed = 0;
  for (const Change& change : changes) {
    if (change.value) wanted += RecordMemory(change.key, *change.value);
    auto before = records_.find(change.key);
    if (before != records_.end()) freed += RecordMemory(change.key, before->second);
  }
  int64_t most = budget_->shared_bytes() / kMemoryParts;
  bool may_have = wanted - freed <= std::max(most, memory_.bytes());
  if (!may_have || !memory_.Resize(wanted)) {
    co_return MakeError(ErrorCode::kResourceExhausted,
                        {.message = fmt::format("there is no memory for another definition: those "
                                                "of {} take {} bytes, and may take {}",
                                                topic_, memory_.bytes(), most),
                         .hint = "give the node more with --memory"});
  }
  Status appended = co_await Append(&changes);
  if (appended.ok()) {
    for (Change& change : changes) Apply(change.key, std::move(change.value));
  }
  bool resized = memory_.Resize(bytes_);
  CHECK(resized);  // less than before
  co_return appended;
}

Task<> RecordTable::Write(std::vector<Change> changes) {
  if (changes.empty()) co_return Status::OK();
  co_return co_await writes_.Run(WriteHere(std::move(changes)));
}

Task<> RecordTable::Put(std::string key, std::string value) {
  std::vector<Change> changes;
  changes.push_back({.key = std::move(key), .value = std::move(value)});
  return Write(std::move(changes));
}

Task<> RecordTable::Erase(std::string key) {
  std::vector<Change> changes;
  changes.push_back({.key = std::move(key)});
  return Write(std::move(changes));
}

}  // namespace mainstem::gateway::aws
