#include "gateway/kinesis/record_reader.h"

#include <algorithm>

#include "storage/record_batch.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr size_t kReadBytes = 1 << 20;
// What a batch becomes at most while it is answered: decompressed, base64.
constexpr int64_t kLeaseFactor = 3;

void WriteRecord(const Shard& shard, const storage::RecordView& record, aws::BodyWriter* answer) {
  answer->BeginMap().Field("SequenceNumber", shard.SequenceAt(IndexOf(record.offset)));
  answer->Key("ApproximateArrivalTimestamp").Time(record.timestamp_ms);
  answer->Key("Data").Bytes(record.value.value_or(""));
  answer->Field("PartitionKey", record.key.value_or("")).EndMap();
}

// State of one ReadRecords call.
struct ReadProgress {
  ReadOutcome outcome;
  int64_t last_time_ms = -1;

  bool IsFull(const ReadLimits& limits) const {
    return outcome.record_count >= limits.records || outcome.bytes >= limits.bytes;
  }
};

Status WriteBatch(const Shard& shard, const storage::SharedBytes& batch, const ReadLimits& limits,
                  ReadProgress* progress, aws::BodyWriter* answer) {
  ASSIGN_OR_RETURN(auto reader, storage::RecordReader::Open(batch.bytes));
  ReadOutcome& outcome = progress->outcome;
  if (reader.header().control()) {
    outcome.next = std::max(outcome.next, reader.header().next_offset());
    return Status::OK();
  }
  storage::RecordView record;
  while (!progress->IsFull(limits)) {
    ASSIGN_OR_RETURN(bool more, reader.Next(&record));
    if (!more) {
      // Compaction leaves gaps at the end of a batch, too.
      outcome.next = std::max(outcome.next, reader.header().next_offset());
      return Status::OK();
    }
    if (record.offset < outcome.next) continue;
    WriteRecord(shard, record, answer);
    outcome.next = record.offset + 1;
    ++outcome.record_count;
    progress->last_time_ms = record.timestamp_ms;
    outcome.bytes +=
        static_cast<int64_t>(record.value.value_or("").size() + record.key.value_or("").size());
  }
  return Status::OK();
}

Task<storage::ReadResult> ReadFrom(storage::Log* log, storage::TopicPartition partition,
                                   Offset* from) {
  storage::ReadOptions options{.max_bytes = kReadBytes, .read_committed = true};
  auto read = co_await log->Read(partition, *from, options);
  if (!Is(read.status(), ErrorCode::kOffsetOutOfRange)) co_return read;
  // Retention went past it.
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await log->Offsets(partition));
  *from = std::clamp(*from, offsets.log_start, offsets.last_stable_offset);
  co_return co_await log->Read(partition, *from, options);
}

}  // namespace

Task<ReadOutcome> ReadRecords(const Context& context, const Shard& shard,
                              storage::TopicPartition partition, Offset from, ReadLimits limits,
                              MemoryLease* lease, aws::BodyWriter* answer) {  // HOT PATH
  ReadProgress progress;
  ReadOutcome& outcome = progress.outcome;
  outcome.next = from;
  while (!progress.IsFull(limits)) {
    CO_ASSIGN_OR_RETURN(storage::ReadResult read,
                        co_await ReadFrom(context.log, partition, &outcome.next));
    outcome.at_end = outcome.next >= read.last_stable_offset;
    outcome.high_watermark = read.high_watermark;
    if (read.batches.empty()) {
      outcome.at_end = true;
      break;
    }
    int64_t wanted = lease->bytes() + static_cast<int64_t>(read.total_bytes) * kLeaseFactor;
    if (lease->bytes() == 0) {
      *lease = context.budget->TryLease(wanted);
      if (lease->bytes() == 0) {
        co_return MakeError(ErrorCode::kResourceExhausted, "there is no memory for records now");
      }
    } else if (!lease->Resize(wanted)) {
      break;
    }
    for (const storage::SharedBytes& batch : read.batches) {
      if (progress.IsFull(limits)) break;
      Status written = WriteBatch(shard, batch, limits, &progress, answer);
      if (written.ok()) continue;
      // Nobody looks into compressed batches when they come from a Kafka client.
      CO_ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(batch.bytes));
      outcome.next = std::max(outcome.next, header.next_offset());
      context.logger->Warning(
          "a batch of a stream can't be read and is left out",
          {{"shard", shard.name()}, {"offset", header.base_offset}, {"error", written}});
    }
    outcome.at_end = outcome.next >= read.last_stable_offset;
    if (outcome.at_end) break;
  }
  context.counters.records_out->Increment(static_cast<double>(outcome.record_count));
  context.counters.bytes_out->Increment(static_cast<double>(outcome.bytes));
  if (!outcome.at_end && progress.last_time_ms >= 0) {
    outcome.behind_ms = std::max<int64_t>(context.NowMs() - progress.last_time_ms, 1);
  }
  co_return outcome;
}

void WriteChildShards(const Stream& stream, const Shard& shard, aws::BodyWriter* answer) {
  answer->Key("ChildShards").BeginList();
  for (int32_t index : shard.children) {
    const Shard& child = *stream.FindShard(index);
    answer->BeginMap().Field("ShardId", child.name()).Key("ParentShards").BeginList();
    for (auto parent : {child.meta.parent, child.meta.adjacent}) {
      if (parent) answer->String(ShardName(*parent));
    }
    answer->EndList();
    WriteHashKeyRange(child.meta.range, answer);
    answer->EndMap();
  }
  answer->EndList();
}

}  // namespace mainstem::gateway::kinesis
