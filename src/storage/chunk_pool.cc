#include "storage/chunk_pool.h"

#include <algorithm>

namespace mainstem::storage {

ChunkPool::Chunk ChunkPool::Take(size_t bytes) {
  std::unique_ptr<AlignedBuffer> buffer;
  if (bytes <= chunk_bytes_) {
    std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      buffer = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (!buffer) buffer = std::make_unique<AlignedBuffer>(std::max(bytes, chunk_bytes_));
  auto give_back = [pool = shared_from_this()](AlignedBuffer* raw) {
    pool->Return(std::unique_ptr<AlignedBuffer>(raw));
  };
  return Chunk(buffer.release(), std::move(give_back));
}

void ChunkPool::Return(std::unique_ptr<AlignedBuffer> buffer) {
  if (buffer->size() != chunk_bytes_) return;
  std::lock_guard lock(mutex_);
  if (spare_.size() < spare_count_max_) spare_.push_back(std::move(buffer));
}

}  // namespace mainstem::storage
