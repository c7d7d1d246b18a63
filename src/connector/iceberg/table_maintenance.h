// Keeps an Iceberg table fit while rows are appended to it: merges small files and manifests, lets
// old snapshots go with what only they need, and removes what crashes have left. Owned by a table's
// sink, shared by its writers, which call it after their commits: in between nothing runs.
//
// Every step is a commit of its own, made only when what it was planned for is still there, or
// comes after one: a crash leaves files that no snapshot names, for the clean-up of orphans; never
// a snapshot without its files. Several nodes, and other engines, may do the same at one time.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connector/iceberg/compaction_plan.h"
#include "connector/iceberg/table_cleanup.h"
#include "connector/iceberg/table_commit.h"

namespace mainstem::connector::iceberg {

// Writes the rows of several files of one partition into others.
class FileRewriter {
 public:
  virtual ~FileRewriter() = default;
  struct Input {
    DataFile file;
    Positions deleted;  // rows that are left out
  };
  struct Rewritten {
    std::vector<DataFile> files;
    std::vector<MovedRow> moved = {};  // of tables that are upserted to
  };
  // Whole and durable files of `layout` when it returns, none when no row is left. kUnsupported:
  // there is something in the inputs that cannot be carried over; they are left as they are.
  virtual Task<Rewritten> Rewrite(MetadataPtr layout, std::vector<Input> inputs) = 0;
};

struct MaintenanceOptions {
  int64_t file_bytes = 0;  // what files are to have; 0: as the table says
  CleanupOptions cleanup = {};
};

// Thread-safe: calls go on with shard 0, one at a time.
class TableMaintenance : public std::enable_shared_from_this<TableMaintenance> {
 public:
  TableMaintenance(Env* env, std::shared_ptr<TableCommitter> committer,
                   std::shared_ptr<LakeFiles> files, std::unique_ptr<FileRewriter> rewriter,
                   MaintenanceOptions options);

  // Does what is due, a bounded part of it; returns at once while another call is at it. What goes
  // wrong is not about the rows: it is tried again by the next call, and what does not pass is told
  // by the table's property "mainstem.maintenance.problem" until it has. kCancelled is returned.
  Task<> RunIfDue();

 private:
  // The live files of a manifest that may still have something to be merged.
  struct OpenManifest {
    ManifestEntry entry;
    std::vector<ManifestRow> rows;
  };
  using Paths = std::set<std::string>;

  Task<> RunHere();
  Task<> TellProblem(std::string problem);
  Task<> Compact();
  Task<> ReadNewManifests(const TableView* view);
  std::vector<CompactionInput> Inputs(const TableView& view) const;
  // Some of the groups, into the request.
  Task<> RewriteGroups(std::vector<std::vector<FileRewriter::Input>> groups,
                       RewriteRequest* request);
  // Their live rows become those of the request; those in `removed` are deleted ones.
  void TakeManifests(const Paths& removed, bool merges_all, RewriteRequest* request) const;
  bool HasManifestsToMerge(const TableMetadata& metadata) const;
  Env* env_;
  std::shared_ptr<TableCommitter> committer_;
  std::shared_ptr<LakeFiles> files_;
  std::unique_ptr<FileRewriter> rewriter_;
  MaintenanceOptions options_;
  TableCleanup cleanup_;
  // On shard 0 only.
  bool is_running_ = false;
  bool has_more_to_do_ = true;
  std::map<std::string, OpenManifest> open_;  // by path
  Paths settled_;                             // manifests with nothing to be merged
  Paths left_alone_;                          // files that cannot be rewritten
};

}  // namespace mainstem::connector::iceberg
