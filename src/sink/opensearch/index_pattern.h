// The option 'index': a name, with values of columns in it: 'orders', 'orders-{region}',
// 'log-{at|yyyy-MM-dd}' (letters of Java's DateTimeFormatter; '{at|}' takes Flink's own pattern for
// the column's type). Pure, immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>
#include <arrow/type_fwd.h>

#include "core/status.h"
#include "format/text_time.h"

namespace mainstem::sink {

class IndexPattern {
 public:
  // `zone`: of the session, in which TIMESTAMP_LTZ is written. kInvalidArgument says what is wrong,
  // without the name of the option.
  static Result<IndexPattern> Compile(const std::string& text, const arrow::Schema& schema,
                                      absl::TimeZone zone);

  bool is_static() const { return columns_.empty(); }
  // Indices of the columns it asks for.
  const std::vector<int>& columns() const { return columns_; }
  // Nullopt when one of these columns is NULL.
  std::optional<std::string> NameOf(const arrow::RecordBatch& rows, int64_t row) const;

 private:
  struct Part {
    std::string literal;
    int column = -1;
    std::optional<format::TimestampPattern> pattern = std::nullopt;
  };
  Status AddField(const std::string& field, const arrow::Schema& schema);

  std::vector<Part> parts_;
  std::vector<int> columns_;
  absl::TimeZone zone_;
};

// A value as Java's toString() writes it, as Flink makes document ids and index names of them:
// "2026-01-01T10:05" for a TIMESTAMP. The value is not NULL.
void AppendJavaText(const arrow::Array& array, int64_t row, std::string* out);

}  // namespace mainstem::sink
