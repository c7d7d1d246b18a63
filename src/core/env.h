// The one seam to the outside: clock, random, files, sockets and threads. The real Env is the
// operating system; the simulated one (core/sim.h) is a single thread on virtual time with
// in-memory files and injected faults. Nothing else in the tree may touch these directly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/executor.h"
#include "core/ids.h"
#include "core/sync.h"

namespace mainstem {

// Bytes aligned to 4096, as direct I/O needs. Movable.
class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 4096;
  static constexpr size_t AlignUp(size_t bytes) {
    return (bytes + kAlignment - 1) & ~(kAlignment - 1);
  }
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size);  // zero-filled
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  std::span<std::byte> span() { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* pointer) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

struct OpenOptions {
  bool write = false;
  bool create = false;
  bool exclusive = false;  // with create: fails when it exists
  bool truncate = false;
  // O_DIRECT: past the page cache, where the file system can; buffer, offset and size must be
  // multiples of AlignedBuffer::kAlignment. Long writes go in pieces, so that what others write
  // meanwhile waits for one of these at most.
  bool direct = false;
  // `direct`, and O_DSYNC: each write is durable when it completes, and goes in one piece.
  bool direct_durable = false;
};

// A file read and written by position. Operations may overlap; the caller keeps buffers alive
// until the operation ends. Nothing but a direct_durable write or Sync makes data durable.
class File {
 public:
  virtual ~File() = default;
  // Bytes read: less than asked only at the end of the file.
  virtual Task<size_t> ReadAt(int64_t offset, std::span<std::byte> into) = 0;
  virtual Task<> WriteAt(int64_t offset, std::span<const std::byte> from) = 0;
  virtual Task<> Sync() = 0;
  virtual Task<> Truncate(int64_t size) = 0;
  virtual Task<int64_t> Size() = 0;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  int64_t size = 0;
};

// What identifies a file through renames, for tailing.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified_ms = 0;
  auto operator<=>(const FileIdentity&) const = default;
};

class Files {
 public:
  virtual ~Files() = default;
  virtual Task<std::unique_ptr<File>> Open(std::string path, OpenOptions options) = 0;
  virtual Task<> CreateDirectories(std::string path) = 0;
  virtual Task<> SyncDirectory(std::string path) = 0;
  // Replaces `to` atomically. Durable only after SyncDirectory.
  virtual Task<> Rename(std::string from, std::string to) = 0;
  virtual Task<> Remove(std::string path) = 0;                           // NotFound when absent
  virtual Task<> RemoveDirectoryTree(std::string path) = 0;              // fine when absent
  virtual Task<std::vector<DirectoryEntry>> List(std::string path) = 0;  // sorted by name
  virtual Task<bool> Exists(std::string path) = 0;
  virtual Task<FileIdentity> Identify(std::string path) = 0;
  virtual Task<int64_t> FreeBytes(std::string path) = 0;

  // Built on the above. ReadAll refuses more than `size_limit` bytes.
  Task<std::string> ReadAll(std::string path, size_t size_limit);
  // Temporary file, sync, rename, sync of the folder.
  Task<> WriteAtomically(std::string path, std::string contents);
};

// A connected byte stream. One reader and one writer at a time. A deadline that fires closes the
// stream: half a frame can't be taken back.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte; 0 when the peer has ended.
  virtual Task<size_t> ReadSome(std::span<std::byte> into, TimePoint deadline) = 0;
  // Writes all pieces, in order, or fails.
  virtual Task<> Write(std::vector<std::span<const std::byte>> pieces, TimePoint deadline) = 0;
  // Idempotent; ends waits of reader and writer with kConnectionClosed.
  virtual void Close() = 0;
  virtual std::string local_address() const = 0;  // "127.0.0.1:9092"
  virtual std::string remote_address() const = 0;

  // Exactly into.size() bytes, or kConnectionClosed.
  Task<> ReadExactly(std::span<std::byte> into, TimePoint deadline);
};

class Listener {
 public:
  virtual ~Listener() = default;
  // The stream belongs to `owner`: all its waits happen on tasks of that scheduler. Call from the
  // scheduler that opened the listener.
  virtual Task<std::unique_ptr<Stream>> Accept(Executor owner) = 0;
  virtual void Close() = 0;
  virtual uint16_t port() const = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  // Port 0 picks a free one. kAddressInUse, with the flag to set in the hint left to the caller.
  virtual Task<std::unique_ptr<Listener>> Listen(std::string host, uint16_t port) = 0;
  virtual Task<std::unique_ptr<Stream>> Connect(std::string host, uint16_t port,
                                                TimePoint deadline) = 0;
};

// Bounded pool for blocking libraries and CPU work over ~1 ms. Never runs on a shard.
class BlockingPool {
 public:
  virtual ~BlockingPool() = default;
  virtual void Submit(UniqueFunction function) = 0;

  // Runs `function` (returns Result<T> or Status) on the pool; resumes on the caller's executor.
  // Not cancellable: what the function refers to must live until it has run.
  template <typename F>
  auto Run(F function) -> asio::awaitable<std::invoke_result_t<F&>, Executor>;

 private:
  asio::awaitable<void, Executor> SubmitAndWait(UniqueFunction function);
};

// Everything a component may ask of the outside. Thread-safe unless said otherwise.
class Env {
 public:
  virtual ~Env() = default;
  virtual TimePoint Now() const = 0;            // monotonic
  virtual ProcessingTime WallTime() const = 0;  // ms since 1970
  virtual uint64_t Random() = 0;
  virtual Files& files() = 0;
  virtual Network& network() = 0;
  virtual BlockingPool& blocking_pool() = 0;
  // Marks a moment at which a crash must be survived ("journal.flush", "segment.roll",
  // "checkpoint.commit", "sink.commit"). Tests kill the process there; otherwise it costs a call.
  virtual void CrashPoint(const char* name) {}
  // Shards, created at start; index 0 always exists.
  virtual size_t shard_count() const = 0;
  virtual Executor shard(size_t index) = 0;
};

struct RealEnvOptions {
  size_t shard_count = 0;        // 0: one per core
  size_t pool_thread_count = 0;  // 0: max(2, half the cores)
  // "journal.flush:17": the process kills itself (SIGKILL) at the 17th such CrashPoint. For tests.
  std::string crash_point = {};
};
// Starts the shards' threads; the destructor stops them. All TaskScopes must be closed before.
std::unique_ptr<Env> MakeRealEnv(RealEnvOptions options);

template <typename F>
auto BlockingPool::Run(F function) -> asio::awaitable<std::invoke_result_t<F&>, Executor> {
  using R = std::invoke_result_t<F&>;
  std::optional<R> outcome;
  UniqueFunction work([&function, &outcome] { outcome.emplace(function()); });
  co_await SubmitAndWait(std::move(work));
  co_return std::move(*outcome);
}

}  // namespace mainstem
