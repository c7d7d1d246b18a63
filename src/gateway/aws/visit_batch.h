// Walks the records of a batch as a client may have written it: what can't be decoded is told, and
// does not end the reader. Pure; any thread.
#pragma once

#include <functional>
#include <span>

#include "core/status.h"
#include "storage/record_batch.h"

namespace mainstem::gateway::aws {

// A batch that a Kafka client compressed may unpack to so much: one at a time, on the home
// shard. What a client puts into one is a MiB.
inline constexpr size_t kUnpackedBytesMax = 16 << 20;
using TakeRecord = std::function<Status(const storage::RecordView& record)>;
struct VisitedBatch {
  Offset end;
  // Why the rest of the batch was left out: nobody looks into compressed batches when they come.
  Status broken{};
};
// Calls `take` with the records of one batch from `from` to before `to`; control batches have none.
// Fails when `take` does, or when the batch has no header.
Result<VisitedBatch> VisitBatch(std::span<const std::byte> batch, Offset from, Offset to,
                                const TakeRecord& take);

}  // namespace mainstem::gateway::aws
