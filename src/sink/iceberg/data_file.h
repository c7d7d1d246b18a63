// One Parquet file of an Iceberg table: rows into bytes, and what the manifest says about them.
// CPU work only, over a millisecond: on the pool. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include <arrow/util/type_fwd.h>

#include "connector/iceberg/manifest_format.h"

namespace mainstem::sink {

struct DataFileOptions {
  std::shared_ptr<arrow::Schema> schema;  // with Parquet's field ids
  connector::iceberg::Schema table;       // which the ids are of
  std::string compression = "zstd";       // as the table's property names it
  int64_t target_bytes = int64_t{512} << 20;
};

class DataFileEncoder {
 public:
  // kInvalidArgument for a compression that is not there, and for types that Parquet lacks.
  static Result<std::unique_ptr<DataFileEncoder>> Make(const DataFileOptions& options);
  virtual ~DataFileEncoder() = default;

  // Rows of the schema.
  virtual Status Write(const arrow::RecordBatch& rows) = 0;
  // Nothing may be written after. Fills in all but path and partition.
  virtual Status Finish(connector::iceberg::DataFile* file) = 0;
  // The bytes made since the last call; a part of the rows may still be held back.
  virtual std::string TakeBytes() = 0;
  // Those taken, and about what the rows that are held back will take.
  virtual int64_t EstimateBytes() const = 0;
};

// A bound that is longer than 16 characters or bytes, cut: it is still below, or above, everything
// that it bounds. nullopt: there is no such upper bound.
std::string CutLowerBound(const connector::iceberg::Type& type, std::string value);
std::optional<std::string> CutUpperBound(const connector::iceberg::Type& type, std::string value);

}  // namespace mainstem::sink
