// Which partition of an Iceberg table a row belongs to: transforms done on the values of columns.
// Pure; CPU work, over a millisecond for many rows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "connector/iceberg/manifest_format.h"

namespace mainstem::sink {

// MurmurHash3, 32 bits, seed 0: what buckets are made of.
uint32_t Murmur3(std::string_view bytes);

// A value of a column of files, in the form of bounds; not NULL.
std::string ValueBytes(const connector::iceberg::Type& type, const arrow::Array& values,
                       int64_t row);
// Big-endian two's complement in the fewest bytes.
std::string DecimalValueBytes(int64_t high, uint64_t low);
// What a transform makes of such a value.
std::string TransformValue(const connector::iceberg::Transform& transform,
                           const connector::iceberg::Type& source, std::string value);

// Immutable once made.
class PartitionSplitter {
 public:
  // `file_schema`: of the batches to come. kInvalidArgument, naming the column: a partition's
  // column is not among them, or its transform is not known.
  static Result<PartitionSplitter> Make(const connector::iceberg::Schema& schema,
                                        const connector::iceberg::PartitionSpec& spec,
                                        const arrow::Schema& file_schema);

  struct Part {
    connector::iceberg::PartitionTuple tuple;
    std::string key;  // the same for equal tuples
    std::shared_ptr<arrow::RecordBatch> rows;
  };
  // In the order in which partitions first appear; rows keep their order within each.
  Result<std::vector<Part>> Split(const std::shared_ptr<arrow::RecordBatch>& batch) const;

  // "at_day=2026-01-31/name=x/" for people who look; empty for a table without partitions.
  std::string Folder(const connector::iceberg::PartitionTuple& tuple) const;

 private:
  struct Source {
    std::string name;  // of the partition field
    int column = -1;
    connector::iceberg::Type type;
    connector::iceberg::Transform transform;
  };
  std::vector<Source> sources_;
};

}  // namespace mainstem::sink
