// How files appear in a folder exactly once. Every (delivery, partition of its internal topic) has
// one manifest, replaced atomically:
//
//   <path>/_mainstem/<delivery>-<partition>.json
//     {"version":1, "delivery_id":"...", "partition":0, "position":123,
//      "files":[{"from":"day=1/.inprogress-x", "to":"day=1/part-x.parquet"}]}
//
// What replaces other files has version 2 and their names, "replaced":["day=1/part-w.parquet"]:
// these are removed when the new ones have been renamed.
//
// A commit: (1) the hidden files are complete and synced; (2) the manifest names them and the
// position: this is the commit; (3) they are renamed. Recovery does (3) again for what the manifest
// names and removes all other hidden files of that delivery and partition. So a visible file is
// never taken back, other than by INSERT OVERWRITE, and readers that pass over names beginning with
// '.' or '_' see whole files only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "sink/filesystem/file_target.h"

namespace mainstem::sink {

// Paths are relative to the table's folder.
struct FinishedFile {
  std::string from;
  std::string to;
  bool operator==(const FinishedFile&) const = default;
};

struct FileManifest {
  std::string delivery_id;
  PartitionId partition;
  Offset position;
  std::vector<FinishedFile> files;
  std::vector<std::string> replaced = {};  // files that these take the place of
};
std::string ManifestText(const FileManifest& manifest);
// CorruptStorage when it is not one.
Result<FileManifest> ParseManifest(std::string_view text);

// Lifecycle: Recover once, then Commit in turn. One writer for a (delivery, partition) at a time:
// the engine sees to that, two would not notice each other.
class FileCommitter {
 public:
  // `success_file`: an empty file of that name tells, in each folder with new files, that they are
  // committed; empty: none.
  FileCommitter(Env* env, std::string root, std::string delivery_id, PartitionId partition,
                std::string success_file);

  // Finishes a commit that was cut off, removes leftovers; the position, if there is one.
  Task<std::optional<Offset>> Recover();
  // `files` are complete and synced. Durable and visible when it returns.
  Task<> Commit(std::vector<FinishedFile> files, Offset position);
  // As FileTarget's.
  Task<> Replace(std::vector<FinishedFile> files, Offset position,
                 std::vector<std::string> folders);

  // Makes a folder of the table, and those above it; Commit makes them durable.
  Task<> MakeFolder(std::string folder);

  // What names of this writer's files contain: "3f2a...-0".
  const std::string& tag() const { return tag_; }
  std::string hidden_prefix() const { return ".inprogress-" + tag_ + "-"; }

 private:
  Task<> Write(FileManifest manifest);
  Task<> Rename(std::vector<FinishedFile> files);
  Task<> Remove(std::vector<std::string> files);
  // The files in it that readers see.
  Task<> ListVisible(std::string folder, bool with_subfolders, std::vector<std::string>* files);
  Task<> MarkCommitted(std::string folder);
  Task<> RemoveLeftovers(std::string folder);
  std::string Absolute(const std::string& folder) const {
    return folder.empty() ? root_ : root_ + "/" + folder;
  }
  std::string ManifestPath() const { return root_ + "/_mainstem/" + tag_ + ".json"; }

  Env* env_;
  std::string root_;
  std::string delivery_id_;
  PartitionId partition_;
  std::string tag_;
  std::string success_file_;
};

}  // namespace mainstem::sink
