#include "core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

namespace mainstem {

Result<std::unique_ptr<FolderLock>> FolderLock::Take(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string path = folder + "/LOCK";
  int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return MakeError(ErrorCode::kStorageError,
                     {.message = fmt::format("cannot use the data folder '{}': {}", folder,
                                             std::strerror(errno)),
                      .hint = "choose another with --data"});
  }
  auto lock = std::unique_ptr<FolderLock>(new FolderLock(descriptor));
  char owner[32] = {};
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ssize_t count = ::pread(descriptor, owner, sizeof owner - 1, 0);
    std::string who = count > 0 ? fmt::format("another process ({})", owner) : "another process";
    return MakeError(ErrorCode::kAlreadyExists,
                     {.message = fmt::format("{} uses the data folder '{}'", who, folder),
                      .hint = "stop it, or choose another folder with --data"});
  }
  std::string self = std::to_string(::getpid());
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, self.data(), self.size(), 0) != static_cast<ssize_t>(self.size())) {
    return MakeError(ErrorCode::kStorageError, fmt::format("cannot write '{}'", path));
  }
  return lock;
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace mainstem
