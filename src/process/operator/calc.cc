#include "process/operator/calc.h"

#include <numeric>

#include <arrow/api.h>

#include "process/operator/exchange.h"

namespace mainstem::process {

void SetEvalTime(Env* env, EvalContext* eval) { eval->now_us = env->WallTime().value() * 1000; }

Task<> CalcOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  if (options_.predicate) {
    std::vector<ExprPtr> predicate = {options_.predicate};
    CO_ASSIGN_OR_RETURN(filter_, ExprProgram::Make(std::move(predicate), eval_));
  }
  if (options_.output_schema) {
    CO_ASSIGN_OR_RETURN(project_, ExprProgram::Make(options_.projections, eval_));
  }
  co_return Status::OK();
}

Task<> CalcOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  eval_.watermark_ms = watermark_ms;
  co_return Status::OK();
}

Result<ChangelogBatch> CalcOperator::Compute(ChangelogBatch batch) {
  SetEvalTime(context_->env, &eval_);
  if (filter_) {
    kept_.clear();
    RETURN_IF_ERROR(filter_->Filter(batch.rows->columns(), batch.rows->num_rows(), eval_, &kept_));
    if (kept_.size() < static_cast<size_t>(batch.rows->num_rows())) {
      ASSIGN_OR_RETURN(batch, TakeFromBatch(batch, kept_));
    }
  }
  if (!project_) return batch;
  int64_t row_count = batch.rows->num_rows();
  if (row_count == 0) {
    ASSIGN_OR_RETURN(batch.rows, arrow::RecordBatch::MakeEmpty(options_.output_schema));
    return batch;
  }
  ASSIGN_OR_RETURN(auto columns, project_->Evaluate(batch.rows->columns(), row_count, eval_));
  batch.rows = arrow::RecordBatch::Make(options_.output_schema, row_count, std::move(columns));
  return batch;
}

Task<> CalcOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_ASSIGN_OR_RETURN(ChangelogBatch computed, Compute(std::move(batch)));
  co_return co_await out->Emit(Element::Batch(std::move(computed)));
}

}  // namespace mainstem::process
