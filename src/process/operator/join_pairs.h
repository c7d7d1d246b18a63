// Rows of two sides put beside each other: conditions are checked on pairs of row numbers, and
// output batches are made of those that are left.
#pragma once

#include <memory>
#include <vector>

#include "process/expr/evaluator.h"
#include "process/operator/element.h"
#include "process/plan/logical_plan.h"
#include "process/state/row_codec.h"

namespace mainstem::process {

struct JoinPair {
  int32_t left = -1;  // -1: NULLs
  int32_t right = -1;
};

class JoinPairs {
 public:
  // Pairs that are checked and sent at once.
  static constexpr size_t kAtOnce = 8192;

  // `conditions` are over the left columns and then the right ones. The schema is that of both
  // sides' columns, or (SEMI, ANTI) of the left one's.
  Status Open(const plan::JoinNode& node, const EvalContext& eval);
  // Drops the pairs, none of which holds a -1, that do not meet all conditions.
  Status Filter(const ColumnVector& left, const ColumnVector& right, const EvalContext& eval,
                std::vector<JoinPair>* pairs);
  Result<ChangelogBatch> MakeBatch(const ColumnVector& left, const ColumnVector& right,
                                   const std::vector<JoinPair>& pairs) const;

 private:
  struct Condition {
    std::unique_ptr<ExprProgram> program;
    std::vector<int> columns;  // that it reads
  };
  Status Check(const Condition& condition, const ColumnVector& left, const ColumnVector& right,
               const EvalContext& eval, std::vector<JoinPair>* pairs);

  std::vector<Condition> conditions_;
  size_t left_count_ = 0;
  size_t right_count_ = 0;
  bool sends_right_ = true;
  std::shared_ptr<arrow::Schema> output_schema_;
};

// 1 for rows that have a NULL among `columns`: they meet nobody.
std::vector<uint8_t> RowsWithNull(const ColumnVector& columns, int64_t row_count);

}  // namespace mainstem::process
