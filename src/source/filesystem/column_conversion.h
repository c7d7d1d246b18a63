// Columns of files that carry their own types (Parquet) made into the columns that the table
// declares. Private to filesystem. Pure.
//
// Lossless conversions only: integers and decimals to wider ones, FLOAT to DOUBLE, any unit of
// time (cut to the declared precision), fixed-size, large and dictionary-encoded columns to their
// plain form, bytes to STRING (what is not UTF-8 becomes U+FFFD). Fields of a ROW are found by
// name; those the file lacks are NULL.
#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "core/status.h"

namespace mainstem::source {

// kDecodeError, naming the column `path` and both types.
Status CheckConvertible(const arrow::DataType& from, const arrow::DataType& to,
                        const std::string& path);
// After CheckConvertible. A value that does not fit (a DECIMAL) is an error.
Result<std::shared_ptr<arrow::Array>> ConvertColumn(const std::shared_ptr<arrow::Array>& column,
                                                    const std::shared_ptr<arrow::DataType>& to);

}  // namespace mainstem::source
