#include "core/files_real.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

namespace mainstem {
namespace {

namespace fs = std::filesystem;

Status FromErrno(int error, const char* action, const std::string& path) {
  ErrorCode code = ErrorCode::kStorageError;
  if (error == ENOENT || error == ENOTDIR) code = ErrorCode::kNotFound;
  if (error == EEXIST) code = ErrorCode::kAlreadyExists;
  if (error == ENOSPC || error == EDQUOT) code = ErrorCode::kDiskFull;
  return MakeError(code, fmt::format("cannot {} '{}': {}", action, path,
                                     std::generic_category().message(error)));
}

// A disk does 256 KiB in about the time that it takes to make a short write durable.
constexpr size_t kDirectPieceBytes = size_t{256} << 10;

class RealFile final : public File {
 public:
  RealFile(BlockingPool* pool, int descriptor, std::string path, size_t write_bytes_max)
      : pool_(pool),
        descriptor_(descriptor),
        path_(std::move(path)),
        write_bytes_max_(write_bytes_max) {}
  ~RealFile() override { ::close(descriptor_); }

  Task<size_t> ReadAt(int64_t offset, std::span<std::byte> into) override {
    co_return co_await pool_->Run([this, offset, into] { return BlockingRead(offset, into); });
  }
  Task<> WriteAt(int64_t offset, std::span<const std::byte> from) override {
    co_return co_await pool_->Run([this, offset, from] { return BlockingWrite(offset, from); });
  }
  Task<> Sync() override {
    co_return co_await pool_->Run([this] {
      return ::fdatasync(descriptor_) == 0 ? Status::OK() : FromErrno(errno, "sync", path_);
    });
  }
  Task<> Truncate(int64_t size) override {
    co_return co_await pool_->Run([this, size] {
      return ::ftruncate(descriptor_, size) == 0 ? Status::OK()
                                                 : FromErrno(errno, "truncate", path_);
    });
  }
  Task<int64_t> Size() override {
    struct stat info;
    if (::fstat(descriptor_, &info) != 0) co_return FromErrno(errno, "stat", path_);
    co_return static_cast<int64_t>(info.st_size);
  }

 private:
  Result<size_t> BlockingRead(int64_t offset, std::span<std::byte> into) {
    size_t done = 0;
    while (done < into.size()) {
      ssize_t count = ::pread(descriptor_, into.data() + done, into.size() - done,
                              offset + static_cast<int64_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FromErrno(errno, "read", path_);
      done += static_cast<size_t>(count);
      // The end of the file; a direct read could not even ask again from an odd place.
      if (count == 0 || done % AlignedBuffer::kAlignment != 0) break;
    }
    return done;
  }
  Status BlockingWrite(int64_t offset, std::span<const std::byte> from) {
    size_t done = 0;
    while (done < from.size()) {
      size_t size = std::min(from.size() - done, write_bytes_max_);
      ssize_t count =
          ::pwrite(descriptor_, from.data() + done, size, offset + static_cast<int64_t>(done));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return FromErrno(count < 0 ? errno : EIO, "write", path_);
      done += static_cast<size_t>(count);
    }
    return Status::OK();
  }

  BlockingPool* pool_;
  int descriptor_;
  std::string path_;
  size_t write_bytes_max_;
};

Result<std::unique_ptr<File>> OpenBlocking(BlockingPool* pool, const std::string& path,
                                           OpenOptions options) {
  int flags = O_CLOEXEC | (options.write ? O_RDWR : O_RDONLY);
  if (options.create) flags |= O_CREAT;
  if (options.exclusive) flags |= O_EXCL;
  if (options.truncate) flags |= O_TRUNC;
  if (options.direct_durable) flags |= O_DSYNC;
  int descriptor = -1;
  if (options.direct || options.direct_durable) {
    descriptor = ::open(path.c_str(), flags | O_DIRECT, 0644);
    if (descriptor < 0 && errno != EINVAL) return FromErrno(errno, "open", path);
  }
  if (descriptor < 0) descriptor = ::open(path.c_str(), flags, 0644);
  if (descriptor < 0) return FromErrno(errno, "open", path);
  size_t write_bytes_max = options.direct ? kDirectPieceBytes : SIZE_MAX;
  return std::make_unique<RealFile>(pool, descriptor, path, write_bytes_max);
}

Result<std::vector<DirectoryEntry>> ListBlocking(const std::string& path) {
  std::error_code error;
  std::vector<DirectoryEntry> entries;
  fs::directory_iterator it(path, error);
  if (error) return FromErrno(error.value(), "list", path);
  for (; it != fs::directory_iterator(); it.increment(error)) {
    DirectoryEntry entry{.name = it->path().filename().string()};
    std::error_code ignored;  // a file may vanish between listing and stat
    entry.is_directory = it->is_directory(ignored);
    if (!entry.is_directory) {
      uintmax_t size = it->file_size(ignored);
      if (ignored) continue;
      entry.size = static_cast<int64_t>(size);
    }
    entries.push_back(std::move(entry));
    if (error) return FromErrno(error.value(), "list", path);
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

Status SyncDirectoryBlocking(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FromErrno(errno, "open folder", path);
  Status status = ::fsync(descriptor) == 0 ? Status::OK() : FromErrno(errno, "sync folder", path);
  ::close(descriptor);
  return status;
}

Result<FileIdentity> IdentifyBlocking(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return FromErrno(errno, "stat", path);
  return FileIdentity{.device = info.st_dev,
                      .inode = info.st_ino,
                      .size = info.st_size,
                      .modified_ms = info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000};
}

class RealFiles final : public Files {
 public:
  explicit RealFiles(BlockingPool* pool) : pool_(pool) {}

  Task<std::unique_ptr<File>> Open(std::string path, OpenOptions options) override {
    co_return co_await pool_->Run([&] { return OpenBlocking(pool_, path, options); });
  }
  Task<> CreateDirectories(std::string path) override {
    co_return co_await pool_->Run([&] {
      std::error_code error;
      fs::create_directories(path, error);
      return error ? FromErrno(error.value(), "create folder", path) : Status::OK();
    });
  }
  Task<> SyncDirectory(std::string path) override {
    co_return co_await pool_->Run([&] { return SyncDirectoryBlocking(path); });
  }
  Task<> Rename(std::string from, std::string to) override {
    co_return co_await pool_->Run([&] {
      return ::rename(from.c_str(), to.c_str()) == 0 ? Status::OK()
                                                     : FromErrno(errno, "rename", from);
    });
  }
  Task<> Remove(std::string path) override {
    co_return co_await pool_->Run([&] {
      return ::unlink(path.c_str()) == 0 ? Status::OK() : FromErrno(errno, "remove", path);
    });
  }
  Task<> RemoveDirectoryTree(std::string path) override {
    co_return co_await pool_->Run([&] {
      std::error_code error;
      fs::remove_all(path, error);
      return error ? FromErrno(error.value(), "remove folder", path) : Status::OK();
    });
  }
  Task<std::vector<DirectoryEntry>> List(std::string path) override {
    co_return co_await pool_->Run([&] { return ListBlocking(path); });
  }
  Task<bool> Exists(std::string path) override {
    co_return co_await pool_->Run([&]() -> Result<bool> {
      struct stat info;
      if (::stat(path.c_str(), &info) == 0) return true;
      if (errno == ENOENT || errno == ENOTDIR) return false;
      return FromErrno(errno, "stat", path);
    });
  }
  Task<FileIdentity> Identify(std::string path) override {
    co_return co_await pool_->Run([&] { return IdentifyBlocking(path); });
  }
  Task<int64_t> FreeBytes(std::string path) override {
    co_return co_await pool_->Run([&]() -> Result<int64_t> {
      struct statvfs info;
      if (::statvfs(path.c_str(), &info) != 0) return FromErrno(errno, "stat", path);
      return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
    });
  }

 private:
  BlockingPool* pool_;
};

}  // namespace

std::unique_ptr<Files> MakeRealFiles(BlockingPool* pool) {
  return std::make_unique<RealFiles>(pool);
}

}  // namespace mainstem
