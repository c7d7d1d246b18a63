// Files that Redshift's COPY reads from S3: rows as CSV, and the manifest that names them. Pure.
// Source: "COPY", "Data format parameters" and "Using a manifest to specify data files" of Amazon
// Redshift's Database Developer Guide.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "sink/jdbc/row_changes.h"

namespace mainstem::sink {

// What stands for NULL: such a text itself cannot be loaded.
inline constexpr std::string_view kCopyNull = "\\N";

// Whether values of the type can be in such a file: not BYTES, ARRAY, MAP and ROW.
bool IsCopyValue(const arrow::DataType& type);
// Whether each text of the row can: neither U+0000 nor what stands for NULL.
bool IsCopyRow(const arrow::RecordBatch& rows, int64_t row);
// A line for each change: the columns of the row, and behind them whether it is a deletion (t, f)
// and its place among the changes of the load.
std::string CopyFile(const RowChanges& rows, std::span<const RowChange> changes,
                     const std::vector<int>& key_columns);
// {"entries":[{"url":"s3://bucket/key","mandatory":true}]}
std::string CopyManifest(const std::vector<std::string>& urls);

}  // namespace mainstem::sink
