// Manifests and manifest lists of Iceberg's format version 2: container files of Avro, written and
// read. Pure; any thread.
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
  std::string path;
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
  std::vector<int64_t> split_offsets = {};  // where row groups begin
};

// How many bytes a value takes in a fixed-size DECIMAL of this precision.
int DecimalBytes(int32_t precision);
// Order of two values of a type, in the form of bounds: below 0, 0, above 0.
int CompareValues(const Type& type, std::string_view a, std::string_view b);

// A manifest of files that are new in `snapshot_id`; all of one spec.
Result<std::string> WriteManifest(const Schema& schema, const PartitionSpec& spec,
                                  int64_t snapshot_id, const std::vector<DataFile>& files);

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
};
// The entry of a manifest of new files, without path, length and sequence numbers.
Result<ManifestEntry> SummarizeFiles(const Schema& schema, const PartitionSpec& spec,
                                     int64_t snapshot_id, const std::vector<DataFile>& files);

Result<std::string> WriteManifestList(const Snapshot& snapshot,
                                      const std::vector<ManifestEntry>& entries);
// kCorruptStorage for what is none.
Result<std::vector<ManifestEntry>> ReadManifestList(std::string_view bytes);

}  // namespace mainstem::connector::iceberg
