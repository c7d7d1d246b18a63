// The snapshot file and its copy, and what the start does without both: topics from the folders of
// their partitions, partitions from their files, the rest from what the journal still has.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "storage/batch_builder.h"
#include "storage/compacted_batch.h"
#include "storage/embedded_log_recovery.h"
#include "storage/set_aside.h"

namespace mainstem::storage {
namespace {

constexpr size_t kSnapshotBytesMax = size_t{2} << 30;
constexpr size_t kPartitionMetadataBytesMax = 4096;
// More than anybody hands out between two snapshots.
constexpr int64_t kProducerIdsSkipped = 1'000'000;

struct SnapshotFile {
  std::string bytes;
  std::optional<Snapshot> snapshot;
  std::string flaw;  // why there is none
};

// One offset long and without a record.
std::vector<std::byte> MakeHoleEnd() {
  BatchBuilder builder;
  builder.Add(0, std::nullopt, std::nullopt);
  Result<std::vector<std::byte>> batch = builder.Build();
  CHECK(batch.ok());  // nothing is compressed
  return MakeEmptyBatch(*batch);
}

// What is not whole has a flaw; an error means that it may be whole and can't be used.
Task<SnapshotFile> ReadSnapshotFile(Files* files, std::string path) {
  SnapshotFile file;
  CO_ASSIGN_OR_RETURN(bool exists, co_await files->Exists(path));
  if (!exists) {
    file.flaw = "it is missing";
    co_return file;
  }
  CO_ASSIGN_OR_RETURN(file.bytes, co_await files->ReadAll(std::move(path), kSnapshotBytesMax));
  Result<Snapshot> decoded = DecodeSnapshot(file.bytes);
  if (decoded.ok()) {
    file.snapshot = std::move(*decoded);
  } else if (Is(decoded.status(), ErrorCode::kCorruptStorage)) {
    file.flaw = TextOf(decoded.status()).message;
  } else {
    co_return decoded.status();
  }
  co_return file;
}

// Not synced: it is there for what may happen to the other file long after it was written.
Task<> WriteSnapshotCopy(Files* files, std::string path, const std::string& contents) {
  OpenOptions how{.write = true, .create = true, .truncate = true};
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> file, co_await files->Open(std::move(path), how));
  std::span<const std::byte> bytes = std::as_bytes(std::span(contents));
  co_return co_await file->WriteAt(0, bytes);
}

// "orders-2024-11" is partition 11 of "orders-2024".
std::optional<std::pair<std::string, int32_t>> ParsePartitionFolder(const std::string& name) {
  size_t dash = name.rfind('-');
  if (dash == std::string::npos || dash == 0) return std::nullopt;
  int32_t number = -1;
  const char* end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data() + dash + 1, end, number);
  if (error != std::errc() || stop != end || number < 0 || number > 100'000) return std::nullopt;
  return std::pair(name.substr(0, dash), number);
}

bool HasSegments(const std::vector<DirectoryEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const DirectoryEntry& entry) {
    return ParseSegmentFileName(entry.name, ".log").has_value();
  });
}

}  // namespace

struct EmbeddedLog::PartitionFolder {
  std::string name;
  int32_t number = 0;
  std::optional<TopicId> stated;  // by its partition.metadata
};

// ---------------------------------------------------------------- the snapshot

Task<> EmbeddedLog::WriteSnapshot(LogPosition covered) {
  Snapshot snapshot{
      .journal_id = journal_->journal_id(), .covered = covered, .changes = meta_.ToChanges()};
  for (size_t i = 0; i < shards_.size(); ++i) {
    CO_ASSIGN_OR_RETURN(std::vector<Change> states,
                        co_await RunOn(env_->shard(i), shards_[i]->Snapshot(covered)));
    for (Change& state : states) snapshot.changes.push_back(std::move(state));
  }
  std::string bytes = EncodeSnapshot(snapshot);
  // First the copy, so that it is never older than the other.
  std::string path = options_.data_dir + "/snapshot";
  CO_RETURN_IF_ERROR(co_await WriteSnapshotCopy(&env_->files(), path + ".copy", bytes));
  co_return co_await env_->files().WriteAtomically(std::move(path), std::move(bytes));
}

Task<> EmbeddedLog::LoadSnapshot(Recovery* recovery) {
  Files& files = env_->files();
  std::string path = options_.data_dir + "/snapshot";
  std::string copy_path = path + ".copy";
  CO_ASSIGN_OR_RETURN(SnapshotFile newest, co_await ReadSnapshotFile(&files, path));
  CO_ASSIGN_OR_RETURN(SnapshotFile copy, co_await ReadSnapshotFile(&files, copy_path));
  if (newest.snapshot) {
    if (copy.bytes != newest.bytes) {
      CO_RETURN_IF_ERROR(co_await WriteSnapshotCopy(&files, copy_path, newest.bytes));
    }
    recovery->journal_id = newest.snapshot->journal_id;
    covered_ = newest.snapshot->covered;
    for (Change& change : newest.snapshot->changes) {
      CO_RETURN_IF_ERROR(recovery->Apply(std::move(change)));
    }
    co_return Status::OK();
  }
  recovery->is_rebuilt = true;
  recovery->has_copy = copy.snapshot.has_value();
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> folders, co_await files.List(topics_folder_));
  recovery->is_new = folders.empty() && newest.bytes.empty() && copy.bytes.empty();
  if (!recovery->is_new) {
    CO_RETURN_IF_ERROR(co_await ReportSnapshot(path, newest.flaw, !newest.bytes.empty()));
    std::string flaw = copy.flaw;
    if (!copy.snapshot) {
      CO_RETURN_IF_ERROR(co_await ReportSnapshot(copy_path, flaw, !copy.bytes.empty()));
    }
    options_.logger.Error(
        copy.snapshot
            ? "the snapshot's copy is used, and the segment files are read through"
            : "topics are found by the folders of their partitions; offsets of groups, "
              "configurations and states of jobs are known as far as the journal has them");
  }
  if (copy.snapshot) {
    recovery->journal_id = copy.snapshot->journal_id;
    covered_ = copy.snapshot->covered;
  }
  co_return co_await RebuildPartitions(recovery, std::move(copy.snapshot));
}

Task<> EmbeddedLog::ReportSnapshot(std::string path, std::string flaw, bool exists) {
  std::string now = "nothing";
  if (exists) {
    CO_ASSIGN_OR_RETURN(now, co_await MoveAside(&env_->files(), path));
  }
  options_.logger.Error("the snapshot is damaged",
                        {{"file", path}, {"flaw", flaw}, {"set_aside", now}});
  co_return Status::OK();
}

// ---------------------------------------------------------------- without it

Task<> EmbeddedLog::RebuildPartitions(Recovery* recovery, std::optional<Snapshot> copy) {
  std::vector<PartitionState> states;
  if (copy) {
    for (Change& change : copy->changes) {
      // Of partitions, their files tell more.
      if (auto* state = std::get_if<PartitionState>(&change)) states.push_back(std::move(*state));
      bool is_of_files = TypeOf(change) >= EntryType::kPartition;
      if (!is_of_files) CO_RETURN_IF_ERROR(recovery->Apply(std::move(change)));
    }
  }
  CO_RETURN_IF_ERROR(co_await AdoptFolders(recovery));
  std::map<TopicPartition, Offset> known_ends;
  for (const PartitionState& state : states) {
    Partition* partition = recovery->Find(state.partition);
    if (partition == nullptr) continue;
    partition->SetLogStart(state.log_start);
    known_ends[state.partition] = state.flushed;
  }
  for (auto& [id, partition] : recovery->partitions) {
    CO_RETURN_IF_ERROR(co_await partition->Rebuild(known_ends[id]));
    // Segments follow each other without a gap.
    Offset end = partition->log_start;
    for (const SegmentInfo& segment : partition->segments.list()) {
      if (segment.base_offset > end) {
        recovery->lost.push_back({id, end, segment.base_offset, partition->folder});
      }
      end = segment.next_offset;
    }
    if (end < partition->next_offset) {
      recovery->lost.push_back({id, end, partition->next_offset, partition->folder});
    }
  }
  co_return Status::OK();
}

// Topics that only their folders tell of.
Task<> EmbeddedLog::AdoptFolders(Recovery* recovery) {
  CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                      co_await env_->files().List(topics_folder_));
  std::map<std::string, std::vector<PartitionFolder>> by_topic;
  for (const DirectoryEntry& entry : entries) {
    auto parsed = ParsePartitionFolder(entry.name);
    if (!entry.is_directory || !parsed) continue;
    std::string path = topics_folder_ + "/" + entry.name;
    Result<std::string> text =
        co_await env_->files().ReadAll(path + "/partition.metadata", kPartitionMetadataBytesMax);
    PartitionFolder folder{.name = entry.name, .number = parsed->second, .stated = std::nullopt};
    if (text.ok()) folder.stated = ParsePartitionMetadata(*text);
    CO_ASSIGN_OR_RETURN(std::vector<DirectoryEntry> files, co_await env_->files().List(path));
    bool is_partition = folder.stated || HasSegments(files);
    if (is_partition) by_topic[parsed->first].push_back(std::move(folder));
  }
  for (auto& [name, folders] : by_topic) {
    CO_RETURN_IF_ERROR(co_await AdoptTopic(recovery, name, std::move(folders)));
  }
  co_return Status::OK();
}

Task<> EmbeddedLog::AdoptTopic(Recovery* recovery, std::string name,
                               std::vector<PartitionFolder> folders) {
  auto known = recovery->ids_by_name.find(name);
  std::map<TopicId, int> counts;
  std::optional<TopicId> id;  // the one that most folders state
  for (const PartitionFolder& folder : folders) {
    if (!folder.stated) continue;
    int count = ++counts[*folder.stated];
    if (!id || count > counts[*id]) id = folder.stated;
  }
  if (!id && known != recovery->ids_by_name.end()) id = known->second;
  if (!id) {
    id = TopicId{};
    for (auto& byte : *id) byte = static_cast<uint8_t>(env_->Random());
  }
  // The copy is older than the topic that has the name now.
  if (known != recovery->ids_by_name.end() && known->second != *id) {
    meta_.topics.erase(known->second);
    recovery->Drop(TopicId(known->second));
  }
  TopicInfo info{.name = name, .id = *id, .partition_count = 0, .config = {}};
  auto topic = recovery->topics.find(*id);
  if (topic != recovery->topics.end()) info = topic->second->info;
  int32_t known_count = info.partition_count;
  for (const PartitionFolder& folder : folders) {
    if (folder.stated && *folder.stated != *id) {
      CO_RETURN_IF_ERROR(co_await SetFolderAside(folder.name));
    } else {
      info.partition_count = std::max(info.partition_count, folder.number + 1);
    }
  }
  if (known_count == 0) {
    // Nothing goes by a rule that may not be the topic's own.
    info.config = {{"retention.ms", "-1"}};
    options_.logger.Error("the configuration of a topic is lost: nothing is deleted from it",
                          {{"topic", name}, {"partitions", info.partition_count}});
  }
  if (info.partition_count == known_count) co_return Status::OK();
  co_return recovery->Apply(TopicChange{info});
}

// Ids that nobody got so far.
void EmbeddedLog::ChooseProducerIds(Recovery* recovery) {
  int64_t greatest = -1;
  for (const auto& [id, partition] : recovery->partitions) {
    for (const ProducerInfo& info : partition->producers.List()) {
      greatest = std::max(greatest, info.id.value());
    }
  }
  if (greatest < meta_.producer_id_end && recovery->has_copy) return;
  if (greatest < 0 && meta_.producer_id_end == 0) return;  // a new folder
  int64_t end = std::max(greatest, meta_.producer_id_end) + kProducerIdsSkipped;
  meta_.Apply(ProducerIdBlock{end});
}

// ---------------------------------------------------------------- lost ends

// A client that read a record must not find another one in its place, so the offsets of those that
// may be lost at a partition's end are not given again. A record takes a byte at least; compressed
// ones take less.
void EmbeddedLog::SkipLostEnds(Recovery* recovery) {
  constexpr int64_t kOffsetsSkippedMin = 1'000'000;
  constexpr int64_t kOffsetsSkippedMax = 1'000'000'000;  // within what a segment's index can tell
  if (recovery->lost_bytes == 0) return;
  int64_t count = std::clamp(recovery->lost_bytes, kOffsetsSkippedMin, kOffsetsSkippedMax);
  for (auto& [id, partition] : recovery->partitions) {
    if (recovery->known_ends.contains(id)) continue;
    partition->SkipTo(partition->next_offset + count);
  }
  options_.logger.Error(
      "offsets are left out, because records may be lost that had them",
      {{"count", count},
       {"partitions", recovery->partitions.size() - recovery->known_ends.size()}});
}

// Behind a hole at a partition's end goes a batch without records, for readers to come past it;
// what is open for ever, because the end of its transaction is lost, is aborted.
Task<> EmbeddedLog::CloseLostEnds(Recovery* recovery) {
  constexpr size_t kAppendsAtOnce = 500;
  int64_t now_ms = env_->WallTime().value();
  std::set<std::pair<ProducerId, TopicPartition>> ongoing;
  for (const auto& [id, transaction] : meta_.transactions) {
    if (transaction.state != TransactionState::kOngoing) continue;
    for (const TopicPartition& in : transaction.partitions) {
      ongoing.emplace(transaction.producer_id, in);
    }
  }
  std::vector<EpochCommit::Append> appends;
  for (const auto& [id, partition] : recovery->partitions) {
    if (partition->EndsInHole()) appends.push_back({id, MakeHoleEnd()});
    for (ProducerId producer : partition->transactions.OpenProducers()) {
      if (ongoing.contains({producer, id})) continue;
      options_.logger.Error("a transaction is aborted: nothing is known of it any more",
                            {{"partition", partition->folder}, {"producer_id", producer}});
      ProducerEpoch epoch = partition->producers.EpochOf(producer);
      appends.push_back({id, MakeMarker(producer, epoch, /*committed=*/false, now_ms)});
    }
  }
  for (size_t begin = 0; begin < appends.size(); begin += kAppendsAtOnce) {
    auto from = appends.begin() + static_cast<std::ptrdiff_t>(begin);
    auto to = appends.begin() +
              static_cast<std::ptrdiff_t>(std::min(begin + kAppendsAtOnce, appends.size()));
    std::vector<EpochCommit::Append> some(from, to);
    Change change = ProducerIdBlock{meta_.producer_id_end};
    CO_ASSIGN_OR_RETURN(LogPosition sequence,
                        co_await JournalTogether(some, std::move(change), /*may_miss=*/true));
    CO_RETURN_IF_ERROR(co_await shards_[0]->WaitDurable(sequence));
  }
  co_return Status::OK();
}

}  // namespace mainstem::storage
