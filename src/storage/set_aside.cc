#include "storage/set_aside.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace mainstem::storage {

Task<std::string> FirstFreeName(Files* files, std::string prefix) {
  for (int number = 1;; ++number) {
    std::string candidate = fmt::format("{}{}", prefix, number);
    CO_ASSIGN_OR_RETURN(bool exists, co_await files->Exists(candidate));
    if (!exists) co_return candidate;
  }
}

Task<std::string> MoveAside(Files* files, std::string path) {
  std::string prefix = path + ".set-aside-";
  CO_ASSIGN_OR_RETURN(std::string name, co_await FirstFreeName(files, std::move(prefix)));
  std::string folder = path.substr(0, path.rfind('/'));
  CO_RETURN_IF_ERROR(co_await files->Rename(std::move(path), name));
  CO_RETURN_IF_ERROR(co_await files->SyncDirectory(std::move(folder)));
  co_return name;
}

Task<> CopyAside(Files* files, File* file, int64_t from, int64_t end, std::string to) {
  OpenOptions how{.write = true, .create = true, .truncate = true};
  CO_ASSIGN_OR_RETURN(std::unique_ptr<File> copy, co_await files->Open(std::move(to), how));
  std::vector<std::byte> buffer(size_t{1} << 20);
  for (int64_t at = from; at < end; at += static_cast<int64_t>(buffer.size())) {
    size_t size = std::min(buffer.size(), static_cast<size_t>(end - at));
    std::span<std::byte> into(buffer.data(), size);
    CO_ASSIGN_OR_RETURN(size_t count, co_await file->ReadAt(at, into));
    std::span<const std::byte> piece = into.first(count);
    CO_RETURN_IF_ERROR(co_await copy->WriteAt(at - from, piece));
  }
  co_return co_await copy->Sync();
}

}  // namespace mainstem::storage
