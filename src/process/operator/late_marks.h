// What an operator finds to be late in one batch: it marks rows, then tells of them at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "process/operator/operator.h"

namespace mainstem::process {

class LateMarks {
 public:
  // `late_by_ms`: how far the watermark is behind the last moment at which the row had counted.
  void Add(size_t row, int64_t late_by_ms) {
    rows_.push_back(static_cast<int32_t>(row));
    late_by_ms_.push_back(late_by_ms);
  }
  // Counts the marked rows of the batch, keeps them where the job wants that (late_rows.h), and
  // begins anew.
  Status Tell(const OperatorContext& context, const std::string& operator_name,
              const ChangelogBatch& batch, int64_t watermark_ms);

 private:
  friend class LateRows;
  std::vector<int32_t> rows_;
  std::vector<int64_t> late_by_ms_;
};

}  // namespace mainstem::process
