// Memory of the journal's frames and of the tail cache: aligned chunks that are filled once, then
// read-only and shared by reference count. A chunk whose last reference drops goes back to the
// pool, because fresh pages cost more CPU than the whole append. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/env.h"

namespace mainstem::storage {

class ChunkPool : public std::enable_shared_from_this<ChunkPool> {
 public:
  using Chunk = std::shared_ptr<AlignedBuffer>;
  ChunkPool(size_t chunk_bytes, size_t spare_count_max)
      : chunk_bytes_(chunk_bytes), spare_count_max_(spare_count_max) {}

  // At least `bytes` large; larger ones than usual are not kept. Holds old data.
  Chunk Take(size_t bytes);
  size_t chunk_bytes() const { return chunk_bytes_; }

 private:
  void Return(std::unique_ptr<AlignedBuffer> buffer);

  const size_t chunk_bytes_;
  const size_t spare_count_max_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<AlignedBuffer>> spare_;  // under mutex_
};

}  // namespace mainstem::storage
