#include "gateway/kinesis/stream_catalog.h"

#include <algorithm>

namespace mainstem::gateway::kinesis {
namespace {

constexpr size_t kStreamNameMax = 128;
constexpr Duration kWriterPoll = std::chrono::milliseconds(1);
// Of a batch beyond its greatest record: keys, lengths, the header.
constexpr int64_t kBatchSlackBytes = 64 << 10;
constexpr int64_t kDefaultRetentionMs = 24 * 3'600'000;

bool IsStream(const storage::TopicInfo& topic) {
  return !topic.internal && !topic.name.starts_with("__") && topic.name.size() <= kStreamNameMax;
}

Status NoSuchStream() { return MakeError(ErrorCode::kUnknownTopicId, "the stream was deleted"); }

}  // namespace

int64_t BatchBytesFor(int32_t record_kib_max) {
  return int64_t{record_kib_max} * 1024 + kBatchSlackBytes;
}

StreamCatalog::StreamCatalog(Env* env, storage::Log* log, Logger logger)
    : env_(env), log_(log), logger_(std::move(logger)), home_(env->shard(0)), changes_(home_) {}

Task<> StreamCatalog::Start() {
  CO_ASSIGN_OR_RETURN(auto values, co_await log_->ListMeta(std::string(kStreamMetaPrefix)));
  for (const auto& [key, text] : values) {
    auto id = ParseStreamMetaKey(key);
    auto meta = DecodeStreamMeta(text);
    if (!id || !meta.ok()) {
      // The records are what counts: the topic becomes a stream anew, without its lineage.
      logger_.Warning("metadata of a stream ignored", {{"key", key}, {"error", meta.status()}});
      continue;
    }
    std::lock_guard lock(mutex_);
    entries_[*id] = {.meta = std::move(*meta), .writing = std::make_shared<WriteToken>()};
  }
  CO_RETURN_IF_ERROR(co_await Prune());
  std::map<storage::TopicId, StreamMeta> metas;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : entries_) metas[id] = entry.meta;
  }
  for (const auto& entry : metas) {
    Status finished = co_await FinishReshard(entry.first, entry.second);
    if (Is(finished, ErrorCode::kCancelled)) co_return finished;
    if (finished.ok()) continue;
    // It takes records all the same. The next start tries again.
    logger_.Warning("a resharding that a stop has cut off can't be ended",
                    {{"stream", StreamMetaKey(entry.first)}, {"error", finished}});
  }
  co_return Status::OK();
}

// ---------------------------------------------------------------- finding

StreamPtr StreamCatalog::FindKnown(storage::TopicInfo topic) {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(topic.id);
  if (it == entries_.end()) return nullptr;
  Entry& entry = it->second;
  if (entry.partitions_shown) topic.partition_count = *entry.partitions_shown;
  bool current = entry.stream && entry.stream->topic().partition_count == topic.partition_count &&
                 entry.stream->topic().config == topic.config;
  if (!current)
    entry.stream = std::make_shared<Stream>(std::move(topic), entry.meta, entry.writing);
  return entry.stream;
}

Task<StreamPtr> StreamCatalog::FindTopic(std::optional<storage::TopicInfo> topic) {
  if (!topic || !IsStream(*topic)) co_return StreamPtr();
  StreamPtr stream = FindKnown(*topic);
  if (stream) co_return stream;
  CO_RETURN_IF_ERROR(co_await changes_.Run(AdoptHere(topic->id)));
  co_return FindKnown(*topic);
}

Task<StreamPtr> StreamCatalog::Find(std::string name) {
  auto topic = log_->FindTopic(name);
  co_return co_await FindTopic(std::move(topic));
}

Task<StreamPtr> StreamCatalog::Find(storage::TopicId id) {
  auto topic = log_->FindTopic(id);
  co_return co_await FindTopic(std::move(topic));
}

std::vector<storage::TopicInfo> StreamCatalog::List() const {
  std::vector<storage::TopicInfo> topics = log_->ListTopics();
  std::erase_if(topics, [](const storage::TopicInfo& topic) { return !IsStream(topic); });
  return topics;
}

Task<> StreamCatalog::AdoptHere(storage::TopicId id) {
  {
    std::lock_guard guard(mutex_);
    if (entries_.count(id) > 0) co_return Status::OK();
  }
  StreamMeta meta{.created_ms = env_->WallTime().value()};
  CO_RETURN_IF_ERROR(co_await Persist(id, meta));
  Publish(id, std::move(meta), Routes::kNew);
  co_return co_await Prune();
}

// Topics can be deleted through any door.
Task<> StreamCatalog::Prune() {
  std::vector<storage::TopicId> gone;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : entries_) {
      if (!log_->FindTopic(id)) gone.push_back(id);
    }
    for (const storage::TopicId& id : gone) entries_.erase(id);
  }
  for (const storage::TopicId& id : gone) {
    CO_RETURN_IF_ERROR(co_await log_->PutMeta(StreamMetaKey(id), std::nullopt));
  }
  co_return Status::OK();
}

// ---------------------------------------------------------------- changing

Task<> StreamCatalog::Persist(storage::TopicId id, const StreamMeta& meta) {
  return log_->PutMeta(StreamMetaKey(id), EncodeStreamMeta(meta));
}

std::weak_ptr<const WriteToken> StreamCatalog::Publish(storage::TopicId id, StreamMeta meta,
                                                       Routes routes) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[id];
  std::weak_ptr<const WriteToken> older = entry.writing;
  entry.meta = std::move(meta);
  entry.stream = nullptr;
  entry.partitions_shown.reset();
  if (routes == Routes::kNew || !entry.writing) entry.writing = std::make_shared<WriteToken>();
  return older;
}

Task<> StreamCatalog::Create(NewStream stream) {
  return changes_.Run(CreateHere(std::move(stream)));
}

Task<> StreamCatalog::CreateHere(NewStream stream) {
  storage::TopicConfig config;
  config["retention.ms"] = std::to_string(kDefaultRetentionMs);
  config["max.message.bytes"] = std::to_string(BatchBytesFor(stream.meta.record_kib_max));
  stream.meta.created_ms = env_->WallTime().value();
  CO_ASSIGN_OR_RETURN(
      storage::TopicInfo topic,
      co_await log_->CreateTopic(stream.name, stream.shard_count, std::move(config), false));
  // A crash in between leaves a topic, which becomes a stream when it is used.
  CO_RETURN_IF_ERROR(co_await Persist(topic.id, stream.meta));
  Publish(topic.id, std::move(stream.meta), Routes::kNew);
  co_return co_await Prune();
}

Task<> StreamCatalog::Delete(storage::TopicId id) { return changes_.Run(DeleteHere(id)); }

Task<> StreamCatalog::DeleteHere(storage::TopicId id) {
  CO_RETURN_IF_ERROR(co_await log_->DeleteTopic(id));
  co_return co_await Prune();
}

Task<> StreamCatalog::SetConfig(storage::TopicId id, storage::TopicConfig changes) {
  return changes_.Run(SetConfigHere(id, std::move(changes)));
}

Task<> StreamCatalog::SetConfigHere(storage::TopicId id, storage::TopicConfig changes) {
  if (!log_->FindTopic(id)) co_return NoSuchStream();
  auto change = [changes = std::move(changes)](storage::TopicConfig config) {
    for (const auto& [key, value] : changes) config[key] = value;
    return config;
  };
  co_return co_await log_->ChangeTopicConfig(id, std::move(change), false);
}

Task<> StreamCatalog::Update(storage::TopicId id, Change change) {
  return changes_.Run(UpdateHere(id, std::move(change)));
}

Task<> StreamCatalog::UpdateHere(storage::TopicId id, Change change) {
  auto topic = log_->FindTopic(id);
  StreamPtr stream = topic ? FindKnown(*topic) : nullptr;
  if (!stream) co_return NoSuchStream();
  StreamMeta before = stream->meta();
  StreamMeta meta = before;
  CO_RETURN_IF_ERROR(change(*stream, &meta));
  stream.reset();
  if (meta.shards.size() != before.shards.size()) {
    co_return co_await ReshardHere(std::move(*topic), std::move(before), std::move(meta));
  }
  CO_RETURN_IF_ERROR(co_await Persist(id, meta));
  Publish(id, std::move(meta), Routes::kSame);
  co_return Status::OK();
}

// The children's partitions come before anybody is sent to them. A crash in between is made up for
// by the next start.
Task<> StreamCatalog::ReshardHere(storage::TopicInfo topic, StreamMeta before, StreamMeta meta) {
  const storage::TopicId id = topic.id;
  CO_RETURN_IF_ERROR(co_await Persist(id, meta));
  ShowPartitions(id, topic.partition_count);
  Status added = co_await AddPartitions(id, meta.shards.size());
  if (!added.ok()) {
    ShowPartitions(id, std::nullopt);
    CO_RETURN_IF_ERROR(co_await Persist(id, before));
    co_return added;
  }
  co_return co_await CloseParents(id, std::move(meta));
}

void StreamCatalog::ShowPartitions(storage::TopicId id, std::optional<int32_t> count) {
  std::lock_guard lock(mutex_);
  if (auto entry = entries_.find(id); entry != entries_.end()) {
    entry->second.partitions_shown = count;
  }
}

Task<> StreamCatalog::AddPartitions(storage::TopicId id, size_t count) {
  auto topic = log_->FindTopic(id);
  if (!topic) co_return NoSuchStream();
  auto wanted = static_cast<int32_t>(count);
  if (topic->partition_count >= wanted) co_return Status::OK();
  co_return (co_await log_->AddPartitions(id, wanted)).status();
}

// Parents are closed when nobody writes to them any more.
Task<> StreamCatalog::CloseParents(storage::TopicId id, StreamMeta meta) {
  std::weak_ptr<const WriteToken> older = Publish(id, meta, Routes::kNew);
  while (!older.expired()) CO_RETURN_IF_ERROR(co_await Sleep(kWriterPoll));
  auto topic = log_->FindTopic(id);
  if (!topic) co_return NoSuchStream();
  int64_t now_ms = env_->WallTime().value();
  bool closes = false;
  {
    Stream stream(*topic, meta, nullptr);
    for (const Shard& shard : stream.shards()) {
      if (!shard.closing()) continue;
      meta.shards[static_cast<size_t>(shard.index)].closed_ms = now_ms;
      closes = true;
    }
  }
  if (!closes) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await Persist(id, meta));
  Publish(id, std::move(meta), Routes::kSame);
  co_return Status::OK();
}

// Of a start.
Task<> StreamCatalog::FinishReshard(storage::TopicId id, StreamMeta meta) {
  auto topic = log_->FindTopic(id);
  if (!topic || meta.shards.empty()) co_return Status::OK();
  Status added = co_await AddPartitions(id, meta.shards.size());
  if (!added.ok()) {
    // Parents are closed when the partitions are there: without the children they are open again.
    logger_.Warning("a resharding that a stop has cut off is given up: it gets no partitions",
                    {{"stream", topic->name}, {"error", added}});
    meta.shards.resize(static_cast<size_t>(topic->partition_count));
    Publish(id, meta, Routes::kNew);
    CO_RETURN_IF_ERROR(co_await Persist(id, meta));
  }
  co_return co_await CloseParents(id, std::move(meta));
}

}  // namespace mainstem::gateway::kinesis
