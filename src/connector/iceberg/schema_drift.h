// How an Iceberg table's columns differ from those of SQL. Pure.
#pragma once

#include <string>

#include <arrow/type_fwd.h>

#include "connector/drift.h"
#include "connector/iceberg/iceberg_schema.h"

namespace mainstem::connector::iceberg {

// `name`: of the table, for messages. The statements say what GrowSchema (column_types.h) does.
// kInvalidArgument when Iceberg has no type for a column.
Result<Differences> CompareColumns(const std::string& name, const Schema& table,
                                   const arrow::Schema& columns);

}  // namespace mainstem::connector::iceberg
