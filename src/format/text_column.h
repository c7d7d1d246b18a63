// Fields that are plain text (a CSV cell, a regex group) into an Arrow column, and values of a
// column back to such text. Private to format/. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "core/status.h"
#include "format/text_number.h"
#include "format/text_time.h"
#include "format/utf8.h"

namespace mainstem::format {

struct TextRules {
  // Set: timestamps are read by it, else in the SQL form.
  std::optional<TimestampPattern> timestamp_pattern;
  char array_delimiter = ';';
  bool base64_bytes = true;  // else BYTES are the text itself
};

class TextAppender {
 public:
  virtual ~TextAppender() = default;
  // Appends exactly one slot; false: the text is no value of the type, and NULL was appended.
  virtual bool Append(std::string_view text) = 0;
  virtual void AppendNull() = 0;
  // "an INT", for messages.
  virtual std::string_view expected() const = 0;
};
// `builder` outlives the appender. Unsupported for MAP and ROW.
Result<std::unique_ptr<TextAppender>> MakeTextAppender(const std::string& column,
                                                       arrow::ArrayBuilder* builder,
                                                       const TextRules& rules);

struct TextWriteRules {
  char array_delimiter = ';';
  DecimalStyle decimal_style = DecimalStyle::kStrippedScientific;
};
class TextWriter {
 public:
  virtual ~TextWriter() = default;
  // `array` outlives the writes.
  virtual void Bind(const arrow::Array& array) = 0;
  virtual bool IsNull(int64_t row) const = 0;
  virtual void Write(int64_t row, std::string* out) const = 0;
  // Text of this type never holds a delimiter or quote.
  virtual bool is_number() const { return false; }
};
Result<std::unique_ptr<TextWriter>> MakeTextWriter(const std::string& column,
                                                   const arrow::DataType& type,
                                                   const TextWriteRules& rules);

}  // namespace mainstem::format
