// All records of a partition, for what is kept in a topic and loaded at start.
#pragma once

#include <functional>

#include "storage/log.h"
#include "storage/record_batch.h"

namespace mainstem::storage {

// From the partition's start to its end of now, each data record to `take`; after each piece of
// some MiB `after_piece`, to see whether it fits into memory. The first error ends it; to find
// nothing before the end is one, kStorageError.
Task<> ReadPartition(Log* log, TopicPartition partition,
                     std::function<Status(const RecordView& record)> take,
                     std::function<Status()> after_piece);

}  // namespace mainstem::storage
