// One column of made-up values: the value of a row depends on seed, column and row index alone
// (times count back from now). Private to datagen.
#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "connector/options.h"
#include "core/status.h"

namespace mainstem::source {

class ValueGenerator {
 public:
  virtual ~ValueGenerator() = default;
  // Appends the value of row `row` (counted over all splits) to `builder`.
  virtual Status Append(uint64_t row, int64_t now_ms, arrow::ArrayBuilder* builder) const = 0;
  // Rows after which a sequence has ended; -1: never.
  virtual int64_t row_limit() const { return -1; }
};

// `path`: "fields.NAME". Unsupported for types that cannot be made.
Result<std::unique_ptr<ValueGenerator>> MakeValueGenerator(const std::string& path,
                                                           const arrow::DataType& type,
                                                           uint64_t seed,
                                                           connector::TableOptions* options);

}  // namespace mainstem::source
