#include "gateway/aws/visit_batch.h"

namespace mainstem::gateway::aws {

Result<VisitedBatch> VisitBatch(std::span<const std::byte> batch, Offset from, Offset to,
                                const TakeRecord& take) {
  ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(batch));
  VisitedBatch visited{.end = header.next_offset()};
  if (header.control()) return visited;
  auto reader = storage::RecordReader::Open(batch, kUnpackedBytesMax);
  visited.broken = reader.status();
  storage::RecordView record;
  while (visited.broken.ok()) {
    auto more = reader->Next(&record);
    visited.broken = more.status();
    if (!more.ok() || !*more || record.offset >= to) break;
    if (record.offset >= from) RETURN_IF_ERROR(take(record));
  }
  return visited;
}

}  // namespace mainstem::gateway::aws
