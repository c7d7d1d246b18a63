// What delivery sinks share about rows: whether they have the table's columns, and the record of
// one that a destination refuses, as a RejectHandler keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/table.h"

namespace mainstem::sink {

struct RefusedRowPlace {
  std::string delivery_id;
  PartitionId partition;
  Offset end;         // of the log, of the delivery that held the row
  std::string key{};  // what tells the row from others, if anything does
};

// kInternal unless the columns of `rows` are those of `schema`: what an element is called, and
// whether it may be NULL, does not matter.
Status CheckDeliveredColumns(const arrow::Schema& schema, const arrow::RecordBatch& rows);

// The columns that tell a row from others: of a table without a key all of them.
std::vector<int> TellingColumns(const std::vector<int>& key_columns, int column_count);

// "page=/home, minute=2026-01-01 00:00:00.000"
std::string KeyText(const arrow::RecordBatch& rows, const std::vector<int>& key_columns,
                    int64_t row);

// The row as text, "+I[a, 1]", cut at 64 KiB.
std::string RefusedRowText(const arrow::RecordBatch& rows, int64_t row, RowKind kind);

// That text; its origin is "job.sink/0@<42 key".
connector::RejectedRecord MakeRefusedRow(const arrow::RecordBatch& rows, int64_t row, RowKind kind,
                                         const RefusedRowPlace& place, Status cause);

// The same of a row that cannot be stored. `place` without a key; `table`: "connector 'redis':
// table 'orders'"; `why`: what is wrong with the row, and a hint.
connector::RejectedRecord RefuseUnstorable(const arrow::RecordBatch& rows, int64_t row,
                                           RowKind kind, const std::vector<int>& key_columns,
                                           const std::string& table, RefusedRowPlace place,
                                           ErrorText why);

}  // namespace mainstem::sink
