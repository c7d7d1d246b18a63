// Manifests and manifest lists of Iceberg's format versions 2 and 3: container files of Avro,
// written and read. Pure; any thread.
//
//   manifest       a row for each data file: status, snapshot, sequence numbers (null: those of the
//                  manifest's entry in the list, the file is new), and the file with its partition,
//                  counts and bounds by column id
//   manifest list  a row for each manifest of a snapshot: path, length, spec, sequence numbers,
//                  counts, and what its partitions hold
//   bounds and partition values are bytes: numbers little-endian, DECIMAL big-endian in the fewest
//   bytes, text in UTF-8
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/iceberg/table_metadata.h"

namespace mainstem::connector::iceberg {

// Values of a partition's fields, as bounds are; nullopt: NULL.
using PartitionTuple = std::vector<std::optional<std::string>>;

struct DataFile {
  int32_t content = 0;  // 0: rows, 1: deletes by position, 2: deletes by values
  std::string path;
  std::string format = "PARQUET";
  PartitionTuple partition;
  int64_t record_count = 0;
  int64_t size_bytes = 0;
  // By column id.
  std::map<int32_t, int64_t> column_sizes = {};
  std::map<int32_t, int64_t> value_counts = {};
  std::map<int32_t, int64_t> null_counts = {};
  std::map<int32_t, int64_t> nan_counts = {};
  std::map<int32_t, std::string> lower_bounds = {};
  std::map<int32_t, std::string> upper_bounds = {};
  std::optional<std::string> key_metadata = {};
  std::vector<int64_t> split_offsets = {};  // where row groups begin
  std::vector<int32_t> equality_ids = {};
  std::optional<int32_t> sort_order_id = 0;         // 0: not sorted
  std::optional<std::string> referenced_file = {};  // the only one that the deletes are about
  // Of version 3. The number of its first row; nullopt: that of the manifest, counted on.
  std::optional<int64_t> first_row_id = {};
  // Of a deletion vector: where it lies in its file.
  std::optional<int64_t> content_offset = {};
  std::optional<int64_t> content_size = {};
};

// How many bytes a value takes in a fixed-size DECIMAL of this precision.
int DecimalBytes(int32_t precision);
// Order of two values of a type, in the form of bounds: below 0, 0, above 0.
int CompareValues(const Type& type, std::string_view a, std::string_view b);

// What the values of the partitions are. kCorruptStorage: of a column that is not there.
Result<std::vector<Type>> PartitionTypes(const Schema& schema, const PartitionSpec& spec);
// As Avro has it for readers who look at names: letters, digits and '_' only.
std::string AvroName(const std::string& name);

enum class ManifestStatus : uint8_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

// A file in a manifest. Numbers of added files are those of the manifest's entry in the list:
// nullopt until they are read back.
struct ManifestRow {
  ManifestStatus status = ManifestStatus::kAdded;
  int64_t snapshot_id = 0;  // which added it, or deleted it
  std::optional<int64_t> sequence_number = {};
  std::optional<int64_t> file_sequence_number = {};
  DataFile file;

  bool is_live() const { return status != ManifestStatus::kDeleted; }
};
std::vector<ManifestRow> AddedRows(int64_t snapshot_id, const std::vector<DataFile>& files);

// Of files of one spec, all with rows or all with deletes. kCorruptStorage: the spec is about a
// column that the schema lacks.
Result<std::string> WriteManifest(const Schema& schema, const PartitionSpec& spec,
                                  const std::vector<ManifestRow>& rows, int64_t format_version);

struct PartitionSummary {
  bool contains_null = false;
  std::optional<bool> contains_nan = {};
  std::optional<std::string> lower = {};
  std::optional<std::string> upper = {};
};

struct ManifestEntry {
  std::string path;
  int64_t length = 0;
  int32_t spec_id = 0;
  int32_t content = 0;  // 0: data files, 1: deletes
  int64_t sequence_number = 0;
  int64_t min_sequence_number = 0;
  int64_t added_snapshot_id = 0;
  int32_t added_files = 0;
  int32_t existing_files = 0;
  int32_t deleted_files = 0;
  int64_t added_rows = 0;
  int64_t existing_rows = 0;
  int64_t deleted_rows = 0;
  std::vector<PartitionSummary> partitions = {};
  std::optional<std::string> key_metadata = {};
  std::optional<int64_t> first_row_id = {};  // of version 3, of manifests of rows
};
// The entry of a manifest that `snapshot_id` brings, without path, length and sequence numbers; the
// least number is that of its existing files, 0 where there are none.
Result<ManifestEntry> SummarizeManifest(const Schema& schema, const PartitionSpec& spec,
                                        int64_t snapshot_id, const std::vector<ManifestRow>& rows);
// `entry`: of the list, for what the rows leave to it. kCorruptStorage for what is none, or has
// partitions of another spec.
Result<std::vector<ManifestRow>> ReadManifest(std::string_view bytes, const ManifestEntry& entry,
                                              const Schema& schema, const PartitionSpec& spec);
// The same without the partitions, whatever spec they are of.
Result<std::vector<ManifestRow>> ReadManifestFiles(std::string_view bytes,
                                                   const ManifestEntry& entry);

Result<std::string> WriteManifestList(const Snapshot& snapshot,
                                      const std::vector<ManifestEntry>& entries,
                                      int64_t format_version);
// kCorruptStorage for what is none.
Result<std::vector<ManifestEntry>> ReadManifestList(std::string_view bytes);

}  // namespace mainstem::connector::iceberg
