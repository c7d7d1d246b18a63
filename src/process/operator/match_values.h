// The values that conditions and measures of MATCH_RECOGNIZE are computed from: rows of variables,
// counted from either end, and aggregates over them; for many (partial) matches at once.
#pragma once

#include <memory>
#include <vector>

#include "process/expr/evaluator.h"
#include "process/operator/aggregate_set.h"
#include "process/operator/match_progress.h"

namespace mainstem::process {

// A match as seen by an expression. Borrowed pointers.
struct MatchView {
  const MatchState* state = nullptr;
  // The row at hand, as if it were of `element` already; -1: none.
  int64_t row_id = -1;
  size_t element = 0;
  // Where rows are in the columns at hand: of row `first_id` and those after it.
  const std::vector<int32_t>* places = nullptr;
  int64_t first_id = 0;
};

class MatchValues {
 public:
  // Numbers of columns in `navigations` are those that Compute's columns have.
  Status Open(std::vector<plan::MatchNavigation> navigations);
  // One row for each view; only the navigations of `wanted`, the others stay null pointers.
  Result<ColumnVector> Compute(const std::vector<MatchView>& views, const std::vector<int>& wanted,
                               const ColumnVector& columns, const EvalContext& eval) const;

 private:
  struct Range {
    int64_t begin = 0;
    int64_t count = 0;
  };
  static Range RowsOf(const MatchView& view, int element);
  Result<std::shared_ptr<arrow::Array>> Aggregate(size_t navigation,
                                                  const std::vector<MatchView>& views,
                                                  const ColumnVector& columns) const;

  std::vector<plan::MatchNavigation> navigations_;
  std::vector<std::unique_ptr<AggregateSet>> aggregates_;  // of each navigation; null: none
};

}  // namespace mainstem::process
