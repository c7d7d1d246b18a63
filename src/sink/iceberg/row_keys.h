// The keys of rows of an Iceberg table, as its index has them (connector/iceberg/key_index.h).
// Pure; CPU work, over a millisecond for many rows.
#pragma once

#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/iceberg/key_index.h"

namespace mainstem::sink {

// `rows`: with the table's types. A NULL is a value like others. kInvalidArgument, naming the
// column: it is not there, or of a type that is no key.
Result<std::vector<connector::iceberg::RowKey>> KeysOfRows(
    const arrow::RecordBatch& rows, const connector::iceberg::Schema& table,
    const std::vector<std::string>& key_columns);

}  // namespace mainstem::sink
