// Finds the files that a path means: a file, all files below a folder, or a glob (*, ?, [..] within
// one level, ** over levels). Names that begin with '.' or '_' are left out, as Flink does. Private
// to filesystem.
#pragma once

#include <string>
#include <vector>

#include "core/env.h"

namespace mainstem::source {

struct FoundFile {
  std::string path;
  FileIdentity identity;
};

// Sorted by path. NotFound when a path without wildcards is absent. At most `kMaxFoundFiles`.
inline constexpr size_t kMaxFoundFiles = 100000;
Task<std::vector<FoundFile>> FindFiles(Files* files, std::string path);

Status TooManyFiles(const std::string& path);
// Names that readers pass over: of files in the making, commit records and the like.
bool IsHidden(const std::string& name);

// "a/b" made absolute against `base`; "file://" in front is taken off.
std::string ResolvePath(const std::string& path, const std::string& base);

// Identifies the file by its first bytes as well, since inodes are used again. Empty: the file has
// no complete first line yet (`growing`), so that its identity is not settled. A compressed file
// that is shorter than the bytes that tell it is settled when it is complete and `quiet`: has not
// changed for a while.
struct FingerprintOptions {
  bool at_end = false;  // by its last bytes: a file that is complete
  bool growing = false;
  bool compressed = false;
  bool quiet = false;
};
Task<std::string> Fingerprint(Files* files, std::string path, FingerprintOptions options);

}  // namespace mainstem::source
