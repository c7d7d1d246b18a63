// What all readers of files share: how a split of a file is named, where its reading stands, and
// the columns that come from the file itself. Private to filesystem.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/filesystem/file_finder.h"
#include "source/scan_layout.h"

namespace mainstem::source {

// What `offset` counts is the reader's matter: bytes, rows.
struct FilePosition {
  int64_t offset = 0;
  std::string tail_hash;  // "-": unknown
  std::string path;
  bool gone = false;  // there was no such file any more; written as '!' before the hash

  static FilePosition BeginningOf(std::string path);
  std::string ToString() const;
  static Result<FilePosition> Parse(const std::string& text);
};
std::string HashTail(std::string_view tail);

// "file:<device>-<inode>-<fingerprint>", and "-<generation>" behind it from the second file on that
// has them all.
struct FileSplitId {
  uint64_t device = 0;
  uint64_t inode = 0;
  std::string fingerprint;
  int generation = 1;

  FileSplitId First() const { return {device, inode, fingerprint, 1}; }
  std::string ToString() const;
  static Result<FileSplitId> Parse(const std::string& text);
};

// What a reader does about a file that is not there any more: one that is followed has come to its
// end, one that is read once would leave out rows.
enum class WhenGone : uint8_t { kEnds, kFails };

// The file of a split by its inode: where it was last, else in the same folder under another name.
// A device may have another number since the split was found: then `id` gets it.
Task<std::optional<FoundFile>> FindSplitFile(Files* files, FileSplitId* id, std::string last_path);
// As above, for a reader that begins: with kFails, what is gone is kNotFound, which tells whether
// it was deleted or replaced.
Task<std::optional<FoundFile>> OpenSplitFile(Files* files, FileSplitId* id, std::string last_path,
                                             WhenGone when_gone);
// A file that is read once has fewer bytes than when it was opened, or than were read of it.
Status FileBecameShorter(const std::string& path);
// It holds something else than what was read of it.
Status FileWasReplaced(const std::string& path);

// The file that rows come from.
struct FileOrigin {
  std::string path;
  FileIdentity identity;
  // Arrays of one value for the columns that the path gives.
  std::map<std::string, std::shared_ptr<arrow::Array>> outside;

  // What cannot be read at `place` of the file, with the file named in the error.
  connector::RejectedRecord Rejected(const std::string& place, const Status& cause) const;
  // A column of PARTITIONED BY or of metadata.
  Result<std::shared_ptr<arrow::Array>> Column(const ScanLayout::Other& other, int64_t rows) const;
};

}  // namespace mainstem::source
