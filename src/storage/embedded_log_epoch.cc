// Epoch commits: appends to several partitions and the job's epoch in one frame of the journal, so
// that recovery finds all of it or nothing.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "storage/embedded_log.h"
#include "storage/run_to_end.h"

namespace mainstem::storage {
namespace {

constexpr LeaderEpoch kLeaderEpoch{0};

Status CheckEpochBatch(const EpochCommit::Append& append, bool require_keys) {
  ASSIGN_OR_RETURN(BatchHeader header, ParseBatchHeader(append.batch));
  if (header.total_bytes() != append.batch.size()) {
    return MakeError(ErrorCode::kInvalidRecord, "an epoch's append must be one record batch");
  }
  return ValidateBatch(header, append.batch, {.trusted = true, .require_keys = require_keys});
}

}  // namespace

// What an epoch appends to the partitions of one shard.
struct EmbeddedLog::EpochShard {
  std::vector<TopicPartition> partitions;  // each once
  std::vector<Offset> next_offsets;        // of the partitions
  std::vector<ShardLog::Installed> installed;
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
    sequence = co_await JournalEpoch(commit);
    epochs_lock_.Release();
    status = sequence.status();
  }
  if (status.ok()) status = co_await shards_[0]->WaitDurable(*sequence);
  jobs_in_commit_.erase(commit.job_id);
  co_return status;
}

// Takes the next offsets of all partitions, writes the frame, shows the batches to the shards.
// Appends to these partitions wait meanwhile, so that their order is the journal's.
Task<LogPosition> EmbeddedLog::JournalEpoch(const EpochCommit& commit) {
  JobEpochChange change{commit.job_id, JobEpoch{commit.epoch, commit.metadata}};
  std::string payload;
  EncodeChange(change, &payload);
  size_t space = EntrySpace(payload.size());
  std::vector<EpochShard> shards(shards_.size());
  uint64_t mask = 1;
  for (const EpochCommit::Append& append : commit.appends) {
    space += EntrySpace(kAppendPrefixBytes + append.batch.size());
    size_t shard = ShardOf(append.partition);
    mask |= uint64_t{1} << shard;
    auto& partitions = shards[shard].partitions;
    bool known =
        std::find(partitions.begin(), partitions.end(), append.partition) != partitions.end();
    if (!known) partitions.push_back(append.partition);
  }
  if (space > Journal::kLargeBodyBytesMax) {
    co_return MakeError(ErrorCode::kRecordListTooLarge,
                        fmt::format("an epoch of {} bytes, the journal takes {}", space,
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
  Reservation room;
  if (status.ok()) {
    uint32_t entries = static_cast<uint32_t>(commit.appends.size() + 1);
    status = journal_->Reserve(space, entries, mask).Value(&room);
  }
  if (status.ok()) {
    FillEpochFrame(commit, payload, room, &shards);
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
void EmbeddedLog::FillEpochFrame(const EpochCommit& commit, const std::string& epoch,
                                 const Reservation& room, std::vector<EpochShard>* shards) {
  std::byte* entry = room.data;
  for (const EpochCommit::Append& append : commit.appends) {
    EpochShard& shard = (*shards)[ShardOf(append.partition)];
    size_t index = static_cast<size_t>(
        std::find(shard.partitions.begin(), shard.partitions.end(), append.partition) -
        shard.partitions.begin());
    std::byte* at = entry + kEntryHeaderBytes;
    EncodeAppendPrefix(append.partition, at);
    std::span<std::byte> copy(at + kAppendPrefixBytes, append.batch.size());
    std::memcpy(copy.data(), append.batch.data(), copy.size());
    SetBaseOffset(copy.data(), shard.next_offsets[index], kLeaderEpoch);
    SealEntry(entry, EntryType::kAppend, kAppendPrefixBytes + copy.size(), room.seed);
    shard.next_offsets[index] = ReadBatchHeader(copy.data()).next_offset();
    shard.installed.push_back({append.partition, copy});
    entry += EntrySpace(kAppendPrefixBytes + copy.size());
  }
  std::memcpy(entry + kEntryHeaderBytes, epoch.data(), epoch.size());
  SealEntry(entry, EntryType::kJobEpoch, epoch.size(), room.seed);
}

}  // namespace mainstem::storage
