// Topics, and the small durable values: producer ids, group offsets, settings, pins.
#include <algorithm>

#include <fmt/format.h>

#include "core/run_to_end.h"
#include "storage/embedded_log.h"
#include "storage/topic_config.h"

namespace mainstem::storage {
namespace {

constexpr int64_t kProducerIdBlock = 1000;

Status UnknownTopicId() { return MakeError(ErrorCode::kUnknownTopicId, "there is no such topic"); }

}  // namespace

// ---------------------------------------------------------------- catalog

std::shared_ptr<const Topic> EmbeddedLog::FindState(const TopicId& id) const {
  std::lock_guard lock(catalog_mutex_);
  auto it = topics_by_id_.find(id);
  return it == topics_by_id_.end() ? nullptr : it->second;
}

void EmbeddedLog::SetCatalog(std::shared_ptr<const Topic> topic) {
  std::lock_guard lock(catalog_mutex_);
  ids_by_name_[topic->info.name] = topic->info.id;
  topics_by_id_[topic->info.id] = std::move(topic);
}

std::vector<TopicInfo> EmbeddedLog::ListTopics() const {
  std::vector<TopicInfo> topics;
  {
    std::lock_guard lock(catalog_mutex_);
    for (const auto& [id, topic] : topics_by_id_) topics.push_back(topic->info);
  }
  std::sort(topics.begin(), topics.end(),
            [](const TopicInfo& a, const TopicInfo& b) { return a.name < b.name; });
  return topics;
}

std::optional<TopicInfo> EmbeddedLog::FindTopic(const std::string& name) const {
  std::lock_guard lock(catalog_mutex_);
  auto it = ids_by_name_.find(name);
  if (it == ids_by_name_.end()) return std::nullopt;
  return topics_by_id_.at(it->second)->info;
}

std::optional<TopicInfo> EmbeddedLog::FindTopic(const TopicId& id) const {
  std::shared_ptr<const Topic> topic = FindState(id);
  if (!topic) return std::nullopt;
  return topic->info;
}

// ---------------------------------------------------------------- topics

Task<TopicInfo> EmbeddedLog::CreateTopic(std::string name, int32_t partition_count,
                                         TopicConfig config, bool validate_only) {
  auto task = DoCreateTopic(std::move(name), partition_count, std::move(config), validate_only);
  co_return co_await RunToEnd(HomeExecutor(), std::move(task));
}

Task<> EmbeddedLog::Commit(Change change, RoomFor what) {
  std::vector<Change> changes;
  changes.push_back(change);
  UniqueFunction apply([this, change = std::move(change)] {
    meta_.Apply(change);
    const auto* deletion = std::get_if<TopicDeletion>(&change);
    if (deletion != nullptr && forget_topic_) forget_topic_(deletion->name);
  });
  co_return co_await shards_[0]->Journalled(std::move(changes), std::move(apply), what);
}

Status EmbeddedLog::CheckConfig(const TopicConfig& config, const TopicConfig& before) const {
  const std::string key = "max.message.bytes";
  RETURN_IF_ERROR(CheckNewTopicConfig(config, before));
  auto set = config.find(key);
  auto had = before.find(key);
  bool is_new = set != config.end() && (had == before.end() || had->second != set->second);
  if (!is_new) return Status::OK();
  // A batch lies in one frame of the journal, with what tells whose it is.
  size_t most = journal_->body_bytes_max() - kJournalBlockBytes;
  ASSIGN_OR_RETURN(EffectiveConfig parsed, ParseTopicConfig(config));
  if (parsed.max_message_bytes <= most) return Status::OK();
  return MakeError(
      ErrorCode::kInvalidConfig,
      fmt::format("invalid value '{}' for '{}': the log takes batches of up to {} bytes",
                  set->second, key, most));
}

Task<TopicInfo> EmbeddedLog::DoCreateTopic(std::string name, int32_t partition_count,
                                           TopicConfig config, bool validate_only) {
  CO_RETURN_IF_ERROR(CheckTopicName(name));
  if (partition_count == -1) partition_count = options_.default_partition_count;
  if (partition_count < 1 || partition_count > kPartitionCountMax) {
    co_return MakeError(
        ErrorCode::kInvalidPartitions,
        fmt::format("a topic has 1 to {} partitions, not {}", kPartitionCountMax, partition_count));
  }
  CO_RETURN_IF_ERROR(CheckConfig(config, {}));
  CO_RETURN_IF_ERROR(co_await topics_lock_.Acquire());
  TopicInfo info{.name = name, .partition_count = partition_count, .config = std::move(config)};
  info.internal = name.starts_with(kInternalTopicPrefix);
  Status status;
  if (FindTopic(name)) {
    status = MakeError(ErrorCode::kAlreadyExists, fmt::format("topic '{}' exists", name));
  } else if (!validate_only) {
    for (size_t i = 0; i < info.id.size(); i += 8) {
      uint64_t random = env_->Random() | 1;
      std::memcpy(info.id.data() + i, &random, 8);
    }
    status = co_await PublishTopic(info, 0);
  }
  topics_lock_.Release();
  CO_RETURN_IF_ERROR(status);
  co_return info;
}

namespace {

Task<> AddPartitionsTo(std::shared_ptr<ShardLog> shard, std::vector<TopicPartition> added,
                       std::vector<TopicPartition> kept, std::shared_ptr<const Topic> topic) {
  for (const TopicPartition& id : kept) CO_RETURN_IF_ERROR(co_await shard->UpdateTopic(id, topic));
  for (const TopicPartition& id : added) {
    std::shared_ptr<Partition> partition = shard->MakePartition(id, topic);
    CO_RETURN_IF_ERROR(co_await shard->AddPartition(std::move(partition)));
  }
  co_return Status::OK();
}

}  // namespace

// Journals the topic, then shows it: partitions first, so that whoever finds it can use it.
Task<> EmbeddedLog::PublishTopic(TopicInfo info, int32_t first_new_partition, RoomFor what) {
  auto topic = std::make_shared<Topic>();
  topic->info = info;
  CO_ASSIGN_OR_RETURN(topic->config, ParseTopicConfig(info.config));
  Change change = TopicChange{info};
  CO_RETURN_IF_ERROR(co_await Commit(std::move(change), what));
  std::vector<std::vector<TopicPartition>> added(shards_.size());
  std::vector<std::vector<TopicPartition>> kept(shards_.size());
  for (int32_t i = 0; i < info.partition_count; ++i) {
    TopicPartition id{info.id, PartitionId(i)};
    (i >= first_new_partition ? added : kept)[ShardOf(id)].push_back(id);
  }
  for (size_t i = 0; i < shards_.size(); ++i) {
    auto task = AddPartitionsTo(shards_[i], std::move(added[i]), std::move(kept[i]), topic);
    CO_RETURN_IF_ERROR(co_await RunOn(env_->shard(i), std::move(task)));
  }
  SetCatalog(topic);
  co_return Status::OK();
}

void EmbeddedLog::OnTopicDeleted(std::function<void(const std::string& topic)> forget) {
  forget_topic_ = std::move(forget);
}

Task<> EmbeddedLog::DeleteTopic(TopicId id) {
  co_return co_await RunToEnd(HomeExecutor(), DoDeleteTopic(id));
}

Task<> EmbeddedLog::DoDeleteTopic(TopicId id) {
  CO_RETURN_IF_ERROR(co_await topics_lock_.Acquire());
  std::shared_ptr<const Topic> topic = FindState(id);
  Status status = topic ? Status::OK() : UnknownTopicId();
  if (status.ok()) {
    Change change = TopicDeletion{id, topic->info.name};
    status = co_await Commit(std::move(change), RoomFor::kFreeing);
  }
  if (status.ok()) {
    {
      std::lock_guard lock(catalog_mutex_);
      topics_by_id_.erase(id);
      ids_by_name_.erase(topic->info.name);
    }
    // The name is free for a new topic when the old files are gone; what a failure leaves behind,
    // the next start removes.
    for (int32_t i = 0; i < topic->info.partition_count; ++i) {
      TopicPartition partition{id, PartitionId(i)};
      size_t shard = ShardOf(partition);
      Status removed =
          co_await RunOn(env_->shard(shard), shards_[shard]->RemovePartition(partition));
      if (!removed.ok()) {
        options_.logger.Warning("cannot remove a deleted partition's files",
                                {{"topic", topic->info.name}, {"error", removed}});
      }
    }
  }
  topics_lock_.Release();
  co_return status;
}

Task<TopicInfo> EmbeddedLog::AddPartitions(TopicId id, int32_t new_count) {
  co_return co_await RunToEnd(HomeExecutor(), DoAddPartitions(id, new_count));
}

Task<TopicInfo> EmbeddedLog::DoAddPartitions(TopicId id, int32_t new_count) {
  CO_RETURN_IF_ERROR(co_await topics_lock_.Acquire());
  std::shared_ptr<const Topic> topic = FindState(id);
  TopicInfo info;
  Status status = topic ? Status::OK() : UnknownTopicId();
  if (status.ok()) {
    info = topic->info;
    if (new_count > kPartitionCountMax) {
      status = MakeError(ErrorCode::kInvalidPartitions,
                         fmt::format("a topic has {} partitions at most", kPartitionCountMax));
    } else if (new_count <= info.partition_count) {
      status = MakeError(ErrorCode::kInvalidPartitions,
                         fmt::format("topic '{}' has {} partitions; {} is not more", info.name,
                                     info.partition_count, new_count));
    }
  }
  if (status.ok()) {
    int32_t first_new = std::exchange(info.partition_count, new_count);
    status = co_await PublishTopic(info, first_new);
  }
  topics_lock_.Release();
  CO_RETURN_IF_ERROR(status);
  co_return info;
}

Task<> EmbeddedLog::ChangeTopicConfig(TopicId id, ConfigChange change, bool validate_only) {
  auto task = DoChangeTopicConfig(id, std::move(change), validate_only);
  co_return co_await RunToEnd(HomeExecutor(), std::move(task));
}

Task<> EmbeddedLog::DoChangeTopicConfig(TopicId id, ConfigChange change, bool validate_only) {
  CO_RETURN_IF_ERROR(co_await topics_lock_.Acquire());
  std::shared_ptr<const Topic> topic = FindState(id);
  Result<TopicConfig> config = UnknownTopicId();
  if (topic) config = change(topic->info.config);
  Status status = config.status();
  if (status.ok()) status = CheckConfig(*config, topic->info.config);
  if (status.ok() && !validate_only) {
    TopicInfo info = topic->info;
    info.config = *std::move(config);
    // A shorter retention may be what a full disk needs.
    status = co_await PublishTopic(info, info.partition_count, RoomFor::kFreeing);
  }
  topics_lock_.Release();
  co_return status;
}

// ---------------------------------------------------------------- small values

Task<ProducerId> EmbeddedLog::NextProducerId() {
  co_return co_await RunToEnd(HomeExecutor(), DoNextProducerId());
}

// Hands out ids below what the journal says may have been handed out.
Task<ProducerId> EmbeddedLog::DoNextProducerId() {
  CO_RETURN_IF_ERROR(co_await ids_lock_.Acquire());
  Status status;
  if (next_producer_id_ >= meta_.producer_id_end) {
    Change change = ProducerIdBlock{next_producer_id_ + kProducerIdBlock};
    status = co_await Commit(std::move(change));
  }
  ids_lock_.Release();
  CO_RETURN_IF_ERROR(status);
  co_return ProducerId(next_producer_id_++);
}

Task<> EmbeddedLog::CommitOffsets(
    std::vector<std::pair<OffsetKey, std::optional<CommittedOffset>>> offsets) {
  Change change = GroupOffsetsChange{std::move(offsets)};
  co_return co_await RunToEnd(HomeExecutor(), Commit(std::move(change)));
}

namespace {

using OffsetList = std::vector<std::pair<Log::OffsetKey, CommittedOffset>>;

Task<OffsetList> CopyOffsets(const MetaState* meta) {
  OffsetList list(meta->offsets.begin(), meta->offsets.end());
  co_return list;
}

Task<JobEpoch> CopyEpoch(const MetaState* meta, std::string job_id) {
  auto it = meta->jobs.find(job_id);
  if (it == meta->jobs.end()) co_return JobEpoch();
  co_return it->second;
}

using PinList = std::vector<std::pair<std::string, TopicPartition>>;

Task<PinList> CopyPins(const MetaState* meta, std::string prefix) {
  PinList pins;
  for (const auto& [key, from] : meta->pins) {
    if (key.first.starts_with(prefix)) pins.push_back(key);
  }
  co_return pins;
}

Task<std::map<std::string, std::string>> CopyValues(const MetaState* meta, std::string prefix) {
  std::map<std::string, std::string> values;
  auto it = meta->values.lower_bound(prefix);
  for (; it != meta->values.end() && it->first.starts_with(prefix); ++it) values.insert(*it);
  co_return values;
}

}  // namespace

Task<std::vector<std::pair<Log::OffsetKey, CommittedOffset>>> EmbeddedLog::LoadOffsets() {
  co_return co_await RunOn(HomeExecutor(), CopyOffsets(&meta_));
}

Task<JobEpoch> EmbeddedLog::LastEpoch(std::string job_id) {
  co_return co_await RunOn(HomeExecutor(), CopyEpoch(&meta_, std::move(job_id)));
}

Task<> EmbeddedLog::ForgetJob(std::string job_id) {
  CO_ASSIGN_OR_RETURN(auto pins, co_await RunOn(HomeExecutor(), CopyPins(&meta_, job_id + ".")));
  for (auto& [holder, partition] : pins) {
    Status let_go = co_await PinRetention(std::move(holder), partition, std::nullopt);
    if (!Is(let_go, ErrorCode::kUnknownTopicId)) CO_RETURN_IF_ERROR(let_go);
  }
  Change change = JobEpochChange{std::move(job_id), std::nullopt};
  co_return co_await RunToEnd(HomeExecutor(), Commit(std::move(change), RoomFor::kFreeing));
}

Task<> EmbeddedLog::PutMeta(std::string key, std::optional<std::string> value) {
  Change change = MetaChange{std::move(key), std::move(value)};
  co_return co_await RunToEnd(HomeExecutor(), Commit(std::move(change)));
}

Task<std::map<std::string, std::string>> EmbeddedLog::ListMeta(std::string prefix) {
  co_return co_await RunOn(HomeExecutor(), CopyValues(&meta_, std::move(prefix)));
}

Task<> EmbeddedLog::PinRetention(std::string holder, TopicPartition partition,
                                 std::optional<Offset> from) {
  PinChange change{std::move(holder), partition, from};
  co_return co_await RunToEnd(HomeExecutor(), DoPinRetention(std::move(change)));
}

Task<> EmbeddedLog::DoPinRetention(PinChange change) {
  if (!FindState(change.partition.topic_id)) co_return UnknownTopicId();
  Change wrapped = change;
  RoomFor what = change.from ? RoomFor::kAnything : RoomFor::kFreeing;
  CO_RETURN_IF_ERROR(co_await Commit(std::move(wrapped), what));
  size_t shard = ShardOf(change.partition);
  auto task = shards_[shard]->SetPin(change.partition, change.holder, change.from);
  co_return co_await RunOn(env_->shard(shard), std::move(task));
}

}  // namespace mainstem::storage
