// Appends to several partitions and a change in one frame of the journal, so that recovery finds
// all of it or nothing: the epochs of jobs, and the ends of transactions.
#include <cstring>

#include <fmt/format.h>

#include "core/run_to_end.h"
#include "storage/embedded_log.h"

namespace mainstem::storage {
namespace {

Status CheckEpochBatch(const EpochCommit::Append& append, bool require_keys) {
  ASSIGN_OR_RETURN(BatchHeader header, ParseBatchHeader(append.batch));
  if (header.total_bytes() != append.batch.size()) {
    return MakeError(ErrorCode::kInvalidRecord, "an epoch's append must be one record batch");
  }
  return ValidateBatch(header, append.batch, {.trusted = true, .require_keys = require_keys});
}

}  // namespace

// What is appended to the partitions of one shard.
struct EmbeddedLog::TouchedShard {
  std::vector<TopicPartition> partitions;              // each once
  absl::flat_hash_map<TopicPartition, size_t> places;  // of the partitions
  std::vector<Offset> next_offsets;                    // the same; -1: there is no such partition
  std::vector<ShardLog::Installed> installed;

  void Add(const TopicPartition& partition) {
    bool is_new = places.try_emplace(partition, partitions.size()).second;
    if (is_new) partitions.push_back(partition);
  }
  Offset& NextOffset(const TopicPartition& partition) { return next_offsets[places.at(partition)]; }
};

Task<> EmbeddedLog::CommitEpoch(EpochCommit commit) {
  co_return co_await RunToEnd(HomeExecutor(), DoCommitEpoch(std::move(commit)));
}

Task<> EmbeddedLog::DoCommitEpoch(EpochCommit commit) {
  for (const EpochCommit::Append& append : commit.appends) {
    std::shared_ptr<const Topic> topic = FindState(append.partition.topic_id);
    bool require_keys = topic && topic->config.compact_policy;
    CO_RETURN_IF_ERROR(CheckEpochBatch(append, require_keys));
  }
  auto known = meta_.jobs.find(commit.job_id);
  int64_t last = known == meta_.jobs.end() ? 0 : known->second.epoch;
  if (commit.epoch != last + 1) {
    co_return MakeError(ErrorCode::kAlreadyExists,
                        fmt::format("job '{}' committed epoch {}, {} does not follow",
                                    commit.job_id, last, commit.epoch));
  }
  if (!jobs_in_commit_.insert(commit.job_id).second) {
    co_return MakeError(ErrorCode::kAlreadyExists,
                        fmt::format("job '{}' is committing an epoch already", commit.job_id));
  }
  // One at a time holds partitions; the wait for the disk is outside.
  Result<LogPosition> sequence = LogPosition(0);
  Status status = co_await epochs_lock_.Acquire();
  if (status.ok()) {
    Change change = JobEpochChange{commit.job_id, JobEpoch{commit.epoch, commit.metadata}};
    sequence = co_await JournalTogether(commit.appends, std::move(change), /*may_miss=*/false);
    epochs_lock_.Release();
    status = sequence.status();
  }
  if (status.ok()) status = co_await shards_[0]->WaitDurable(*sequence);
  jobs_in_commit_.erase(commit.job_id);
  co_return status;
}

// Takes the next offsets of all partitions, writes the frame, shows the batches to the shards.
// Appends to these partitions wait meanwhile, so that their order is the journal's.
Task<LogPosition> EmbeddedLog::JournalTogether(const std::vector<EpochCommit::Append>& appends,
                                               Change change, bool may_miss) {
  std::string payload;
  EncodeChange(change, &payload);
  size_t space = EntrySpace(payload.size());  // less when partitions are missing
  std::vector<TouchedShard> shards(shards_.size());
  uint64_t mask = 1;
  for (const EpochCommit::Append& append : appends) {
    space += EntrySpace(kAppendPrefixBytes + append.batch.size());
    size_t shard = ShardOf(append.partition);
    mask |= uint64_t{1} << shard;
    shards[shard].Add(append.partition);
  }
  if (space > Journal::kLargeBodyBytesMax) {
    co_return MakeError(ErrorCode::kRecordListTooLarge,
                        fmt::format("a commit of {} bytes, the journal takes {}", space,
                                    Journal::kLargeBodyBytesMax));
  }
  if (space > journal_->body_bytes_max())
    CO_RETURN_IF_ERROR(co_await journal_->PrepareLarge(space));
  CO_RETURN_IF_ERROR(co_await shards_[0]->WaitForRoom(space));

  Status status;
  size_t locked = 0;  // shards before this one hold their partitions
  for (; locked < shards.size() && status.ok(); ++locked) {
    if (shards[locked].partitions.empty()) continue;
    auto offsets =
        co_await RunOn(env_->shard(locked), shards_[locked]->Lock(shards[locked].partitions));
    status = offsets.status();
    if (!status.ok()) break;
    shards[locked].next_offsets = std::move(*offsets);
  }
  std::vector<const EpochCommit::Append*> present;
  for (size_t i = 0; i < appends.size() && status.ok(); ++i) {
    const EpochCommit::Append& append = appends[i];
    if (shards[ShardOf(append.partition)].NextOffset(append.partition).value() >= 0) {
      present.push_back(&append);
    } else if (may_miss) {
      space -= EntrySpace(kAppendPrefixBytes + append.batch.size());
    } else {
      status = MakeError(ErrorCode::kUnknownTopic, "this node has no such topic or partition");
    }
  }
  Reservation room;
  if (status.ok()) {
    uint32_t entries = static_cast<uint32_t>(present.size() + 1);
    status = journal_->Reserve(space, entries, mask).Value(&room);
  }
  if (status.ok()) {
    FillFrame(present, TypeOf(change), payload, room, &shards);
    UniqueFunction apply([this, change = std::move(change)] { meta_.Apply(change); });
    shards_[0]->ApplyWhenDurable(room.sequence, std::move(apply));
  }
  // Every shard knows its batches before the frame can be written: a checkpoint that covers the
  // frame writes them all.
  for (size_t i = 0; i < locked; ++i) {
    if (shards[i].partitions.empty()) continue;
    std::vector<ShardLog::Installed> installed = std::move(shards[i].installed);
    if (!status.ok()) {
      for (const TopicPartition& id : shards[i].partitions) installed.push_back({id, {}});
    }
    auto task = shards_[i]->Install(std::move(installed), room.sequence, room.chunk);
    IgnoreError(co_await RunOn(env_->shard(i), std::move(task)), "it does not fail");
  }
  CO_RETURN_IF_ERROR(status);
  journal_->Complete(room);
  co_return room.sequence;
}

// Copies the batches into the frame, gives them their offsets, and notes where each one lies.
void EmbeddedLog::FillFrame(const std::vector<const EpochCommit::Append*>& appends,
                            EntryType change_type, const std::string& change,
                            const Reservation& room, std::vector<TouchedShard>* shards) {
  std::byte* entry = room.data;
  for (const EpochCommit::Append* append : appends) {
    TouchedShard& shard = (*shards)[ShardOf(append->partition)];
    Offset& next_offset = shard.NextOffset(append->partition);
    std::byte* at = entry + kEntryHeaderBytes;
    EncodeAppendPrefix(append->partition, at);
    std::span<std::byte> copy(at + kAppendPrefixBytes, append->batch.size());
    std::memcpy(copy.data(), append->batch.data(), copy.size());
    SetBaseOffset(copy.data(), next_offset, kLeaderEpoch);
    SealEntry(entry, EntryType::kAppend, kAppendPrefixBytes + copy.size(), room.seed);
    next_offset = ReadBatchHeader(copy.data()).next_offset();
    shard.installed.push_back({append->partition, copy});
    entry += EntrySpace(kAppendPrefixBytes + copy.size());
  }
  std::memcpy(entry + kEntryHeaderBytes, change.data(), change.size());
  SealEntry(entry, change_type, change.size(), room.seed);
}

}  // namespace mainstem::storage
