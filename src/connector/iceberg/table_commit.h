// Commits of new files to one Iceberg table, exactly once: files and how far their deliveries are
// go into the table's metadata together. Owned by a table's sink, shared by its writers.
//
// A commit writes a manifest for the files, a manifest list, and then replaces the metadata through
// the catalog. The new metadata holds
//   a snapshot whose summary names the delivery and the positions that it brought, and
//   a property "mainstem.position.<delivery>/<partition>" for each of them, which outlives
//   snapshots.
// It is made only on top of metadata in which each delivery stands where its writer saw it last. So
// a request that lingers, or a second writer, never adds rows twice: whichever comes second finds
// another position, or other metadata than it was made for.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connector/iceberg/catalog.h"
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
  std::optional<Offset> expected;    // what the table says now, if nobody else writes
  Offset position;                   // what it is to say with the files
  MetadataPtr layout;                // schema and partitions the files were written for
  std::vector<DataFile> files = {};  // none: only the position moves, without a snapshot
};

// Thread-safe: calls go on with shard 0. Commits that wait are done together.
class TableCommitter : public std::enable_shared_from_this<TableCommitter> {
 public:
  TableCommitter(Env* env, std::unique_ptr<Catalog> catalog, std::shared_ptr<LakeFiles> files);

  // The newest metadata; nullopt: there is no table.
  Task<std::optional<MetadataPtr>> Load();
  // Makes the table, or loads the one that somebody else has made meanwhile.
  Task<MetadataPtr> Create(NewTable table);
  // Replaces the schema. kUnavailable when the table has changed since `base`.
  Task<MetadataPtr> ChangeSchema(MetadataPtr base, Schema schema, int32_t last_column_id);
  // kUnavailable when another writer has moved the position, or the commit's fate is not known:
  // a new writer finds it out.
  Task<> Append(AppendRequest request);

  std::string TableName() const { return catalog_->TableName(); }

 private:
  struct Waiting {
    AppendRequest request;
    bool is_done = false;
    Status status;
  };
  using Batch = std::vector<std::shared_ptr<Waiting>>;
  struct Prepared {
    int64_t snapshot_id = 0;
    std::string uuid;  // in the names of its files
    std::vector<ManifestEntry> manifests;
    int64_t file_count = 0;
    int64_t record_count = 0;
    int64_t byte_count = 0;
    int64_t partition_count = 0;
    int attempt = 0;
  };

  Task<std::optional<MetadataPtr>> LoadHere();
  Task<MetadataPtr> CreateHere(NewTable table);
  Task<MetadataPtr> ChangeSchemaHere(MetadataPtr base, Schema schema, int32_t last_column_id);
  Task<> AppendHere(AppendRequest request);
  Task<> Lock();
  void Unlock();
  Task<> CommitBatch(Batch batch);
  Task<> TryUntilDone(Batch batch, MetadataPtr base, Prepared prepared);
  // What the table must still say for the batch to be right.
  static Status CheckBatch(const Batch& batch, const TableMetadata& base);
  static bool IsCommitted(const Batch& batch, const TableMetadata& base, const Prepared& prepared);
  Task<Prepared> WriteManifests(Batch batch, MetadataPtr base);
  Task<TableChange> MakeChange(Batch batch, MetadataPtr base, Prepared prepared);
  Task<std::vector<ManifestEntry>> ManifestsOf(const Snapshot* snapshot);
  void Remember(MetadataPtr metadata);

  Env* env_;
  std::unique_ptr<Catalog> catalog_;
  std::shared_ptr<LakeFiles> files_;
  // All of this on shard 0 only.
  bool is_busy_ = false;
  int64_t next_ticket_ = 0;
  std::deque<int64_t> queue_;  // tickets of those who wait for the lock
  Event freed_;
  std::deque<std::shared_ptr<Waiting>> waiting_;
  MetadataPtr current_;        // as it was seen last; null: not yet
  std::string list_location_;  // of the manifest list that was read or written last
  std::vector<ManifestEntry> list_;
};

}  // namespace mainstem::connector::iceberg
