// Where the rows of a script's sinks go in a test: a destination that keeps rows and position in
// one transaction, as text. Outlives the jobs, as an outside system would.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connector/table.h"
#include "process/types/logical_type.h"
#include "sqltest/text_row.h"

namespace mainstem::sqltest {

// One table's. One thread (the simulation's).
struct Captured {
  // Of the sink's columns; empty: the widest ones that fit the Arrow columns.
  std::vector<process::LogicalType> types;
  std::vector<TextRow> rows;                                    // in order of delivery
  std::map<std::string, std::map<int32_t, int64_t>> positions;  // of each delivery and partition
};
using Captures = std::map<std::string, Captured>;  // by the table's full name

// `captured` outlives the sink.
std::unique_ptr<connector::TableSink> MakeCaptureSink(Captured* captured, connector::SinkMode mode,
                                                      const connector::ConnectorContext& context);

}  // namespace mainstem::sqltest
