// A shard's partitions come and go; background work on their files.
#include <algorithm>

#include <fmt/format.h>

#include "storage/file_use.h"
#include "storage/shard_log.h"

namespace mainstem::storage {

std::shared_ptr<Partition> ShardLog::MakePartition(TopicPartition id,
                                                   std::shared_ptr<const Topic> topic) {
  SegmentAccess access{.env = env_,
                       .open_files = &open_files_,
                       .buffers = buffers_.get(),
                       .read_ahead = &read_ahead_,
                       .logger = limits_.logger};
  return std::make_shared<Partition>(id, std::move(topic), access, topics_folder_);
}

Task<> ShardLog::AddPartition(std::shared_ptr<Partition> partition) {
  partitions_[partition->id] = std::move(partition);
  co_return Status::OK();
}

Task<> ShardLog::UpdateTopic(TopicPartition id, std::shared_ptr<const Topic> topic) {
  if (std::shared_ptr<Partition> partition = Find(id)) partition->topic = std::move(topic);
  co_return Status::OK();
}

Task<> ShardLog::SetPin(TopicPartition id, std::string holder, std::optional<Offset> from) {
  std::shared_ptr<Partition> partition = Find(id);
  if (!partition) co_return Status::OK();
  if (from) {
    partition->pins[holder] = *from;
  } else {
    partition->pins.erase(holder);
  }
  co_return Status::OK();
}

Task<> ShardLog::RemovePartition(TopicPartition id) {
  std::shared_ptr<Partition> partition = Find(id);
  if (!partition) co_return Status::OK();
  partitions_.erase(id);
  partition->deleted = true;
  partition->segments.MarkRemoved();
  partition->data_waiters.FireAll();
  room_event_.NotifyAll();
  while (partition->file_user_count > 0 || partition->is_compacting) {
    CO_RETURN_IF_ERROR(co_await file_event_.Wait());
  }
  Status removed = co_await env_->files().RemoveDirectoryTree(partition->folder);
  // Only now, that no reader can open them again: a topic of the same name may follow, with files
  // of the same names.
  for (const SegmentInfo& segment : partition->segments.list()) {
    std::string path = partition->folder + "/" + SegmentFileName(segment.base_offset, ".log");
    open_files_.Forget(path, segment.generation);
  }
  co_return removed;
}

// ---------------------------------------------------------------- flush

Task<> ShardLog::FlushSome(std::deque<std::shared_ptr<Partition>>* todo, LogPosition limit,
                           Status* first) {
  while (!todo->empty()) {
    if (env_->Now() > flush_end_) {
      *first = MakeError(ErrorCode::kUnavailable, "the log stops: the journal keeps the rest");
      co_return Status::OK();
    }
    std::shared_ptr<Partition> partition = std::move(todo->front());
    todo->pop_front();
    // One at a time: retention may be at work on the same files.
    while (partition->file_user_count > 0) CO_RETURN_IF_ERROR(co_await file_event_.Wait());
    if (partition->deleted) continue;
    Status status;
    {
      FileUse use(this, partition.get());
      status = co_await partition->Flush(limit);
    }
    if (!status.ok() && first->ok()) *first = status;
  }
  co_return Status::OK();
}

Task<> ShardLog::Flush(LogPosition limit) {
  std::deque<std::shared_ptr<Partition>> todo;
  for (auto& partition : InOrder()) {
    if (partition->HasUnflushed(limit)) todo.push_back(partition);
  }
  Status first;
  TaskScope scope(env_->shard(shard_), "flush", [&first](const std::string&, const Status& status) {
    if (first.ok()) first = status;
  });
  size_t tasks = std::min(kFlushTaskCount, todo.size());
  for (size_t i = 0; i < tasks; ++i) scope.Spawn("partitions", FlushSome(&todo, limit, &first));
  Status joined = co_await scope.Join();
  CO_RETURN_IF_ERROR(co_await scope.Close());
  CO_RETURN_IF_ERROR(joined);
  co_return first;
}

Task<std::vector<Change>> ShardLog::Snapshot(LogPosition durable) {
  OnDurable(durable);
  int64_t oldest = env_->WallTime().value() - limits_.producer_id_expiration_ms;
  std::vector<Change> states;
  for (auto& partition : InOrder()) {
    partition->producers.Expire(oldest, partition->transactions.OpenProducers());
    PartitionState state = partition->Snapshot();
    bool fresh = state.flushed.value() == 0 && state.log_start.value() == 0 &&
                 state.segments.empty() && state.producers.empty();
    if (!fresh) states.push_back(std::move(state));
    partition->NoteSnapshot();
    PartitionCompactionState compaction = partition->CompactionSnapshot();
    if (compaction.generation > 0) states.push_back(std::move(compaction));
    PartitionTransactionsState transactions =
        partition->transactions.Snapshot(partition->id, partition->high_watermark);
    bool has_any = !transactions.open.empty() || !transactions.aborted.empty();
    if (has_any) states.push_back(std::move(transactions));
  }
  co_return states;
}

Task<> ShardLog::OnSnapshotWritten() {
  for (auto& [id, partition] : partitions_) partition->OnSnapshotWritten();
  co_return Status::OK();
}

void ShardLog::Evict(LogPosition limit) {
  for (auto& [id, partition] : partitions_) partition->Evict(limit);
}

// ---------------------------------------------------------------- retention

// The move is durable before a file goes, so that recovery never misses one.
Task<> ShardLog::MoveLogStart(std::shared_ptr<Partition> partition, Offset log_start) {
  if (log_start <= partition->log_start) co_return Status::OK();
  std::vector<Change> changes;
  changes.push_back(LogStartChange{partition->id, log_start});
  UniqueFunction apply([partition, log_start] { partition->SetLogStart(log_start); });
  co_return co_await Journalled(std::move(changes), std::move(apply), RoomFor::kFreeing);
}

Task<> ShardLog::DropExpired(std::shared_ptr<Partition> partition, int64_t now_ms) {
  Offset point = partition->RetentionPoint(now_ms);
  CO_RETURN_IF_ERROR(co_await MoveLogStart(partition, point));
  co_return co_await DropSegments(partition);
}

// Takes the partition's files only while it works on them, never while it waits for the journal: a
// full journal waits for a flush to these files. What is closed goes first: on a full disk that
// makes the room which the end of the active segment may need.
Task<> ShardLog::RetainOne(std::shared_ptr<Partition> partition, int64_t now_ms) {
  CO_RETURN_IF_ERROR(co_await DropExpired(partition, now_ms));
  // A flush may have come meanwhile: then the next retention does it.
  bool is_free = partition->file_user_count == 0 && !partition->deleted;
  if (!is_free || !partition->ActiveSegmentExpired(now_ms)) co_return Status::OK();
  {
    FileUse use(this, partition.get());
    CO_RETURN_IF_ERROR(co_await partition->segments.Roll());
  }
  co_return co_await DropExpired(partition, now_ms);
}

// What is in use now, the next retention drops.
Task<> ShardLog::DropSegments(std::shared_ptr<Partition> partition) {
  if (partition->file_user_count > 0 || partition->is_compacting) co_return Status::OK();
  FileUse use(this, partition.get());
  co_return co_await partition->segments.DropBefore(partition->log_start);
}

Task<> ShardLog::ApplyRetention() {
  read_ahead_.DropIdle();
  std::vector<std::shared_ptr<Partition>> all = InOrder();
  int64_t now = env_->WallTime().value();
  Status first;
  for (std::shared_ptr<Partition>& partition : all) {
    // A flush is at work: next time.
    if (closed_ || partition->deleted || partition->file_user_count > 0) continue;
    bool due = partition->ActiveSegmentExpired(now) ||
               partition->RetentionPoint(now) > partition->log_start ||
               (partition->segments.list().size() > 1 &&
                partition->segments.list().front().next_offset <= partition->log_start);
    if (!due) continue;
    Status status = co_await RetainOne(partition, now);
    if (!status.ok() && first.ok()) first = status;
  }
  co_return first;
}

Task<Offset> ShardLog::DeleteRecords(TopicPartition id, Offset before) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Partition> partition, Require(id));
  if (before == Offset(-1)) before = partition->high_watermark;
  if (before > partition->high_watermark || before.value() < 0) {
    co_return MakeError(
        ErrorCode::kOffsetOutOfRange,
        fmt::format("offset {} is not within 0 to {}", before, partition->high_watermark));
  }
  before = std::min(before, partition->PinnedFrom());
  CO_RETURN_IF_ERROR(co_await MoveLogStart(partition, before));
  CO_RETURN_IF_ERROR(co_await DropSegments(partition));
  co_return partition->log_start;
}

Task<> ShardLog::Settle(TimePoint deadline) {
  for (auto& partition : InOrder()) {
    if (env_->Now() > deadline) break;
    CO_RETURN_IF_ERROR(co_await partition->segments.Settle());
  }
  co_return Status::OK();
}

}  // namespace mainstem::storage
