// How each SQL type is laid out in Arrow columns; formats, connectors and operators rely on it.
//
//   BOOLEAN bool | TINYINT..BIGINT int8..int64 | FLOAT float32 | DOUBLE float64
//   DECIMAL(p, s) decimal128(p, s) | CHAR, VARCHAR, STRING utf8 | BINARY, VARBINARY, BYTES binary
//   DATE date32 | TIME(p) time32[ms] | TIMESTAMP(p) timestamp[ms] p<=3, [us] p<=6, [ns] above
//   TIMESTAMP_LTZ(p) the same with time zone "UTC" | INTERVAL day-second duration[ms]
//   INTERVAL year-month int32 (months) | ARRAY list | MAP map | MULTISET map<element, int32 count>
//   ROW struct | NULL null | SYMBOL utf8
//
// Arrow types do not carry lengths or precisions in full, so the way back gives the widest SQL
// type.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "core/status.h"
#include "process/types/logical_type.h"

namespace mainstem::process {

// Never null; DESCRIPTOR is a programmer error.
std::shared_ptr<arrow::DataType> ToArrowType(const LogicalType& type);
// A field whose nullability is the type's.
std::shared_ptr<arrow::Field> ToArrowField(const std::string& name, const LogicalType& type);
std::shared_ptr<arrow::Schema> ToArrowSchema(const std::vector<RowField>& fields);

// The SQL type for a column of a file with its own schema (Parquet, IPC); Unsupported if there is
// none.
Result<LogicalType> FromArrowType(const arrow::DataType& type, bool nullable = true);

}  // namespace mainstem::process
