#include "core/net/steady_write.h"

#include <algorithm>

namespace mainstem::net {
namespace {

constexpr size_t kSlowestBytesPerSecond = 16 * 1024;
constexpr size_t kSliceBytes = 256 * 1024;

// Cuts the next slice off.
std::vector<std::span<const std::byte>> TakeSlice(std::span<std::span<const std::byte>>* pieces) {
  std::vector<std::span<const std::byte>> slice;
  for (size_t room = kSliceBytes; room > 0 && !pieces->empty();) {
    std::span<const std::byte>& piece = pieces->front();
    size_t count = std::min(room, piece.size());
    slice.push_back(piece.first(count));
    piece = piece.subspan(count);
    room -= count;
    if (piece.empty()) *pieces = pieces->subspan(1);
  }
  return slice;
}

}  // namespace

Duration TransferTime(size_t bytes) { return std::chrono::seconds(bytes / kSlowestBytesPerSecond); }

Task<> WriteSteadily(Executor executor, Stream* stream,
                     std::vector<std::span<const std::byte>> pieces, Duration timeout) {
  size_t bytes = 0;
  for (const auto& piece : pieces) bytes += piece.size();
  const TimePoint end = executor.scheduler()->Now() + timeout + TransferTime(bytes);
  std::span<std::span<const std::byte>> rest(pieces);
  while (!rest.empty()) {
    std::vector<std::span<const std::byte>> slice = TakeSlice(&rest);
    TimePoint deadline = std::min(end, executor.scheduler()->Now() + timeout);
    CO_RETURN_IF_ERROR(co_await stream->Write(std::move(slice), deadline));
  }
  co_return Status::OK();
}

}  // namespace mainstem::net
