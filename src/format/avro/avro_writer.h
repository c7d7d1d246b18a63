// A table's columns into values of a schema: that derived from the table, or one that was given,
// whose fields then are the columns. Private to format/.
#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "format/avro/avro_schema.h"

namespace mainstem::format {

// Writes one column; bound anew for each batch.
class AvroColumnWriter {
 public:
  virtual ~AvroColumnWriter() = default;
  // `array` outlives the writes.
  virtual void Bind(const arrow::Array& array) = 0;
  // kEvaluationError for a value that the schema cannot hold.
  virtual Status Write(int64_t row, std::string* out) const = 0;
};

// Not thread-safe. Keeps the schema alive.
class AvroRecordWriter {
 public:
  // kInvalidArgument, naming the field, when schema and columns do not go together.
  static Result<std::unique_ptr<AvroRecordWriter>> Make(std::shared_ptr<const AvroSchema> schema,
                                                        const arrow::Schema& columns);
  ~AvroRecordWriter();
  // `rows` outlives the writes.
  void Bind(const arrow::RecordBatch& rows);
  Status Write(int64_t row, std::string* out) const;
  const AvroSchema& schema() const { return *schema_; }

 private:
  struct Step {
    int column;  // -1: the default of the schema
    std::unique_ptr<AvroColumnWriter> writer;
    const std::string* default_binary;
  };
  std::shared_ptr<const AvroSchema> schema_;
  std::vector<Step> steps_;
};

}  // namespace mainstem::format
