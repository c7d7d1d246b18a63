// Removes what an Iceberg table needs no more: snapshots that have had their time, with the files
// that only they have, and files that no snapshot names. Metadata goes first, files after it: a
// crash in between leaves orphans, which are found a day later. Used on shard 0, one call at a
// time.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connector/iceberg/table_commit.h"

namespace mainstem::connector::iceberg {

struct CleanupOptions {
  // A file that no snapshot names is left for so long: it may belong to a commit under way.
  Duration orphan_age = std::chrono::hours(72);
  Duration orphan_interval = std::chrono::hours(24);
};

class TableCleanup {
 public:
  TableCleanup(Env* env, std::shared_ptr<TableCommitter> committer,
               std::shared_ptr<LakeFiles> files, CleanupOptions options)
      : env_(env), committer_(std::move(committer)), files_(std::move(files)), options_(options) {}

  Task<> RunIfDue();

 private:
  using Paths = std::set<std::string>;

  Task<> RemoveFilesOf(TableCommitter::Expiry expiry);
  Task<> RemoveOrphansIfDue(MetadataPtr metadata);
  Task<> RemoveOrphans(int64_t older_than_ms);
  // As PlainLocation has them.
  Task<Paths> ReferencedFiles(MetadataPtr metadata);
  // kNotFound when the file is gone.
  Task<std::vector<ManifestEntry>> ManifestsOf(std::string manifest_list);
  Task<std::vector<ManifestRow>> FilesOf(ManifestEntry entry);

  Env* env_;
  std::shared_ptr<TableCommitter> committer_;
  std::shared_ptr<LakeFiles> files_;
  CleanupOptions options_;
};

}  // namespace mainstem::connector::iceberg
