// Reads and waits of a shard's partitions.
#include <algorithm>

#include <fmt/format.h>

#include "storage/shard_log.h"

namespace mainstem::storage {
namespace {

constexpr size_t kScanBytes = size_t{1} << 20;

Status OutOfRange(Offset from, const Partition& partition) {
  return MakeError(ErrorCode::kOffsetOutOfRange,
                   fmt::format("offset {} is not within {} to {}", from, partition.log_start,
                               partition.high_watermark));
}

// Those at or after `from`, until `visit` gives false.
template <typename Visit>
Status VisitRecords(std::span<const std::byte> batch, Offset from, Visit visit) {
  ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch));
  RecordView record;
  while (true) {
    ASSIGN_OR_RETURN(bool more, reader.Next(&record));
    if (!more || (record.offset >= from && !visit(record))) return Status::OK();
  }
}

}  // namespace

Task<ReadResult> ShardLog::Read(TopicPartition id, Offset from, ReadOptions options) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Partition> partition, Require(id));
  if (from < partition->log_start || from > partition->high_watermark) {
    co_return OutOfRange(from, *partition);
  }
  ReadResult result;
  result.high_watermark = partition->high_watermark;
  result.last_stable_offset = partition->last_stable_offset();
  // What became stable during the read has an end that the caller does not know yet.
  Offset end = options.read_committed ? result.last_stable_offset : partition->high_watermark;
  while (from < end && result.batches.empty()) {
    if (from >= partition->tail_begin()) {
      result.batches = partition->ReadTail(from, end, options.max_bytes);
    } else {
      auto batches = co_await partition->segments.Read(from, options.max_bytes);
      // Retention may have taken the file from under the read.
      if (from < partition->log_start) co_return OutOfRange(from, *partition);
      CO_RETURN_IF_ERROR(batches);
      result.batches = std::move(*batches);
      // Lost records lie between the last segment and what is in memory.
      bool is_hole = result.batches.empty() && !partition->segments.HasRecordsFrom(from);
      if (is_hole) result.batches = partition->ReadTail(from, end, options.max_bytes);
    }
    if (!options.read_committed || result.batches.empty()) break;
    from = LeaveOutUncommitted(*partition, from, end, options, &result);
  }
  for (const SharedBytes& batch : result.batches) result.total_bytes += batch.bytes.size();
  result.log_start_offset = partition->log_start;
  co_return result;
}

// Takes away what lies at or after `end`, and what was aborted or lists it. Returns where to read
// on when nothing is left.
Offset ShardLog::LeaveOutUncommitted(const Partition& partition, Offset from, Offset end,
                                     const ReadOptions& options, ReadResult* result) {
  std::vector<SharedBytes> kept;
  Offset next = from;
  for (SharedBytes& batch : result->batches) {
    BatchHeader header = ReadBatchHeader(batch.bytes.data());
    if (header.base_offset >= end) {
      next = end;
      break;
    }
    next = header.next_offset();
    if (options.keep_aborted || !partition.transactions.IsAborted(header)) {
      kept.push_back(std::move(batch));
    }
  }
  result->batches = std::move(kept);
  if (options.keep_aborted && !result->batches.empty()) {
    result->aborted = partition.transactions.AbortedWithin(from, next);
  }
  return next;
}

Task<PartitionOffsets> ShardLog::Offsets(TopicPartition id) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Partition> partition, Require(id));
  PartitionOffsets offsets{.log_start = partition->log_start,
                           .high_watermark = partition->high_watermark,
                           .last_stable_offset = partition->last_stable_offset(),
                           .size_bytes = partition->size_bytes()};
  co_return offsets;
}

// The first record in the batch that is late enough, as far as it can be read.
Task<OffsetForTime> ShardLog::FindInBatch(SharedBytes batch, Offset from, int64_t timestamp_ms) {
  auto work = [&batch, from, timestamp_ms]() -> Result<OffsetForTime> {
    OffsetForTime found{Offset(-1), -1};
    Status visited = VisitRecords(batch.bytes, from, [&](const RecordView& record) {
      if (record.timestamp_ms < timestamp_ms) return true;
      found = {record.offset, record.timestamp_ms};
      return false;
    });
    IgnoreError(visited, "whoever reads the batch is told; the search goes on behind it");
    return found;
  };
  // Decompression may take long.
  co_return co_await env_->blocking_pool().Run(work);
}

Task<OffsetForTime> ShardLog::FindByTime(TopicPartition id, int64_t timestamp_ms) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Partition> partition, Require(id));
  Offset from = partition->log_start;
  // Batch by batch: the timestamp of a batch's header may be that of a record before `from`.
  while (true) {
    SharedBytes batch;
    if (from < partition->tail_begin()) {
      CO_ASSIGN_OR_RETURN(batch, co_await partition->segments.FindBatchByTime(from, timestamp_ms));
    }
    if (batch.bytes.empty()) {
      const TailBatch* tail = partition->FindTailByTime(from, timestamp_ms);
      if (tail == nullptr) break;
      batch.owner = tail->chunk;
      batch.bytes = tail->bytes;
    }
    Offset next = ReadBatchHeader(batch.bytes.data()).next_offset();
    CO_ASSIGN_OR_RETURN(OffsetForTime found, co_await FindInBatch(batch, from, timestamp_ms));
    if (found.offset.value() >= 0) co_return found;
    from = next;
  }
  OffsetForTime none{Offset(-1), -1};
  co_return none;
}

// Of the batch's records at or after `from`; -1: none.
Task<int64_t> ShardLog::MaxTimestampInBatch(SharedBytes batch, Offset from) {
  auto work = [&batch, from]() -> Result<int64_t> {
    int64_t newest = -1;
    Status visited = VisitRecords(batch.bytes, from, [&newest](const RecordView& record) {
      newest = std::max(newest, record.timestamp_ms);
      return true;
    });
    IgnoreError(visited, "as above");
    return newest;
  };
  co_return co_await env_->blocking_pool().Run(work);
}

// Batch by batch, of those from `from` to before `end`, of which the first may begin earlier.
Task<int64_t> ShardLog::MaxTimestampWithin(TopicPartition id, Offset from, Offset end) {
  int64_t newest = -1;
  Offset at = from;
  while (at < end) {
    ReadOptions some{.max_bytes = kScanBytes};
    CO_ASSIGN_OR_RETURN(ReadResult read, co_await Read(id, at, some));
    if (read.batches.empty()) break;
    for (const SharedBytes& batch : read.batches) {
      BatchHeader header = ReadBatchHeader(batch.bytes.data());
      int64_t timestamp = header.max_timestamp;
      if (header.base_offset < from) {
        CO_ASSIGN_OR_RETURN(timestamp, co_await MaxTimestampInBatch(batch, from));
      }
      newest = std::max(newest, timestamp);
      at = header.next_offset();
    }
  }
  co_return newest;
}

Task<OffsetForTime> ShardLog::FindMaxTimestamp(TopicPartition id) {
  CO_ASSIGN_OR_RETURN(std::shared_ptr<Partition> partition, Require(id));
  const Offset from = partition->log_start;
  int64_t newest = partition->TailMaxTimestamp(from);
  // What DeleteRecords took away may be the newest of its segment, or of its batch.
  Offset cut_end = from;
  for (const SegmentInfo& segment : partition->segments.list()) {
    if (segment.base_offset >= from) {
      newest = std::max(newest, segment.max_timestamp);
    } else {
      cut_end = std::max(cut_end, segment.next_offset);
    }
  }
  if (from >= partition->tail_begin()) cut_end = std::min(from + 1, partition->high_watermark);
  CO_ASSIGN_OR_RETURN(int64_t cut, co_await MaxTimestampWithin(id, from, cut_end));
  newest = std::max(newest, cut);
  if (newest < 0) {
    OffsetForTime none{Offset(-1), -1};
    co_return none;
  }
  co_return co_await FindByTime(id, newest);
}

Task<bool> ShardLog::AddWaiter(std::vector<std::pair<TopicPartition, Offset>> beyond,
                               std::shared_ptr<DataWaiter> waiter) {
  for (const auto& [id, offset] : beyond) {
    std::shared_ptr<Partition> partition = Find(id);
    if (closed_ || !partition || partition->high_watermark > offset) co_return true;
  }
  for (const auto& [id, offset] : beyond) Find(id)->data_waiters.Add(waiter, offset);
  co_return false;
}

void ShardLog::RemoveWaiter(const std::vector<std::pair<TopicPartition, Offset>>& beyond,
                            const std::shared_ptr<DataWaiter>& waiter) {
  for (const auto& [id, offset] : beyond) {
    if (std::shared_ptr<Partition> partition = Find(id)) partition->data_waiters.Remove(waiter);
  }
}

}  // namespace mainstem::storage
