#include "core/durable_folder.h"

#include <vector>

#include "core/path.h"

namespace mainstem {

Task<> MakeDurableFolder(Files* files, std::string path) {
  std::vector<std::string> missing;
  for (std::string above = path; above != ParentFolder(above); above = ParentFolder(above)) {
    CO_ASSIGN_OR_RETURN(bool exists, co_await files->Exists(above));
    if (exists) break;
    missing.push_back(above);
  }
  CO_RETURN_IF_ERROR(co_await files->CreateDirectories(path));
  CO_RETURN_IF_ERROR(co_await files->SyncDirectory(ParentFolder(path)));
  for (const std::string& made : missing) {
    // That of the one made first may be as new, made by a process that died.
    std::string above = ParentFolder(ParentFolder(made));
    IgnoreError(co_await files->SyncDirectory(std::move(above)), "it may not be ours to read");
  }
  co_return Status::OK();
}

}  // namespace mainstem
