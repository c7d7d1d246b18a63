#include "gateway/kafka/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "core/sync.h"
#include "gateway/kafka/codec/wire.h"

namespace mainstem::gateway::kafka {
namespace {

constexpr Duration kFrameDeadline = std::chrono::minutes(5);
// For the next byte of a frame, and for memory for the next part of a large one: such frames could
// wait for each other.
constexpr Duration kProgressDeadline = std::chrono::seconds(30);
constexpr Duration kMemoryRetry = std::chrono::milliseconds(10);

// What is leased at first, and then.
constexpr size_t kFirstLeaseBytes = 64 << 10;
constexpr size_t kSecondLeaseBytes = 4 << 20;

// A large frame leases by steps, each when what was leased before is full. The last one is for the
// whole rest.
size_t NextLease(size_t leased, size_t size, size_t shared) {
  size_t next = leased == 0 ? kFirstLeaseBytes : std::max(kSecondLeaseBytes, 4 * leased);
  bool is_last = next >= size || next > shared / 4;
  return is_last && leased > 0 ? size : std::min(next, size);
}

}  // namespace

void RequestFrame::Grow(size_t size, size_t kept) {
  auto larger = std::make_unique_for_overwrite<std::byte[]>(size);
  if (kept > 0) std::memcpy(larger.get(), bytes_.get(), kept);
  bytes_ = std::move(larger);
  size_ = size;
}

FrameReader::FrameReader(Env* env, Stream* stream, MemoryBudget* budget, int64_t frame_bytes_max)
    : env_(env),
      stream_(stream),
      budget_(budget),
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

// Back-pressure: until others have given memory back. Frames of which the last step is still to
// come hold half of what is shared at most, so that those that are whole, or nearly, can go on.
Task<> FrameReader::LeaseMore(size_t size, RequestFrame* frame) {
  size_t next = NextLease(frame->leased(), size, static_cast<size_t>(budget_->shared_bytes()));
  int64_t leave = next < size ? budget_->shared_bytes() / 2 : 0;
  bool may_wait_for_each_other = frame->leased() > 0 && size > kSecondLeaseBytes;
  const TimePoint end = may_wait_for_each_other ? env_->Now() + kProgressDeadline : kNoDeadline;
  while (!budget_->TryResize(&frame->lease_, static_cast<int64_t>(next), leave)) {
    if (env_->Now() >= end) {
      co_return MakeError(ErrorCode::kResourceExhausted,
                          fmt::format("no memory for the rest of a request of {} bytes", size));
    }
    CO_RETURN_IF_ERROR(co_await Sleep(kMemoryRetry));
  }
  co_return Status::OK();
}

Task<RequestFrame> FrameReader::Read(size_t size) {
  RequestFrame frame;
  CO_RETURN_IF_ERROR(co_await LeaseMore(size, &frame));
  const TimePoint end = env_->Now() + kFrameDeadline;
  frame.Grow(std::min(size, kFirstChunkBytes), 0);
  size_t done = TakeBuffered(frame.span());
  while (done < size) {
    if (done >= frame.leased()) CO_RETURN_IF_ERROR(co_await LeaseMore(size, &frame));
    if (done == frame.size()) frame.Grow(std::min(size, 4 * frame.size()), done);
    size_t room_end = std::min(frame.size(), frame.leased());
    std::span<std::byte> room = frame.span().subspan(done, room_end - done);
    TimePoint deadline = std::min(end, env_->Now() + kProgressDeadline);
    CO_ASSIGN_OR_RETURN(size_t count, co_await stream_->ReadSome(room, deadline));
    if (count == 0) {
      co_return MakeError(ErrorCode::kConnectionClosed, "the peer ended within a frame");
    }
    done += count;
  }
  co_return std::move(frame);
}

}  // namespace mainstem::gateway::kafka
