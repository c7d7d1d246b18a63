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
#include "connector/iceberg/table_proposal.h"
#include "core/env.h"

namespace mainstem::connector::iceberg {

// What the table is and holds, as it was seen last.
struct TableView {
  MetadataPtr metadata;
  std::vector<ManifestEntry> manifests;
  // Of a table that is upserted to: which rows of its data files are deleted.
  std::map<std::string, Positions> vectors = {};
  bool has_keys = false;
};

// Finds the keys of the rows of a data file, in their order.
class KeyReader {
 public:
  virtual ~KeyReader() = default;
  virtual Task<std::vector<RowKey>> ReadKeys(MetadataPtr layout, DataFile file) = 0;
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

  // For writers that upsert: from here on commits need to know where the rows of keys are. Reads
  // the keys of all rows, unless they are known already. kUnsupported: the table has deletes of
  // another kind, or files of other partitions than its own.
  Task<> OpenKeys(std::shared_ptr<KeyReader> reader);

  // Maintenance (table_maintenance.h). Each fails with kUnavailable when the table has changed so
  // that it cannot be done any more.
  Task<TableView> View();
  Task<> Rewrite(RewriteRequest request);
  struct Expiry {
    std::vector<Snapshot> expired;
    MetadataPtr metadata;  // without them
  };
  // What ExpiredSnapshots says, out of the metadata; the files stay.
  Task<Expiry> ExpireSnapshots();
  Task<> SetProperty(PropertyRequest request);

  std::string TableName() const { return catalog_->TableName(); }

 private:
  struct Waiting {
    AppendRequest request;
    bool is_done = false;
    Status status;
  };
  Task<std::optional<MetadataPtr>> LoadHere();
  Task<MetadataPtr> CreateHere(NewTable table);
  Task<MetadataPtr> ChangeSchemaHere(MetadataPtr base, Schema schema, int32_t last_column_id);
  Task<> AppendHere(AppendRequest request);
  Task<> Lock();
  void Unlock();
  Task<> OpenKeysHere(std::shared_ptr<KeyReader> reader);
  // Under the lock.
  Task<std::unique_ptr<KeyIndex>> ReadIndex(std::shared_ptr<KeyReader> reader);
  Task<> ReadVectors(ManifestEntry entry, KeyIndex* index);
  Task<TableView> ViewHere();
  Task<Expiry> ExpireHere();
  // With the lock around it.
  Task<> CommitAlone(std::shared_ptr<Proposal> proposal);
  // Under the lock.
  Task<> Commit(std::shared_ptr<Proposal> proposal);
  Task<> RemoveAll(std::vector<std::string> files);
  Task<> TryUntilDone(std::shared_ptr<Proposal> proposal, MetadataPtr base);
  void Remember(MetadataPtr metadata);

  Env* env_;
  std::unique_ptr<Catalog> catalog_;
  std::shared_ptr<LakeFiles> files_;
  ProposalContext context_;
  // All of this on shard 0 only.
  bool is_busy_ = false;
  int64_t next_ticket_ = 0;
  std::deque<int64_t> queue_;  // tickets of those who wait for the lock
  Event freed_;
  std::deque<std::shared_ptr<Waiting>> waiting_;
  MetadataPtr current_;  // as it was seen last; null: not yet
};

}  // namespace mainstem::connector::iceberg
