// Arrow columns to JSON text, the way back of json_appender.h. Private to format/: the encoders of
// json and of the formats that wrap it. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"
#include "format/format.h"

namespace mainstem::format {

// Between quotes, with what JSON asks to be escaped.
void AppendJsonString(std::string_view text, std::string* out);

struct JsonWriteRules {
  enum class NullKey : uint8_t { kFail, kDrop, kLiteral };
  bool iso_timestamps = false;
  bool plain_decimals = false;
  bool ignore_null_fields = false;
  NullKey null_key = NullKey::kFail;
  std::string null_key_literal = "null";
};

// Writes the values of one array; bound anew for each batch.
class JsonValueWriter {
 public:
  virtual ~JsonValueWriter() = default;
  // `array` outlives the writes.
  virtual Status Bind(const arrow::Array& array) = 0;
  virtual bool IsNull(int64_t row) const = 0;
  // `row` is not null.
  virtual Status Write(int64_t row, std::string* out) const = 0;
};

Result<std::unique_ptr<JsonValueWriter>> MakeJsonValueWriter(const std::string& path,
                                                             const arrow::DataType& type,
                                                             const JsonWriteRules& rules);

// One object a row.
class JsonRowWriter {
 public:
  static Result<JsonRowWriter> Make(const std::string& format, const arrow::Schema& schema,
                                    const FormatOptions& options);
  static Result<JsonRowWriter> Make(const std::string& path, const arrow::FieldVector& fields,
                                    const JsonWriteRules& rules);
  JsonRowWriter();
  JsonRowWriter(JsonRowWriter&&) noexcept;
  ~JsonRowWriter();
  Status Bind(const arrow::ArrayVector& columns);
  Status Write(int64_t row, std::string* out) const;

 private:
  struct Field {
    std::string key;  // quoted, with the colon
    std::unique_ptr<JsonValueWriter> writer;
  };
  bool ignore_null_fields_ = false;
  std::vector<Field> fields_;
};

}  // namespace mainstem::format
