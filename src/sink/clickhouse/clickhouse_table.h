// A table of ClickHouse beside a table of SQL: whether one can hold the other, and rows as text.
// Pure. Private to clickhouse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/drift.h"
#include "core/status.h"

namespace mainstem::sink {

struct ClickhouseColumn {
  std::string name;
  std::string type;  // 'Nullable(DateTime64(3))'
};

struct ClickhouseTable {
  std::string shown;           // 'database.table'
  std::string full_name = {};  // `database`.`table`
  std::string engine;
  std::vector<std::string> sorting_key;
  std::vector<ClickhouseColumn> columns;

  const ClickhouseColumn* Find(const std::string& name) const;
};

// The columns that hold what follows from a row's place in the log.
struct ClickhousePlaceColumns {
  std::string version;  // UInt64; empty: none
  std::string deleted;  // UInt8
  std::string row_id;   // String
};

// Empty when each column of `schema` has one of its name that takes all of its values, and the
// engine replaces rows of equal sorting keys by version: for keyed tables the sorting key must be
// the key's columns, for others it must hold the row id. All that is found blocks.
connector::Differences CompareClickhouseTable(const ClickhouseTable& table,
                                              const arrow::Schema& schema,
                                              const std::vector<std::string>& key,
                                              const ClickhousePlaceColumns& place);

// Why the row does not fit the columns, although the types do (a time out of their range); empty:
// it does.
std::string ClickhouseMisfit(const ClickhouseTable& table, const arrow::RecordBatch& rows,
                             int64_t row);

// The row's values in the format TabSeparated, without the end of the line. The table has been
// checked.
Result<std::string> ClickhouseLine(const ClickhouseTable& table, const arrow::RecordBatch& rows,
                                   int64_t row);
// `a`
std::string ClickhouseName(std::string_view name);
// A text as it stands in a line.
std::string ClickhouseText(std::string_view text);

}  // namespace mainstem::sink
