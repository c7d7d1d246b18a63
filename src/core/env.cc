#include "core/env.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include <fmt/format.h>
#include <boost/asio/async_result.hpp>

#include "core/path.h"

namespace mainstem {

namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;

}  // namespace

AlignedBuffer::AlignedBuffer(size_t size) : size_(size) {
  // Large ones in huge pages: direct I/O pins each page, and each fault of a small one costs more
  // than copying it.
  size_t alignment = size >= kHugePageBytes ? kHugePageBytes : kAlignment;
  size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, std::max(rounded, alignment));
  CHECK(memory != nullptr);
  if (alignment == kHugePageBytes) ::madvise(memory, rounded, MADV_HUGEPAGE);  // a hint
  std::memset(memory, 0, rounded);
  data_.reset(static_cast<std::byte*>(memory));
}

void AlignedBuffer::Free::operator()(std::byte* pointer) const { std::free(pointer); }

Task<std::string> Files::ReadAll(std::string path, size_t size_limit) {
  CO_ASSIGN_OR_RETURN(auto file, co_await Open(path, {}));
  CO_ASSIGN_OR_RETURN(int64_t size, co_await file->Size());
  if (static_cast<size_t>(size) > size_limit) {
    co_return MakeError(ErrorCode::kResourceExhausted,
                        fmt::format("'{}' has {} bytes, more than the {} expected at most", path,
                                    size, size_limit));
  }
  std::string contents(static_cast<size_t>(size), '\0');
  CO_ASSIGN_OR_RETURN(size_t count,
                      co_await file->ReadAt(
                          0, std::as_writable_bytes(std::span(contents.data(), contents.size()))));
  contents.resize(count);
  co_return contents;
}

Task<> Files::WriteAtomically(std::string path, std::string contents) {
  std::string temporary = path + ".tmp";
  CO_ASSIGN_OR_RETURN(auto file,
                      co_await Open(temporary, {.write = true, .create = true, .truncate = true}));
  CO_RETURN_IF_ERROR(
      co_await file->WriteAt(0, std::as_bytes(std::span(contents.data(), contents.size()))));
  CO_RETURN_IF_ERROR(co_await file->Sync());
  file.reset();
  CO_RETURN_IF_ERROR(co_await Rename(temporary, path));
  std::string directory = ParentFolder(path);
  co_return co_await SyncDirectory(std::move(directory));
}

asio::awaitable<void, Executor> BlockingPool::SubmitAndWait(UniqueFunction function) {
  Executor home = co_await asio::this_coro::executor;
  auto initiate = [this, home, &function](auto handler) {
    Submit(UniqueFunction(
        [home, function = std::move(function), handler = std::move(handler)]() mutable {
          function();
          home.scheduler()->Post(UniqueFunction(std::move(handler)));
        }));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(initiate,
                                                                               kUseAwaitable);
}

Task<> Stream::ReadExactly(std::span<std::byte> into, TimePoint deadline) {
  while (!into.empty()) {
    CO_ASSIGN_OR_RETURN(size_t count, co_await ReadSome(into, deadline));
    if (count == 0) co_return MakeError(ErrorCode::kConnectionClosed, "peer closed the connection");
    into = into.subspan(count);
  }
  co_return Status::OK();
}

}  // namespace mainstem
