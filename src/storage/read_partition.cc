#include "storage/read_partition.h"

#include <algorithm>

#include <fmt/format.h>

namespace mainstem::storage {
namespace {

constexpr size_t kPieceBytes = 4 << 20;

}  // namespace

Task<> ReadPartition(Log* log, TopicPartition partition,
                     std::function<Status(const RecordView& record)> take,
                     std::function<Status()> after_piece) {
  CO_ASSIGN_OR_RETURN(PartitionOffsets offsets, co_await log->Offsets(partition));
  Offset next = offsets.log_start;
  while (next < offsets.high_watermark) {
    ReadOptions options{.max_bytes = kPieceBytes};
    CO_ASSIGN_OR_RETURN(ReadResult read, co_await log->Read(partition, next, options));
    if (read.batches.empty()) {
      // Half of what is kept there must not be taken for all of it.
      co_return MakeError(ErrorCode::kStorageError,
                          fmt::format("a topic kept for this node can't be read: nothing is found "
                                      "from offset {} to its end, {}",
                                      next.value(), offsets.high_watermark.value()));
    }
    for (const SharedBytes& batch : read.batches) {
      CO_ASSIGN_OR_RETURN(auto reader, RecordReader::Open(batch.bytes));
      next = std::max(next, reader.header().next_offset());
      if (reader.header().control()) continue;
      RecordView record;
      while (true) {
        CO_ASSIGN_OR_RETURN(bool more, reader.Next(&record));
        if (!more) break;
        CO_RETURN_IF_ERROR(take(record));
      }
    }
    CO_RETURN_IF_ERROR(after_piece());
  }
  co_return Status::OK();
}

}  // namespace mainstem::storage
