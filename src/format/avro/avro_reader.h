// Values of a writer's schema into a table's columns, by Avro's rules of schema resolution: fields
// by name, numbers into wider ones, unions by the branch that is there. Private to format/.
//
// Beyond Avro's rules: enum and fixed are read as STRING and BYTES; times and decimals are brought
// to the column's unit and scale, by the writer's logical type.
#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "format/avro/avro_binary.h"

namespace mainstem::format {

// Reads one value into one column's builder. Appends exactly one slot, whatever happens.
class AvroNode {
 public:
  virtual ~AvroNode() = default;
  // False: what went wrong stands in the input.
  virtual bool Read(AvroInput* input, int depth) = 0;
  virtual void AppendNull() = 0;
};

struct AvroReadRules {
  // Unit of a long without a logical type that becomes TIMESTAMP: milliseconds, else by the column.
  bool legacy_timestamps = true;
};

// Reads records of one writer's schema. Not thread-safe. Keeps the schema alive.
class AvroRecordReader {
 public:
  // `columns[i]` goes into `builders[i]`, which outlive the reader. `reader_schema` may be null:
  // its defaults are taken for columns that the writer lacks. kDecodeError, naming the column, when
  // schema and columns do not go together.
  static Result<std::unique_ptr<AvroRecordReader>> Make(
      std::shared_ptr<const AvroSchema> schema, const arrow::Schema& columns,
      const std::vector<arrow::ArrayBuilder*>& builders, const AvroSchema* reader_schema,
      const AvroReadRules& rules);
  ~AvroRecordReader();
  // One record; one slot for each column even when it fails.
  bool Read(AvroInput* input);
  const AvroSchema& schema() const { return *schema_; }
  struct Fields;

 private:
  AvroRecordReader();
  std::shared_ptr<const AvroSchema> schema_;
  std::unique_ptr<Fields> fields_;
};

}  // namespace mainstem::format
