// Objects of a bucket as files that can only be read: paths are "s3://bucket/key". Private to
// filesystem; runs on the task's shard.
//
// An object is known by its key and etag, so one that is replaced is another file. It is read in
// blocks of a few MiB ahead; what was replaced meanwhile is an error that is tried again, and then
// found to be gone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/s3/object_store.h"
#include "source/filesystem/file_finder.h"

namespace mainstem::source {

// Device of all objects: tells that a file has no other name that it could be found under.
inline constexpr uint64_t kObjectDevice = 0x53330000;

class ObjectFiles final : public Files {
 public:
  ObjectFiles(std::shared_ptr<connector::ObjectStore> store, std::string bucket);

  // As FindFiles: an object, all objects below a folder, or a glob. `key` is what follows
  // "s3://bucket/".
  Task<std::vector<FoundFile>> Find(std::string key);

  Task<std::unique_ptr<File>> Open(std::string path, OpenOptions options) override;
  Task<FileIdentity> Identify(std::string path) override;
  Task<bool> Exists(std::string path) override;

  // kUnsupported: objects are read only.
  Task<> CreateDirectories(std::string path) override;
  Task<> SyncDirectory(std::string path) override;
  Task<> Rename(std::string from, std::string to) override;
  Task<> Remove(std::string path) override;
  Task<> RemoveDirectoryTree(std::string path) override;
  Task<std::vector<DirectoryEntry>> List(std::string path) override;
  Task<int64_t> FreeBytes(std::string path) override;

 private:
  std::string KeyOf(const std::string& path) const { return path.substr(root_.size()); }

  std::shared_ptr<connector::ObjectStore> store_;
  std::string root_;  // "s3://bucket/"
};

// Whether a key is meant by a pattern: literally or by wildcards up to a folder or an object.
// Names that begin with '.' or '_' are left out where the pattern does not spell them. Pure.
bool MatchesObjectPattern(const std::string& pattern, const std::string& key);

}  // namespace mainstem::source
