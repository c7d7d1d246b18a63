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

// Gives the lock back when its task ends, however it ends.
class StreamCatalog::Lock {
 public:
  explicit Lock(StreamCatalog* catalog) : catalog_(catalog) {}
  ~Lock() {
    catalog_->locked_ = false;
    catalog_->released_.NotifyAll();
  }
  Lock(const Lock&) = delete;

 private:
  StreamCatalog* catalog_;
};

Task<> StreamCatalog::Acquire() {
  while (locked_) CO_RETURN_IF_ERROR(co_await released_.Wait());
  locked_ = true;
  co_return Status::OK();
}

StreamCatalog::StreamCatalog(Env* env, storage::Log* log, Logger logger)
    : env_(env), log_(log), logger_(std::move(logger)), home_(env->shard(0)), released_(home_) {}

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
    CO_RETURN_IF_ERROR(co_await FinishReshard(entry.first, entry.second));
  }
  co_return Status::OK();
}

// ---------------------------------------------------------------- finding

StreamPtr StreamCatalog::FindKnown(const storage::TopicInfo& topic) {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(topic.id);
  if (it == entries_.end()) return nullptr;
  Entry& entry = it->second;
  bool current = entry.stream && entry.stream->topic().partition_count == topic.partition_count &&
                 entry.stream->topic().config == topic.config;
  if (!current) entry.stream = std::make_shared<Stream>(topic, entry.meta, entry.writing);
  return entry.stream;
}

Task<StreamPtr> StreamCatalog::FindTopic(std::optional<storage::TopicInfo> topic) {
  if (!topic || !IsStream(*topic)) co_return StreamPtr();
  StreamPtr stream = FindKnown(*topic);
  if (stream) co_return stream;
  CO_RETURN_IF_ERROR(co_await RunOn(home_, Adopt(topic->id)));
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

Task<> StreamCatalog::Adopt(storage::TopicId id) {
  CO_RETURN_IF_ERROR(co_await Acquire());
  Lock lock(this);
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
  if (routes == Routes::kNew || !entry.writing) entry.writing = std::make_shared<WriteToken>();
  return older;
}

Task<> StreamCatalog::Create(NewStream stream) {
  return RunOn(home_, CreateHere(std::move(stream)));
}

Task<> StreamCatalog::CreateHere(NewStream stream) {
  CO_RETURN_IF_ERROR(co_await Acquire());
  Lock lock(this);
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

Task<> StreamCatalog::Delete(StreamPtr stream) {
  return RunOn(home_, DeleteHere(std::move(stream)));
}

Task<> StreamCatalog::DeleteHere(StreamPtr stream) {
  CO_RETURN_IF_ERROR(co_await Acquire());
  Lock lock(this);
  CO_RETURN_IF_ERROR(co_await log_->DeleteTopic(stream->topic().id));
  co_return co_await Prune();
}

Task<> StreamCatalog::SetConfig(storage::TopicId id, storage::TopicConfig changes) {
  return RunOn(home_, SetConfigHere(id, std::move(changes)));
}

Task<> StreamCatalog::SetConfigHere(storage::TopicId id, storage::TopicConfig changes) {
  CO_RETURN_IF_ERROR(co_await Acquire());
  Lock lock(this);
  if (!log_->FindTopic(id)) co_return NoSuchStream();
  auto change = [changes = std::move(changes)](storage::TopicConfig config) {
    for (const auto& [key, value] : changes) config[key] = value;
    return config;
  };
  co_return co_await log_->ChangeTopicConfig(id, std::move(change), false);
}

Task<> StreamCatalog::Update(storage::TopicId id, Change change) {
  return RunOn(home_, UpdateHere(id, std::move(change)));
}

Task<> StreamCatalog::UpdateHere(storage::TopicId id, Change change) {
  CO_RETURN_IF_ERROR(co_await Acquire());
  Lock lock(this);
  auto topic = log_->FindTopic(id);
  StreamPtr stream = topic ? FindKnown(*topic) : nullptr;
  if (!stream) co_return NoSuchStream();
  StreamMeta meta = stream->meta();
  size_t shards_before = meta.shards.size();
  CO_RETURN_IF_ERROR(change(*stream, &meta));
  bool resharded = meta.shards.size() != shards_before;
  stream.reset();
  CO_RETURN_IF_ERROR(co_await Persist(id, meta));
  if (resharded) co_return co_await FinishReshard(id, std::move(meta));
  Publish(id, std::move(meta), Routes::kSame);
  co_return Status::OK();
}

// The children's partitions come before anybody is sent to them, and the parents are closed when
// nobody writes to them any more. A crash in between is made up for by the next start.
Task<> StreamCatalog::FinishReshard(storage::TopicId id, StreamMeta meta) {
  auto topic = log_->FindTopic(id);
  if (!topic || meta.shards.empty()) co_return Status::OK();
  auto wanted = static_cast<int32_t>(meta.shards.size());
  if (topic->partition_count < wanted) {
    CO_ASSIGN_OR_RETURN(topic, co_await log_->AddPartitions(id, wanted));
  }
  std::weak_ptr<const WriteToken> older = Publish(id, meta, Routes::kNew);
  while (!older.expired()) CO_RETURN_IF_ERROR(co_await Sleep(kWriterPoll));
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

}  // namespace mainstem::gateway::kinesis
