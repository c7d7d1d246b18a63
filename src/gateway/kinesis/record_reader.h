// Reads a shard's records into an answer, as GetRecords and SubscribeToShard both do.
#pragma once

#include <cstdint>

#include "core/memory_budget.h"
#include "gateway/aws/body_codec.h"
#include "gateway/kinesis/operations.h"
#include "gateway/kinesis/stream.h"

namespace mainstem::gateway::kinesis {

struct ReadLimits {
  int64_t records = 10'000;
  // Of data; the record that passes it is the last one. Amazon allows 10 MiB: answers of half the
  // size cost less than half, because their memory is used again.
  int64_t bytes = 4 << 20;
};

struct ReadOutcome {
  Offset next;
  int64_t record_count = 0;
  int64_t bytes = 0;      // of data and keys
  int64_t behind_ms = 0;  // MillisBehindLatest
  bool at_end = false;    // nothing readable lies behind `next`
  // News come when this moves. An open transaction's records lie before it, and can't be read yet.
  Offset high_watermark;
};

// Writes records as items of a list that is open in `answer`. Starts where data is when `from` lies
// before. Grows `lease` as it reads; with no memory at all it is kResourceExhausted, with less than
// wanted it ends early.
Task<ReadOutcome> ReadRecords(const Context& context, const Shard& shard,
                              storage::TopicPartition partition, Offset from, ReadLimits limits,
                              MemoryLease* lease, aws::BodyWriter* answer);

// Members NextShardIterator's absence goes with.
void WriteChildShards(const Stream& stream, const Shard& shard, aws::BodyWriter* answer);

}  // namespace mainstem::gateway::kinesis
