// Takes request frames off a stream. Small frames come out of one buffered read; a large one is
// read into memory that grows with what has arrived, so a length alone never allocates much.
// One task at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "core/env.h"

namespace mainstem::gateway::kafka {

// The bytes of one request without its length. Movable; views into it survive a move.
class RequestFrame {
 public:
  RequestFrame() = default;
  explicit RequestFrame(size_t size)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}
  std::span<std::byte> span() { return {bytes_.get(), size_}; }
  std::span<const std::byte> span() const { return {bytes_.get(), size_}; }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  size_t size_ = 0;
};

class FrameReader {
 public:
  // Borrows the stream.
  FrameReader(Stream* stream, int64_t frame_bytes_max);

  // The size of the next frame, or nothing when the peer has ended between two frames.
  // kMessageTooLarge when it is over the limit, kInvalidArgument when it is negative.
  Task<std::optional<size_t>> NextSize(TimePoint deadline);
  // The frame whose size NextSize gave.
  Task<RequestFrame> Read(size_t size, TimePoint deadline);

 private:
  static constexpr size_t kBufferBytes = 16 << 10;
  static constexpr size_t kFirstChunkBytes = 1 << 20;

  // Copies what is buffered; returns how much.
  size_t TakeBuffered(std::span<std::byte> into);

  Stream* const stream_;
  const int64_t frame_bytes_max_;
  std::unique_ptr<std::byte[]> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace mainstem::gateway::kafka
