#include "source/filesystem/known_files.h"

#include <algorithm>

#include "core/path.h"

namespace mainstem::source {

void EndedFiles::Add(const FileSplitId& id, FilePosition position) {
  std::lock_guard lock(mutex_);
  positions_[id.ToString()] = std::move(position);
}

std::optional<FilePosition> EndedFiles::Find(const FileSplitId& id) const {
  std::lock_guard lock(mutex_);
  auto found = positions_.find(id.ToString());
  return found == positions_.end() ? std::nullopt : std::optional(found->second);
}

Status KnownFiles::SetRestored(const std::vector<connector::RestoredSplit>& splits) {
  files_.clear();
  elsewhere_.clear();
  other_devices_.clear();
  ended_ = std::make_shared<EndedFiles>();
  for (const connector::RestoredSplit& restored : splits) {
    ASSIGN_OR_RETURN(FileSplitId id, FileSplitId::Parse(restored.split.id));
    ASSIGN_OR_RETURN(FilePosition position, FilePosition::Parse(restored.split.position));
    std::string key = id.First().ToString();
    if (restored.ended) ended_->Add(id, position);
    auto [known, is_first] = files_.try_emplace(key);
    if (is_first) elsewhere_[{id.inode, id.fingerprint}].push_back(key);
    if (!is_first && id.generation < known->second.id.generation) continue;
    known->second.id = id;
    known->second.restored_path = position.path;
  }
  return Status::OK();
}

KnownFiles::Known* KnownFiles::FindOnOtherDevice(const FoundFile& file, const FileSplitId& id) {
  const std::string key = id.ToString();
  if (auto found = other_devices_.find(key); found != other_devices_.end()) {
    return &files_.at(found->second);
  }
  auto candidates = elsewhere_.find({id.inode, id.fingerprint});
  if (candidates == elsewhere_.end()) return nullptr;
  for (auto at = candidates->second.begin(); at != candidates->second.end(); ++at) {
    Known& known = files_.at(*at);
    if (ParentFolder(known.restored_path) != ParentFolder(file.path)) continue;
    other_devices_[key] = *at;
    candidates->second.erase(at);  // one file only
    return &known;
  }
  return nullptr;
}

Task<FileSplitId> KnownFiles::Recognize(FoundFile file, FileSplitId id, IsSame is_same) {
  auto found = files_.find(id.ToString());
  Known* known = found != files_.end() ? &found->second : FindOnOtherDevice(file, id);
  if (known == nullptr) {
    files_[id.ToString()].id = id;
    co_return id;
  }
  std::optional<FilePosition> end = ended_->Find(known->id);
  if (!end || is_same == nullptr || file.identity == known->same_identity) co_return known->id;
  // What was gone from its place and is there again is another file in a used inode.
  bool same = !end->gone || end->path != file.path;
  if (same) {
    CO_ASSIGN_OR_RETURN(same, co_await is_same(file.path, std::move(*end)));
  }
  if (same) {
    known->same_identity = file.identity;
  } else {
    ++known->id.generation;
  }
  co_return known->id;
}

}  // namespace mainstem::source
