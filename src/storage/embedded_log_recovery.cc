// The ordinary start: snapshot, then the journal after it, then a look at the files.
#include <algorithm>

#include <fmt/format.h>

#include "storage/embedded_log.h"
#include "storage/set_aside.h"

namespace mainstem::storage {
namespace {

constexpr size_t kSnapshotBytesMax = size_t{2} << 30;

}  // namespace

// Runs before any shard uses its partitions, on the home shard.
struct EmbeddedLog::Recovery final : JournalVisitor {
  explicit Recovery(EmbeddedLog* log) : log(log) {}

  Status OnEntry(const EntryView& entry, LogPosition sequence,
                 const ChunkPool::Chunk& chunk) override {
    if (entry.type == EntryType::kAppend) {
      AppendView append = DecodeAppend(entry.payload);
      // Unknown: the topic is deleted by a later entry, and the snapshot knows that already.
      auto it = partitions.find(append.partition);
      if (it == partitions.end()) return Status::OK();
      if (has_lost_frames) StepOverHole(it->second.get(), append.batch);
      it->second->Replay(append.batch, sequence, chunk);
      return Status::OK();
    }
    ASSIGN_OR_RETURN(Change change, DecodeChange(entry.type, entry.payload));
    return Apply(std::move(change));
  }

  void OnLost(std::string what) override {
    is_damaged = has_lost_frames = true;
    log->options_.logger.Error("the journal is damaged: what lost frames held is missing",
                               {{"file", what}});
  }

  void StepOverHole(Partition* partition, std::span<const std::byte> batch) {
    Offset next = ReadBatchHeader(batch.data()).base_offset;
    if (next <= partition->next_offset) return;
    ReportHole(*partition, partition->next_offset, next, "the journal");
    partition->SkipTo(next);
  }

  void ReportHole(const Partition& partition, Offset begin, Offset end, std::string_view what) {
    is_damaged = true;
    log->options_.logger.Error("records are lost", {{"partition", partition.folder},
                                                    {"first_lost_offset", begin},
                                                    {"next_offset", end},
                                                    {"damaged", what}});
  }

  // What is in memory stays within the cache: the rest goes to segments while we read.
  Task<> OnPause() override {
    if (log->journal_->cached_bytes() <= log->options_.cache_bytes * 3 / 4) {
      co_return Status::OK();
    }
    LogPosition all(INT64_MAX);
    for (auto& [id, partition] : partitions) {
      if (!partition->HasUnflushed(all)) continue;
      CO_RETURN_IF_ERROR(co_await partition->segments.CheckActive());
      CO_RETURN_IF_ERROR(co_await partition->Flush(all));
      partition->Evict(all);
    }
    log->journal_->ForgetSizes(all);
    co_return Status::OK();
  }

  Status Apply(Change change) {
    if (auto* topic = std::get_if<TopicChange>(&change)) RETURN_IF_ERROR(SetTopic(topic->topic));
    if (auto* deletion = std::get_if<TopicDeletion>(&change)) {
      topics.erase(deletion->id);
      std::erase_if(partitions,
                    [deletion](const auto& entry) { return entry.first.topic_id == deletion->id; });
    }
    if (auto* start = std::get_if<LogStartChange>(&change)) {
      auto it = partitions.find(start->partition);
      if (it != partitions.end()) it->second->SetLogStart(start->log_start);
    }
    if (auto* state = std::get_if<PartitionState>(&change)) {
      auto it = partitions.find(state->partition);
      if (it != partitions.end()) it->second->Restore(*state);
    }
    if (auto* step = std::get_if<CompactionChange>(&change)) {
      auto it = partitions.find(step->partition);
      Status replayed;
      if (it != partitions.end()) replayed = it->second->ReplayCompaction(*step);
      // It may rest on one that is lost; then the files are as they are.
      if (!has_lost_frames) RETURN_IF_ERROR(replayed);
    }
    if (auto* state = std::get_if<PartitionCompactionState>(&change)) {
      auto it = partitions.find(state->partition);
      if (it != partitions.end()) it->second->RestoreCompaction(*state);
    }
    if (auto* state = std::get_if<PartitionTransactionsState>(&change)) {
      auto it = partitions.find(state->partition);
      if (it != partitions.end()) it->second->transactions.Restore(*state);
    }
    log->meta_.Apply(change);
    return Status::OK();
  }

  Status SetTopic(const TopicInfo& info) {
    auto topic = std::make_shared<Topic>();
    topic->info = info;
    ASSIGN_OR_RETURN(topic->config, ParseTopicConfig(info.config));
    topics[info.id] = topic;
    for (int32_t i = 0; i < info.partition_count; ++i) {
      TopicPartition id{info.id, PartitionId(i)};
      std::shared_ptr<Partition>& partition = partitions[id];
      if (!partition) {
        partition = log->shards_[log->ShardOf(id)]->MakePartition(id, topic);
      }
      partition->topic = topic;
    }
    return Status::OK();
  }

  EmbeddedLog* const log;
  bool found_snapshot = false;
  bool is_damaged = false;       // something that was durable is lost
  bool has_lost_frames = false;  // of the journal
  uint64_t journal_id = 0;
  std::map<TopicId, std::shared_ptr<const Topic>> topics;
  std::map<TopicPartition, std::shared_ptr<Partition>> partitions;
};

Task<> EmbeddedLog::LoadSnapshot(Recovery* recovery) {
  std::string path = options_.data_dir + "/snapshot";
  CO_ASSIGN_OR_RETURN(bool exists, co_await env_->files().Exists(path));
  if (!exists) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(std::string bytes, co_await env_->files().ReadAll(path, kSnapshotBytesMax));
  CO_ASSIGN_OR_RETURN(Snapshot snapshot, DecodeSnapshot(bytes));
  recovery->found_snapshot = true;
  recovery->journal_id = snapshot.journal_id;
  covered_ = snapshot.covered;
  for (Change& change : snapshot.changes) CO_RETURN_IF_ERROR(recovery->Apply(std::move(change)));
  co_return Status::OK();
}

Task<> EmbeddedLog::SetFolderAside(std::string name) {
  Files& files = env_->files();
  std::string parent = options_.data_dir + "/set-aside";
  CO_RETURN_IF_ERROR(co_await files.CreateDirectories(parent));
  std::string from = topics_folder_ + "/" + name;
  std::string prefix = fmt::format("{}/{}-", parent, name);
  CO_ASSIGN_OR_RETURN(std::string to, co_await FirstFreeName(&files, std::move(prefix)));
  CO_RETURN_IF_ERROR(co_await files.Rename(from, to));
  CO_RETURN_IF_ERROR(co_await files.SyncDirectory(parent));
  CO_RETURN_IF_ERROR(co_await files.SyncDirectory(topics_folder_));
  options_.logger.Error("a partition of no known topic is set aside", {{"from", from}, {"to", to}});
  co_return Status::OK();
}

// Removes folders of topics that are gone, and refuses to do so when it seems that we know nothing.
Task<> EmbeddedLog::CheckFolders(Recovery* recovery) {
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                      co_await env_->files().List(topics_folder_));
  bool knows_nothing = !recovery->found_snapshot && recovery->topics.empty() &&
                       journal_->durable() == LogPosition(0);
  if (knows_nothing && !entries.empty()) {
    co_return MakeError(
        ErrorCode::kCorruptStorage,
        {.message = fmt::format("'{}' holds topics, but there is no journal that knows them",
                                options_.data_dir),
         .hint = "restore the data folder from a backup, or move its 'topics' folder away"});
  }
  std::set<std::string> known;
  for (auto& [id, partition] : recovery->partitions) {
    if (partition->has_gap) {
      co_return MakeError(ErrorCode::kCorruptStorage,
                          fmt::format("the journal misses records of '{}'", partition->folder));
    }
    known.insert(partition->folder);
  }
  for (const DirectoryEntry& entry : entries) {
    std::string path = topics_folder_ + "/" + entry.name;
    if (!entry.is_directory || known.contains(path)) continue;
    if (recovery->has_lost_frames) {
      // Its topic's creation may be among what is lost.
      CO_RETURN_IF_ERROR(co_await SetFolderAside(entry.name));
      continue;
    }
    CO_RETURN_IF_ERROR(co_await env_->files().RemoveDirectoryTree(std::move(path)));
  }
  for (auto& [id, partition] : recovery->partitions) {
    CO_ASSIGN_OR_RETURN(std::vector<Segments::Hole> holes,
                        co_await partition->segments.CheckFiles(partition->log_start));
    for (const Segments::Hole& hole : holes) {
      recovery->ReportHole(*partition, hole.begin, hole.end, hole.what);
    }
  }
  co_return Status::OK();
}

Task<> EmbeddedLog::Recover() {
  Recovery recovery(this);
  CO_RETURN_IF_ERROR(co_await env_->files().CreateDirectories(topics_folder_));
  std::string journal_folder = options_.data_dir + "/journal";
  CO_RETURN_IF_ERROR(co_await env_->files().CreateDirectories(std::move(journal_folder)));
  CO_RETURN_IF_ERROR(co_await env_->files().SyncDirectory(options_.data_dir));
  CO_RETURN_IF_ERROR(co_await LoadSnapshot(&recovery));
  CO_RETURN_IF_ERROR(co_await journal_->Recover(recovery.journal_id, covered_, &recovery));
  CO_RETURN_IF_ERROR(co_await CheckFolders(&recovery));
  next_producer_id_ = meta_.producer_id_end;
  for (const auto& [key, from] : meta_.pins) {
    auto it = recovery.partitions.find(key.second);
    if (it != recovery.partitions.end()) it->second->pins[key.first] = from;
  }
  for (auto& [id, topic] : recovery.topics) SetCatalog(topic);
  for (auto& [id, partition] : recovery.partitions) {
    size_t shard = ShardOf(id);
    CO_RETURN_IF_ERROR(co_await RunOn(env_->shard(shard), shards_[shard]->AddPartition(partition)));
  }
  for (const auto& [id, transaction] : meta_.transactions) {
    if (transaction.state != TransactionState::kOngoing) continue;
    CO_RETURN_IF_ERROR(co_await Admit(transaction));
  }
  Journal::Callbacks callbacks{
      .on_durable = [this](LogPosition durable, uint64_t mask) { OnDurable(durable, mask); },
      .on_room = [this] { OnRoom(); },
      .on_fenced = [this](const Status& status) { OnFenced(status); },
      .on_room_wanted = [this] { checkpoint_wake_.NotifyAll(); }};
  CO_RETURN_IF_ERROR(co_await journal_->Start(std::move(callbacks)));
  // Before compaction, whose steps count on the files that the snapshot names.
  snapshot_due_ = recovery.is_damaged;
  if (snapshot_due_) CO_RETURN_IF_ERROR(co_await DoCheckpoint());
  StartBackground();
  // Gives back the files of the last run, however often it was killed.
  if (journal_->durable() > covered_) checkpoint_due_ = true;
  co_return Status::OK();
}

}  // namespace mainstem::storage
