// Where the newest row of each key lies in an Iceberg table that is upserted to: data file and
// position, and which rows of each file are deleted. In memory, made from the table itself when a
// writer opens it, and kept up by each commit: there is nothing beside the table that a crash could
// leave behind it. Valid for one snapshot, one partition spec and one schema: a key of a wider type
// has another hash. Used under the committer's lock.
//
// A key takes about 50 bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connector/iceberg/deletion_vector.h"
#include "connector/iceberg/manifest_format.h"

namespace mainstem::connector::iceberg {

// 128 bits of a hash of a key's values: different keys do not meet.
struct RowKey {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const RowKey&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const RowKey& key) {
    return H::combine(std::move(h), key.high, key.low);
  }
};

struct RowPlace {
  std::string file;
  int64_t position = 0;
};

// What a commit does to a key. `file`: of those that the commit brings, by index; -1: its row goes.
struct KeyChange {
  RowKey key;
  int32_t file = -1;
  int64_t position = 0;
};

// Of a row that was carried over into another file.
struct MovedRow {
  RowKey key;
  int32_t input = 0;  // index of the file it was in
  int64_t old_position = 0;
  int32_t output = 0;
  int64_t position = 0;
};

// The one index of a table, or none: not made yet, or not an upserted table's.
struct KeyIndexSlot;

class KeyIndex {
 public:
  // A data file that the snapshot has, and the manifest that says so.
  struct KnownFile {
    std::string path;
    PartitionTuple partition;
    int64_t record_count = 0;
    std::string manifest;
    static KnownFile Of(const DataFile& file, std::string manifest);
  };

  // Of the table as this says it is; without a snapshot it is empty.
  explicit KeyIndex(const TableMetadata& table)
      : snapshot_id_(table.current_snapshot_id),
        spec_id_(table.spec.id),
        schema_id_(table.schema.id) {}

  void set_snapshot_id(int64_t id) { snapshot_id_ = id; }
  bool IsAbout(const TableMetadata& table) const;
  size_t key_count() const { return places_.size(); }

  // Files are made known before keys are put into them, and again when their manifest is another.
  void AddFile(KnownFile file);
  // No key's row is in it any more. Its vector goes, too.
  void DropFile(const std::string& file);
  // Null: there is none. Valid until the next file comes or goes.
  const KnownFile* FindFile(const std::string& file) const;
  std::optional<RowPlace> Find(const RowKey& key) const;
  void Put(const RowKey& key, const std::string& file, int64_t position);
  void Remove(const RowKey& key) { places_.erase(key); }
  // From one file's place to another's; nothing when the key's row is elsewhere by now.
  void Move(const RowKey& key, const RowPlace& from, const RowPlace& to);

  // The vectors that the snapshot has, as rows of a manifest; a file has one at most.
  struct Vector {
    ManifestRow row;
    Positions positions;
  };
  const std::map<std::string, Vector>& vectors() const { return vectors_; }  // by data file
  void SetVector(const std::string& data_file, Vector vector);

 private:
  struct Place {
    int32_t file = 0;
    int64_t position = 0;
  };
  std::optional<int64_t> snapshot_id_;
  int32_t spec_id_;
  int32_t schema_id_;
  absl::flat_hash_map<RowKey, Place> places_;
  std::vector<KnownFile> files_;       // by number
  std::vector<int32_t> free_numbers_;  // of files that are gone
  absl::flat_hash_map<std::string, int32_t> numbers_;
  std::map<std::string, Vector> vectors_;
};

struct KeyIndexSlot {
  std::unique_ptr<KeyIndex> index;
};

}  // namespace mainstem::connector::iceberg
