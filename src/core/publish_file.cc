#include "core/publish_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace mainstem {

Status PublishFile(const std::string& from, const std::string& to) {
  // Unlike rename, link never replaces.
  if (::link(from.c_str(), to.c_str()) != 0) {
    int error = errno;
    ErrorCode code = error == EEXIST   ? ErrorCode::kAlreadyExists
                     : error == ENOSPC ? ErrorCode::kDiskFull
                                       : ErrorCode::kStorageError;
    return MakeError(code, fmt::format("cannot make '{}': {}", to, std::strerror(error)));
  }
  // The second name does no harm if it stays.
  ::unlink(from.c_str());
  return Status::OK();
}

}  // namespace mainstem
