#include "process/operator/column_memory.h"

#include <algorithm>

#include <arrow/memory_pool.h>
#include <fmt/format.h>

namespace mainstem::process {

Result<bool> ColumnMemory::Admit() {
  int64_t bytes = arrow::default_memory_pool()->bytes_allocated();
  if (bytes > budget_->total_bytes()) {
    return MakeError(
        ErrorCode::kResourceExhausted,
        {.message = "the rows that jobs have in memory need more than the node may use",
         .detail = fmt::format("{} bytes of columns, the accounted part of --memory "
                               "is {}",
                               bytes, budget_->total_bytes()),
         .hint = "raise --memory, or run fewer jobs or less parallelism at a time"});
  }
  int64_t beyond = std::max<int64_t>(0, bytes - reserve_.bytes());
  int64_t wanted = (beyond + kChunkBytes - 1) / kChunkBytes * kChunkBytes;
  std::lock_guard lock(mutex_);
  if (wanted == extra_.bytes()) return true;
  return budget_->TryResize(&extra_, wanted);
}

int64_t ColumnMemory::leased_bytes() const {
  std::lock_guard lock(mutex_);
  return extra_.bytes();
}

}  // namespace mainstem::process
