// Delivers one partition into a table of ClickHouse: see clickhouse_sink.h. Private to this folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/drift.h"
#include "connector/table.h"
#include "sink/clickhouse/clickhouse_session.h"

namespace mainstem::sink {

// What a table's options say.
struct ClickhouseOptions {
  std::string table_name;  // in SQL
  ClickhouseServer server;
  std::string password_file;  // read at each opening; empty: none
  std::string table;          // in ClickHouse
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> key;
  std::vector<int> key_columns;  // empty: append only
  ClickhousePlaceColumns place;
  connector::DriftPolicy drift = connector::DriftPolicy::kFail;
  int64_t rows_max = 20000;  // of one INSERT, about
  Duration interval{};       // 0: no limit by time
};

std::unique_ptr<connector::DeliveryWriter> MakeClickhouseWriter(
    Env* env, std::shared_ptr<const ClickhouseOptions> options, std::string delivery_id,
    PartitionId partition);

}  // namespace mainstem::sink
