// Turns at a partition's files. Internal to ShardLog; on its shard.
#pragma once

#include "storage/shard_log.h"

namespace mainstem::storage {

// Flush and retention take turns at a partition's files. Lives in a coroutine that keeps both.
class ShardLog::FileUse {
 public:
  FileUse(ShardLog* shard, Partition* partition) : shard_(shard), partition_(partition) {
    CHECK(partition_->file_user_count == 0);
    ++partition_->file_user_count;
  }
  ~FileUse() {
    --partition_->file_user_count;
    shard_->file_event_.NotifyAll();
  }
  FileUse(const FileUse&) = delete;
  FileUse& operator=(const FileUse&) = delete;

 private:
  ShardLog* const shard_;
  Partition* const partition_;
};

}  // namespace mainstem::storage
