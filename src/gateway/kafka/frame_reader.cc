#include "gateway/kafka/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "gateway/kafka/codec/wire.h"

namespace mainstem::gateway::kafka {

FrameReader::FrameReader(Stream* stream, int64_t frame_bytes_max)
    : stream_(stream),
      frame_bytes_max_(frame_bytes_max),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kBufferBytes)) {}

size_t FrameReader::TakeBuffered(std::span<std::byte> into) {
  size_t count = std::min(into.size(), end_ - begin_);
  std::memcpy(into.data(), buffer_.get() + begin_, count);
  begin_ += count;
  return count;
}

Task<std::optional<size_t>> FrameReader::NextSize(TimePoint deadline) {
  while (end_ - begin_ < sizeof(int32_t)) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    std::span<std::byte> room(buffer_.get() + end_, kBufferBytes - end_);
    CO_ASSIGN_OR_RETURN(size_t count, co_await stream_->ReadSome(room, deadline));
    if (count == 0 && end_ == 0) co_return std::optional<size_t>();
    if (count == 0) {
      co_return MakeError(ErrorCode::kConnectionClosed, "the peer ended within a frame");
    }
    end_ += count;
  }
  Reader reader({buffer_.get() + begin_, sizeof(int32_t)});
  int32_t size = 0;
  CHECK(reader.ReadInt(&size));
  begin_ += sizeof(int32_t);
  if (size < 0) co_return MakeError(ErrorCode::kInvalidArgument, "negative frame size");
  if (size > frame_bytes_max_) {
    co_return MakeError(
        ErrorCode::kMessageTooLarge,
        fmt::format("a request of {} bytes is over the limit of {}", size, frame_bytes_max_));
  }
  co_return std::optional<size_t>(static_cast<size_t>(size));
}

Task<RequestFrame> FrameReader::Read(size_t size, TimePoint deadline) {
  RequestFrame frame(std::min(size, kFirstChunkBytes));
  size_t done = TakeBuffered(frame.span());
  for (;;) {
    while (done < frame.size()) {
      CO_ASSIGN_OR_RETURN(size_t count,
                          co_await stream_->ReadSome(frame.span().subspan(done), deadline));
      if (count == 0) {
        co_return MakeError(ErrorCode::kConnectionClosed, "the peer ended within a frame");
      }
      done += count;
    }
    if (done == size) co_return std::move(frame);
    RequestFrame larger(std::min(size, 4 * frame.size()));
    std::memcpy(larger.span().data(), frame.span().data(), done);
    frame = std::move(larger);
  }
}

}  // namespace mainstem::gateway::kafka
