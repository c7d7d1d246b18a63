// Which split a file that was found belongs to: its inode and the hash of its beginning say so, but
// a device may have another number since it was mounted anew, and an inode may be used again by a
// file that begins alike. Private to filesystem. Runs where splits are discovered; EndedFiles on
// any shard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connector/restored_source.h"
#include "source/filesystem/file_split.h"

namespace mainstem::source {

// The splits that readers have brought to their end, and where that was.
class EndedFiles {
 public:
  void Add(const FileSplitId& id, FilePosition position);
  std::optional<FilePosition> Find(const FileSplitId& id) const;

 private:
  mutable std::mutex mutex_;  // guards positions_
  std::map<std::string, FilePosition> positions_;
};

class KnownFiles {
 public:
  // Whether the file at the path is, up to the position, what was read.
  using IsSame = std::function<Task<bool>(std::string path, FilePosition position)>;
  struct Split {
    FileSplitId id;
    FilePosition start;  // of one that is new
  };

  // Forgets everything else. InvalidArgument for ids or positions of another source.
  Status SetRestored(const std::vector<connector::RestoredSplit>& splits);
  // `id`: by what the file is now. The split that it belongs to; a file that was gone, and is there
  // again with more, goes on in a new one where the reading stood. Without `is_same` what was read
  // to its end is not looked at again.
  Task<Split> Recognize(FoundFile file, FileSplitId id, IsSame is_same);

  // For readers; another one after SetRestored.
  const std::shared_ptr<EndedFiles>& ended() const { return ended_; }

 private:
  struct Known {
    FileSplitId id;  // the last one of its device, inode and fingerprint
    FilePosition start = FilePosition::BeginningOf("");  // of that one
    std::string restored_path;                           // empty: first seen in this run
    FileIdentity same_identity;  // with which the file was last found to be the same
  };
  Known* FindOnOtherDevice(const FoundFile& file, const FileSplitId& id);
  static void BeginNext(Known* known, FilePosition start);

  std::map<std::string, Known> files_;  // by the id of the first of them
  // Restored ones by inode and fingerprint, as keys of files_, that no file was found to be.
  std::map<std::pair<uint64_t, std::string>, std::vector<std::string>> elsewhere_;
  std::map<std::string, std::string> other_devices_;  // an id as it would be now -> key in files_
  std::shared_ptr<EndedFiles> ended_ = std::make_shared<EndedFiles>();
};

}  // namespace mainstem::source
