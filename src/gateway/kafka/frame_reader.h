// Takes request frames off a stream. Small frames come out of one buffered read; a large one is
// read into memory that grows, and is leased from the node's budget, with what has arrived: a
// length alone takes next to nothing. A frame of which nothing comes for a while ends the stream.
// One task at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "core/env.h"
#include "core/memory_budget.h"

namespace mainstem::gateway::kafka {

// The bytes of one request without its length, with what they lease. Movable; views into it survive
// a move.
class RequestFrame {
 public:
  RequestFrame() = default;
  std::span<std::byte> span() { return {bytes_.get(), size_}; }
  std::span<const std::byte> span() const { return {bytes_.get(), size_}; }
  size_t size() const { return size_; }

 private:
  friend class FrameReader;
  // Keeps the first `kept` bytes.
  void Grow(size_t size, size_t kept);

  std::unique_ptr<std::byte[]> bytes_;
  size_t size_ = 0;
  size_t leased() const { return static_cast<size_t>(lease_.bytes()); }
  MemoryLease lease_;
};

class FrameReader {
 public:
  // Borrows all of them.
  FrameReader(Env* env, Stream* stream, MemoryBudget* budget, int64_t frame_bytes_max);

  // The size of the next frame, or nothing when the peer has ended between two frames.
  // kMessageTooLarge when it is over the limit, kInvalidArgument when it is negative.
  Task<std::optional<size_t>> NextSize(TimePoint deadline);
  // The frame whose size NextSize gave. The stream is not read until there is memory.
  Task<RequestFrame> Read(size_t size);

 private:
  static constexpr size_t kBufferBytes = 16 << 10;
  static constexpr size_t kFirstChunkBytes = 1 << 20;

  // Copies what is buffered; returns how much.
  size_t TakeBuffered(std::span<std::byte> into);
  Task<> LeaseMore(size_t size, RequestFrame* frame);

  Env* const env_;
  Stream* const stream_;
  MemoryBudget* const budget_;
  const int64_t frame_bytes_max_;
  std::unique_ptr<std::byte[]> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace mainstem::gateway::kafka
