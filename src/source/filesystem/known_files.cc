#include "source/filesystem/known_files.h"

#include <algorithm>

#include "core/path.h"

namespace mainstem::source {
namespace {

// Of a file that holds what was read up to `end`. In its old place it is followed as before; in
// another one it may be a rotated one that nobody writes to.
bool GoesOn(const FoundFile& file, const FilePosition& end) {
  if (!end.gone) return false;
  bool may_hold_more = end.tail_hash == "-" || file.identity.size > end.offset;
  return end.path == file.path || may_hold_more;
}

}  // namespace

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

void KnownFiles::BeginNext(Known* known, FilePosition start) {
  ++known->id.generation;
  known->start = std::move(start);
  known->start.gone = false;
  known->same_identity = {};
}

Task<KnownFiles::Split> KnownFiles::Recognize(FoundFile file, FileSplitId id, IsSame is_same) {
  auto found = files_.find(id.ToString());
  Known* known = found != files_.end() ? &found->second : FindOnOtherDevice(file, id);
  if (known == nullptr) {
    known = &files_[id.ToString()];
    known->id = id;
  }
  std::optional<FilePosition> end = ended_->Find(known->id);
  if (end && is_same != nullptr && file.identity != known->same_identity) {
    CO_ASSIGN_OR_RETURN(bool same, co_await is_same(file.path, *end));
    known->same_identity = file.identity;
    if (!same) {
      BeginNext(known, FilePosition::BeginningOf(file.path));
    } else if (GoesOn(file, *end)) {
      BeginNext(known, std::move(*end));
    }
  }
  Split split{.id = known->id, .start = known->start};
  split.start.path = file.path;
  co_return split;
}

}  // namespace mainstem::source
