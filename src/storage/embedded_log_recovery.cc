// The ordinary start: snapshot, then the journal after it, then a look at the files.
#include "storage/embedded_log_recovery.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/durable_folder.h"
#include "storage/set_aside.h"

namespace mainstem::storage {

// ---------------------------------------------------------------- what the journal tells

Status EmbeddedLog::Recovery::OnEntry(const EntryView& entry, LogPosition sequence,
                                      const ChunkPool::Chunk& chunk) {
  if (entry.type != EntryType::kAppend) {
    ASSIGN_OR_RETURN(Change change, DecodeChange(entry.type, entry.payload));
    return Apply(std::move(change));
  }
  AppendView append = DecodeAppend(entry.payload);
  // Unknown: the topic is deleted by a later entry, and the snapshot knows that already.
  Partition* partition = Find(append.partition);
  if (partition == nullptr) return Status::OK();
  if (lost_bytes > 0) known_ends.insert(append.partition);
  Offset base = ReadBatchHeader(append.batch.data()).base_offset;
  if (base > partition->next_offset) {
    lost.push_back({append.partition, partition->next_offset, base, "the journal"});
    partition->SkipTo(base);
  }
  partition->Replay(append.batch, sequence, chunk);
  return Status::OK();
}

void EmbeddedLog::Recovery::OnLost(JournalLoss loss) {
  is_damaged = has_lost_frames = true;
  lost_bytes += loss.bytes;
  known_ends.clear();
  log->options_.logger.Error("the journal is damaged: what lost frames held is missing",
                             {{"file", loss.what}});
}

void EmbeddedLog::Recovery::OnTorn(std::string what) {
  log->options_.logger.Warning(
      "the last frame of the journal is not whole: a write that was cut, and that nobody was told "
      "of, unless the disk damaged it since",
      {{"frame", what}});
}

void EmbeddedLog::Recovery::OnForeign(std::string what) {
  log->options_.logger.Error("a journal file is set aside", {{"file", what}});
}

void EmbeddedLog::Recovery::OnGap(std::string what) {
  has_lost_frames = true;
  log->options_.logger.Warning(
      "changes of topics, offsets of groups and the like are missing as far as only these frames "
      "of "
      "the journal and the snapshot had them",
      {{"file", what}});
}

Task<> EmbeddedLog::Recovery::OnPause() {
  if (log->journal_->cached_bytes() <= log->options_.cache_bytes * 3 / 4) co_return Status::OK();
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

Partition* EmbeddedLog::Recovery::Find(const TopicPartition& id) const {
  auto it = partitions.find(id);
  return it == partitions.end() ? nullptr : it->second.get();
}

void EmbeddedLog::Recovery::Drop(const TopicId& id) {
  auto topic = topics.find(id);
  if (topic == topics.end()) return;
  auto by_name = ids_by_name.find(topic->second->info.name);
  if (by_name != ids_by_name.end() && by_name->second == id) ids_by_name.erase(by_name);
  topics.erase(topic);
  std::erase_if(partitions, [id](const auto& entry) { return entry.first.topic_id == id; });
}

Status EmbeddedLog::Recovery::Apply(Change change) {
  if (auto* topic = std::get_if<TopicChange>(&change)) {
    auto known = ids_by_name.find(topic->topic.name);
    // Its deletion is among what is missing: another topic has its name by now.
    if (known != ids_by_name.end() && known->second != topic->topic.id) return Status::OK();
    RETURN_IF_ERROR(SetTopic(topic->topic));
  }
  if (auto* deletion = std::get_if<TopicDeletion>(&change)) Drop(deletion->id);
  if (auto* start = std::get_if<LogStartChange>(&change)) {
    if (Partition* partition = Find(start->partition)) partition->SetLogStart(start->log_start);
  }
  if (auto* state = std::get_if<PartitionState>(&change)) {
    if (Partition* partition = Find(state->partition)) partition->Restore(*state);
  }
  auto* step = std::get_if<CompactionChange>(&change);
  if (step != nullptr && !is_rebuilt) {  // else the files are as they are
    Partition* partition = Find(step->partition);
    Status replayed;
    if (partition != nullptr) replayed = partition->ReplayCompaction(*step);
    // It may rest on one that is lost; then the same is true.
    if (!has_lost_frames) RETURN_IF_ERROR(replayed);
  }
  if (auto* state = std::get_if<PartitionCompactionState>(&change)) {
    if (Partition* partition = Find(state->partition)) partition->RestoreCompaction(*state);
  }
  if (auto* state = std::get_if<PartitionTransactionsState>(&change)) {
    if (Partition* partition = Find(state->partition)) partition->transactions.Restore(*state);
  }
  log->meta_.Apply(change);
  return Status::OK();
}

Status EmbeddedLog::Recovery::SetTopic(const TopicInfo& info) {
  auto topic = std::make_shared<Topic>();
  topic->info = info;
  ASSIGN_OR_RETURN(topic->config, ParseTopicConfig(info.config));
  topics[info.id] = topic;
  ids_by_name[info.name] = info.id;
  for (int32_t i = 0; i < info.partition_count; ++i) {
    TopicPartition id{info.id, PartitionId(i)};
    std::shared_ptr<Partition>& partition = partitions[id];
    if (!partition) partition = log->shards_[log->ShardOf(id)]->MakePartition(id, topic);
    partition->topic = topic;
  }
  return Status::OK();
}

// ---------------------------------------------------------------- a look at the files

Task<> EmbeddedLog::SetFolderAside(std::string name) {
  Files& files = env_->files();
  std::string parent = options_.data_dir + "/set-aside";
  CO_RETURN_IF_ERROR(co_await MakeDurableFolder(&files, parent));
  std::string from = topics_folder_ + "/" + name;
  std::string prefix = fmt::format("{}/{}-", parent, name);
  CO_ASSIGN_OR_RETURN(std::string to, co_await FirstFreeName(&files, std::move(prefix)));
  CO_RETURN_IF_ERROR(co_await files.Rename(from, to));
  CO_RETURN_IF_ERROR(co_await files.SyncDirectory(parent));
  CO_RETURN_IF_ERROR(co_await files.SyncDirectory(topics_folder_));
  options_.logger.Error("a partition of no known topic is set aside", {{"from", from}, {"to", to}});
  co_return Status::OK();
}

// Removes folders of topics that are gone, unless it may be that we do not know them any more.
Task<> EmbeddedLog::CheckFolders(Recovery* recovery) {
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                      co_await env_->files().List(topics_folder_));
  std::set<std::string> known;
  for (auto& [id, partition] : recovery->partitions) known.insert(partition->folder);
  for (const DirectoryEntry& entry : entries) {
    std::string path = topics_folder_ + "/" + entry.name;
    if (!entry.is_directory || known.contains(path)) continue;
    if (recovery->has_lost_frames || recovery->is_rebuilt) {
      CO_RETURN_IF_ERROR(co_await SetFolderAside(entry.name));
      continue;
    }
    CO_RETURN_IF_ERROR(co_await env_->files().RemoveDirectoryTree(std::move(path)));
  }
  for (auto& [id, partition] : recovery->partitions) {
    auto look = partition->segments.CheckFiles(partition->log_start, recovery->has_lost_frames);
    CO_ASSIGN_OR_RETURN(std::vector<Segments::Hole> holes, co_await std::move(look));
    for (Segments::Hole& hole : holes) {
      recovery->lost.push_back({id, hole.begin, hole.end, std::move(hole.what)});
    }
  }
  co_return Status::OK();
}

void EmbeddedLog::ReportLost(Recovery* recovery) {
  for (const Recovery::LostRange& range : recovery->lost) {
    // A topic that is deleted by a later entry may have had records that the snapshot left out.
    const Partition* partition = recovery->Find(range.partition);
    if (partition == nullptr || range.end <= partition->log_start) continue;
    recovery->is_damaged = true;
    options_.logger.Error("records are lost", {{"partition", partition->folder},
                                               {"first_lost_offset", range.begin},
                                               {"next_offset", range.end},
                                               {"damaged", range.what}});
  }
}

Task<> EmbeddedLog::Recover() {
  Recovery recovery(this);
  std::string journal_folder = options_.data_dir + "/journal";
  CO_RETURN_IF_ERROR(co_await MakeDurableFolder(&env_->files(), topics_folder_));
  CO_RETURN_IF_ERROR(co_await MakeDurableFolder(&env_->files(), std::move(journal_folder)));
  CO_RETURN_IF_ERROR(co_await LoadSnapshot(&recovery));
  JournalStart start{.journal_id = recovery.journal_id,
                     .covered = covered_,
                     .is_exact = !recovery.is_rebuilt,
                     .is_new = recovery.is_new};
  CO_RETURN_IF_ERROR(co_await journal_->Recover(start, &recovery));
  CO_RETURN_IF_ERROR(co_await CheckFolders(&recovery));
  ReportLost(&recovery);
  if (recovery.is_rebuilt) ChooseProducerIds(&recovery);
  SkipLostEnds(&recovery);
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
  // Before compaction, whose steps count on the files that the snapshot names; and before anything
  // is in a new folder, so that a folder without a snapshot is a damaged one.
  snapshot_due_ = recovery.is_damaged || recovery.is_rebuilt;
  Status mended;
  if (snapshot_due_) mended = co_await CloseLostEnds(&recovery);
  if (snapshot_due_ && mended.ok()) mended = co_await DoCheckpoint();
  if (!mended.ok()) {
    IgnoreError(co_await journal_->Stop(), "its cause is told");
    co_return mended;
  }
  StartBackground();
  // Gives back the files of the last run, however often it was killed.
  if (journal_->durable() > covered_) checkpoint_due_ = true;
  co_return Status::OK();
}

}  // namespace mainstem::storage
