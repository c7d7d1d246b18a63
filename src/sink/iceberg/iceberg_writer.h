// The delivery writer of the Iceberg sink: keeps one open Parquet file for each partition, ends
// them by size, and commits all of them with the position as one snapshot (table_commit.h).
#pragma once

#include <memory>
#include <string>

#include "connector/drift.h"
#include "connector/iceberg/table_maintenance.h"
#include "connector/table.h"

namespace mainstem::sink {

struct IcebergSinkOptions {
  std::string table;                       // its name in SQL, for messages
  std::shared_ptr<arrow::Schema> columns;  // of SQL
  connector::iceberg::NewTable new_table;  // made when there is none
  bool has_partitions = false;             // SQL says how the table is partitioned
  connector::DriftPolicy drift = connector::DriftPolicy::kFail;
  std::string compression = {};  // empty: as the table says
  int64_t file_bytes = 0;        // 0: as the table says
  Duration commit_interval = std::chrono::seconds(10);
  bool upserts = false;               // rows replace those with the same key
  std::vector<std::string> key = {};  // its columns
  bool maintains = true;
  Duration orphan_age = std::chrono::hours(72);
};

// `maintenance`: null: somebody else looks after the table.
// Flush without `final` commits only when the interval has passed: the position it returns may stay
// behind what was delivered.
std::unique_ptr<connector::DeliveryWriter> MakeIcebergWriter(
    Env* env, std::shared_ptr<const IcebergSinkOptions> options,
    std::shared_ptr<connector::iceberg::TableCommitter> committer,
    std::shared_ptr<connector::iceberg::LakeFiles> files,
    std::shared_ptr<connector::iceberg::TableMaintenance> maintenance,
    connector::iceberg::DeliveryPlace place);

}  // namespace mainstem::sink
