// What a TableCommitter asks its catalog for, made anew for each metadata that it is to go on top
// of: new files with positions, files in place of others, the end of old snapshots, properties.
// Used on shard 0, by one commit at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/iceberg/catalog.h"
#include "connector/iceberg/key_index.h"
#include "connector/iceberg/lake_files.h"
#include "connector/iceberg/manifest_format.h"
#include "core/env.h"

namespace mainstem::connector::iceberg {

struct DeliveryPlace {
  std::string delivery_id;
  PartitionId partition;
};
// How far a delivery has come, as the table says; nullopt: it has brought nothing yet.
std::optional<Offset> StoredPosition(const TableMetadata& metadata, const DeliveryPlace& place);

struct AppendRequest {
  DeliveryPlace place;
  std::optional<Offset> expected;  // what the table says now, if nobody else writes
  Offset position;                 // what it is to say with the files
  MetadataPtr layout;              // schema and partitions the files were written for
  std::shared_ptr<arrow::Schema> columns = nullptr;  // those of the table that the files hold
  std::vector<DataFile> files = {};  // none: only the position moves, without a snapshot
  // Of tables that are upserted to: what becomes of keys, in order, and which rows of the files
  // (by index) were replaced by later ones already.
  std::vector<KeyChange> keys = {};
  std::map<int32_t, Positions> replaced = {};
};

// Other files with the same rows, and fewer manifests. All of one spec.
struct RewriteRequest {
  MetadataPtr layout;                  // schema and partitions of the rows
  std::vector<std::string> manifests;  // paths: these are replaced, as long as all are there
  // What takes their place. `snapshot_id` of those added and deleted is filled in.
  std::vector<ManifestRow> rows;
  // Of tables that are upserted to: the files that go, as their rows were deleted when they were
  // read, those that come, and where rows are now. Deletions that have come since make it void.
  struct Input {
    std::string path;
    int64_t deleted_rows = 0;
  };
  std::vector<Input> inputs = {};
  std::vector<DataFile> outputs = {};
  std::vector<MovedRow> moved = {};
};

// Manifest lists: the one that was read or written last is remembered.
class ManifestLists {
 public:
  explicit ManifestLists(std::shared_ptr<LakeFiles> files) : files_(std::move(files)) {}
  // Null: no snapshot, no manifests.
  Task<std::vector<ManifestEntry>> Of(const Snapshot* snapshot);
  Task<> Write(const Snapshot& snapshot, std::vector<ManifestEntry> entries,
               int64_t format_version);

 private:
  std::shared_ptr<LakeFiles> files_;
  std::string location_;
  std::vector<ManifestEntry> entries_;
};

struct ProposalContext {
  Env* env = nullptr;
  std::shared_ptr<LakeFiles> files;
  std::shared_ptr<ManifestLists> lists;
  std::shared_ptr<KeyIndexSlot> keys = nullptr;  // null: rows are only appended
};

class Proposal {
 public:
  virtual ~Proposal() = default;
  // Writes what is the same for every attempt. Called once, before the rest.
  virtual Task<> Prepare(MetadataPtr base) = 0;
  // kUnavailable: it cannot be made on top of this any more.
  virtual Status Check(const TableMetadata& base) = 0;
  virtual Task<TableChange> Make(MetadataPtr base, int attempt) = 0;
  // Whether the metadata already holds it: an answer was lost.
  virtual bool IsDone(const TableMetadata& base) = 0;
  // It is in the table.
  virtual void OnDone() {}
  // What nobody needs when no attempt was made: files that were written for it, and by it.
  virtual std::vector<std::string> WrittenFiles() const { return {}; }
};

// Requests that wait together, as one snapshot.
std::unique_ptr<Proposal> ProposeAppend(ProposalContext context,
                                        std::vector<AppendRequest> requests);
std::unique_ptr<Proposal> ProposeRewrite(ProposalContext context, RewriteRequest request);
// `last`: gets the snapshots of the last attempt.
std::unique_ptr<Proposal> ProposeExpiry(ProposalContext context,
                                        std::shared_ptr<std::vector<Snapshot>> last);
// One property, as long as it is still what it was (nullopt: not there).
struct PropertyRequest {
  std::string name;
  std::optional<std::string> expected = {};
  std::string value = {};
};
std::unique_ptr<Proposal> ProposeProperty(PropertyRequest request);

}  // namespace mainstem::connector::iceberg
