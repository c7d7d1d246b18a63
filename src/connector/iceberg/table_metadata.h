// The metadata of an Iceberg table: parsed from the JSON that catalogs keep, changed, and written
// back with everything in it that this code does not know. Pure values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connector/iceberg/iceberg_schema.h"
#include "connector/iceberg/partition_spec.h"

namespace mainstem::connector::iceberg {

using Properties = std::map<std::string, std::string>;

struct Snapshot {
  int64_t id = 0;
  std::optional<int64_t> parent_id;
  int64_t sequence_number = 0;
  int64_t timestamp_ms = 0;
  std::string manifest_list;  // location
  Properties summary;
  std::optional<int32_t> schema_id;
  // Of version 3: the numbers that its rows get, from here on so many.
  std::optional<int64_t> first_row_id = {};
  int64_t added_rows = 0;
  std::string json = {};  // as it was read; of new ones empty
};
void WriteSnapshot(const Snapshot& snapshot, JsonWriter* json);

// One schema or spec of several, as it was read.
struct NumberedText {
  int32_t id = 0;
  std::string json;
};

struct TableMetadata {
  int64_t format_version = 2;
  std::string uuid;
  std::string location;
  int64_t last_sequence_number = 0;
  int64_t last_updated_ms = 0;
  int32_t last_column_id = 0;
  std::vector<NumberedText> schemas = {};
  Schema schema;  // the current one
  std::vector<NumberedText> specs = {};
  PartitionSpec spec;  // the default one
  int32_t last_partition_id = 999;
  int64_t next_row_id = 0;  // of version 3
  Properties properties = {};
  std::optional<int64_t> current_snapshot_id = {};
  std::vector<Snapshot> snapshots = {};
  std::map<std::string, std::string> refs = {};  // name -> JSON
  // Elements of these as JSON.
  std::vector<std::string> snapshot_log = {};
  std::vector<std::string> metadata_log = {};
  // All that is not above, as JSON.
  std::vector<std::pair<std::string, std::string>> more = {};

  // What is not in the JSON: where it was found, and what a catalog said with it.
  std::string metadata_location = {};
  Properties config = {};

  const Snapshot* FindSnapshot(int64_t id) const;
  const Snapshot* current_snapshot() const;
  std::string Property(const std::string& name, std::string default_value) const;
  // "<location>/data" and "<location>/metadata", or what the properties say instead.
  std::string data_location() const;
  std::string metadata_folder() const;
};

// kCorruptStorage for what is none; kUnsupported for other versions than 2 and 3.
Result<TableMetadata> ParseTableMetadata(std::string_view text);
std::string TableMetadataText(const TableMetadata& metadata);

struct NewTable {
  std::string location;  // empty: the catalog chooses
  Schema schema;
  PartitionSpec spec;
  Properties properties;
  int64_t format_version = 2;
};
TableMetadata MakeTableMetadata(const NewTable& table, std::string uuid, int64_t now_ms);

// What one commit does, all of it or nothing.
struct TableChange {
  std::optional<Snapshot> snapshot;  // it becomes main's newest
  Properties set_properties = {};
  std::optional<Schema> schema = {};  // it becomes the current one; its id is new
  int32_t last_column_id = 0;         // with it
  std::vector<int64_t> expired = {};  // snapshots that go
};
TableMetadata ApplyChange(const TableMetadata& base, const TableChange& change, int64_t now_ms);

// Of the log of metadata files, the oldest first.
struct MetadataVersion {
  std::string location;
  int64_t timestamp_ms = 0;
};
std::vector<MetadataVersion> PreviousVersions(const TableMetadata& metadata);
// "write.metadata.delete-after-commit.enabled": files that leave the log are deleted.
bool DeletesOldMetadata(const TableMetadata& metadata);

// The fields of the branch main, as JSON, when `snapshot_id` becomes its newest: a retention of its
// own stays.
std::vector<std::pair<std::string, std::string>> MainRefFields(const TableMetadata& metadata,
                                                               int64_t snapshot_id);

// Random, as RFC 4122 has it.
std::string UuidText(uint64_t high, uint64_t low);

}  // namespace mainstem::connector::iceberg
