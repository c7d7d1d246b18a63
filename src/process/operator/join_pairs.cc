#include "process/operator/join_pairs.h"

#include <arrow/api.h>

#include "process/operator/row_columns.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

Status JoinPairs::Open(const plan::JoinNode& node, const EvalContext& eval) {
  left_count_ = node.inputs[0]->columns.size();
  right_count_ = node.inputs[1]->columns.size();
  sends_right_ = node.sends_right();
  output_schema_ = ToArrowSchema(node.columns);
  for (const ExprPtr& expr : node.conditions) {
    Condition& condition = conditions_.emplace_back();
    CollectInputRefs(*expr, &condition.columns);
    ASSIGN_OR_RETURN(condition.program, ExprProgram::Make({expr}, eval));
  }
  return Status::OK();
}

Status JoinPairs::Filter(const ColumnVector& left, const ColumnVector& right,
                         const EvalContext& eval, std::vector<JoinPair>* pairs) {
  for (const Condition& condition : conditions_) {
    if (pairs->empty()) break;
    RETURN_IF_ERROR(Check(condition, left, right, eval, pairs));
  }
  return Status::OK();
}

Status JoinPairs::Check(const Condition& condition, const ColumnVector& left,
                        const ColumnVector& right, const EvalContext& eval,
                        std::vector<JoinPair>* pairs) {
  std::vector<int32_t> lefts, rights;
  for (const JoinPair& pair : *pairs) {
    lefts.push_back(pair.left);
    rights.push_back(pair.right);
  }
  ColumnVector columns(left_count_ + right_count_);
  for (const int index : condition.columns) {
    const auto at = static_cast<size_t>(index);
    const bool is_left = at < left_count_;
    ASSIGN_OR_RETURN(columns[at], TakeRows(is_left ? left[at] : right[at - left_count_],
                                           is_left ? lefts : rights));
  }
  std::vector<int32_t> kept;
  RETURN_IF_ERROR(
      condition.program->Filter(columns, static_cast<int64_t>(pairs->size()), eval, &kept));
  size_t count = 0;
  for (const int32_t index : kept) (*pairs)[count++] = (*pairs)[static_cast<size_t>(index)];
  pairs->resize(count);
  return Status::OK();
}

Result<ChangelogBatch> JoinPairs::MakeBatch(const ColumnVector& left, const ColumnVector& right,
                                            const std::vector<JoinPair>& pairs) const {
  std::vector<int32_t> lefts, rights;
  for (const JoinPair& pair : pairs) {
    lefts.push_back(pair.left);
    rights.push_back(pair.right);
  }
  ASSIGN_OR_RETURN(ColumnVector columns, PickRows(left, lefts));
  if (sends_right_) {
    ASSIGN_OR_RETURN(ColumnVector more, PickRows(right, rights));
    std::move(more.begin(), more.end(), std::back_inserter(columns));
  }
  ChangelogBatch out;
  out.rows = arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(pairs.size()),
                                      std::move(columns));
  return out;
}

std::vector<uint8_t> RowsWithNull(const ColumnVector& columns, int64_t row_count) {
  std::vector<uint8_t> has_null(static_cast<size_t>(row_count), 0);
  for (const auto& column : columns) {
    if (column->null_count() == 0) continue;
    for (int64_t row = 0; row < row_count; ++row) {
      if (column->IsNull(row)) has_null[static_cast<size_t>(row)] = 1;
    }
  }
  return has_null;
}

}  // namespace mainstem::process
