// Parts of a commit to an Iceberg table: a snapshot in the making, and what becomes of the deletion
// vectors with it. Used on shard 0, by one commit at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connector/iceberg/table_proposal.h"

namespace mainstem::connector::iceberg {

struct FileCounts {
  int64_t files = 0;
  int64_t records = 0;
  int64_t bytes = 0;
  void Add(const DataFile& file);
};

// A snapshot in the making: its id, its new manifests, and what it counts.
class SnapshotDraft {
 public:
  explicit SnapshotDraft(ProposalContext context) : context_(std::move(context)) {}

  int64_t id() const { return id_; }
  bool has_manifests() const { return !manifests_.empty(); }
  const std::vector<ManifestEntry>& manifests() const { return manifests_; }
  bool has_deletes() const { return added_deletes_.files + removed_deletes_.files > 0; }
  bool removes_files() const { return removed_.files > 0; }     // of rows
  int64_t sequence_number() const { return sequence_number_; }  // of the last Finish
  bool is_in(const TableMetadata& base) const { return base.FindSnapshot(id_) != nullptr; }

  void Begin(const TableMetadata& base);
  // A manifest of files of one spec; several when there are many.
  Task<> AddManifests(MetadataPtr layout, std::vector<ManifestRow> rows);
  // On top of `base`, whose manifests it takes over but for those in `replaced`. `summary`: beside
  // the counts.
  Task<Snapshot> Finish(MetadataPtr base, int attempt, Properties summary,
                        std::set<std::string> replaced);
  // The files of rows that its manifests have.
  void AddFilesTo(KeyIndex* index) const;

 private:
  void AddCounts(const Snapshot* parent, Properties* summary) const;

  ProposalContext context_;
  int64_t id_ = 0;
  std::string uuid_;    // in the names of its files
  std::string folder_;  // of them
  std::vector<ManifestEntry> manifests_;
  std::vector<KeyIndex::KnownFile> files_;  // of rows; only where there is an index
  FileCounts added_, removed_, added_deletes_, removed_deletes_;
  int64_t sequence_number_ = 0;
  std::set<std::pair<int32_t, PartitionTuple>> partitions_;
};

// The deletion vectors of a table as one commit leaves them: all of them in new manifests, which
// take the place of all that there were. Without an index of keys it does nothing.
//
// A file of which every row is deleted has no vector: it has to leave the table, by who makes the
// commit.
class VectorDraft {
 public:
  explicit VectorDraft(ProposalContext context) : context_(std::move(context)) {}

  // kUnavailable: the index is not about `base`.
  Status Check(const TableMetadata& base) const;
  struct Target {
    std::string file;
    PartitionTuple partition;
    int64_t record_count = 0;
  };
  void Delete(Target target, Positions positions);
  // A file that goes needs no vector.
  void Drop(const std::string& file) { dropped_.insert(file); }
  // Once, after all deletions: drops the files that have no row left.
  void DropEmptyFiles();
  const std::set<std::string>& dropped() const { return dropped_; }
  // Of the vectors that Write has written; empty: none.
  std::string path() const { return added_.empty() ? "" : added_[0].file.path; }
  // Writes the vectors' file. Returns what the manifests of deletes are to hold; empty: nothing
  // changes.
  Task<std::vector<ManifestRow>> Write(MetadataPtr base, int64_t snapshot_id);
  // `entries`: of the snapshot that the commit goes on top of.
  static std::set<std::string> ManifestsOfDeletes(const std::vector<ManifestEntry>& entries);
  void OnDone(const SnapshotDraft& draft);

 private:
  struct Change {
    Target target;
    Positions positions;
  };
  // By data file, as one file; into added_.
  Task<> WriteVectors(MetadataPtr base, int64_t snapshot_id,
                      std::vector<std::pair<std::string, Positions>> vectors);

  ProposalContext context_;
  std::map<std::string, Change> changes_;  // by data file
  std::set<std::string> dropped_;
  std::vector<ManifestRow> added_;
};

}  // namespace mainstem::connector::iceberg
