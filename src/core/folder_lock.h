// Keeps two processes out of one data folder: an advisory lock on the file LOCK in it. Released by
// the destructor and, by the operating system, when the process ends however it ends.
#pragma once

#include <memory>
#include <string>

#include "core/status.h"

namespace mainstem {

class FolderLock {
 public:
  // Makes the folder. kAlreadyExists, with the other's process id, when it is taken.
  static Result<std::unique_ptr<FolderLock>> Take(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace mainstem
