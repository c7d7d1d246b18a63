#include "core/net/memory_stream.h"

#include <cstring>
#include <deque>

namespace mainstem::net {
namespace {

struct Pipe {
  Pipe(Executor executor, size_t limit) : limit(limit), changed(executor) {}
  size_t limit;
  size_t size = 0;
  bool closed = false;
  std::deque<std::string> pieces;
  Event changed;
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<Pipe> incoming, std::shared_ptr<Pipe> outgoing, std::string name)
      : incoming_(std::move(incoming)), outgoing_(std::move(outgoing)), name_(std::move(name)) {}
  ~MemoryStream() override { MemoryStream::Close(); }

  Task<size_t> ReadSome(std::span<std::byte> into, TimePoint deadline) override {
    std::shared_ptr<Pipe> pipe = incoming_;
    while (pipe->pieces.empty()) {
      if (closed_) co_return MakeError(ErrorCode::kConnectionClosed, "connection closed");
      if (pipe->closed) co_return size_t{0};
      CO_RETURN_IF_ERROR(co_await WaitOrClose(pipe, deadline));
    }
    std::string& piece = pipe->pieces.front();
    size_t count = std::min(into.size(), piece.size());
    std::memcpy(into.data(), piece.data(), count);
    piece.erase(0, count);
    if (piece.empty()) pipe->pieces.pop_front();
    pipe->size -= count;
    pipe->changed.NotifyAll();
    co_return count;
  }

  Task<> Write(std::vector<std::span<const std::byte>> pieces, TimePoint deadline) override {
    std::shared_ptr<Pipe> pipe = outgoing_;
    for (auto piece : pieces) {
      while (pipe->size >= pipe->limit && !pipe->closed && !closed_) {
        CO_RETURN_IF_ERROR(co_await WaitOrClose(pipe, deadline));
      }
      if (pipe->closed || closed_) {
        co_return MakeError(ErrorCode::kConnectionClosed, "connection closed");
      }
      if (piece.empty()) continue;
      pipe->pieces.emplace_back(reinterpret_cast<const char*>(piece.data()), piece.size());
      pipe->size += piece.size();
      pipe->changed.NotifyAll();
    }
    co_return Status::OK();
  }

  void Close() override {
    if (std::exchange(closed_, true)) return;
    for (const auto& pipe : {incoming_, outgoing_}) {
      pipe->closed = true;
      pipe->changed.NotifyAll();
    }
  }
  std::string local_address() const override { return name_; }
  std::string remote_address() const override { return name_ + "-peer"; }

 private:
  Task<> WaitOrClose(std::shared_ptr<Pipe> pipe, TimePoint deadline) {
    CO_ASSIGN_OR_RETURN(bool notified, co_await pipe->changed.Wait(deadline));
    if (notified) co_return Status::OK();
    Close();
    co_return MakeError(ErrorCode::kTimedOut, "the stream's deadline passed");
  }

  std::shared_ptr<Pipe> incoming_;
  std::shared_ptr<Pipe> outgoing_;
  std::string name_;
  bool closed_ = false;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> MakeMemoryStreamPair(
    Executor executor, size_t buffer_limit) {
  auto forth = std::make_shared<Pipe>(executor, buffer_limit);
  auto back = std::make_shared<Pipe>(executor, buffer_limit);
  return {std::make_unique<MemoryStream>(back, forth, "memory-a"),
          std::make_unique<MemoryStream>(forth, back, "memory-b")};
}

}  // namespace mainstem::net
