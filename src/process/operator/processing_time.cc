#include "process/operator/processing_time.h"

#include <algorithm>

#include <arrow/api.h>

#include "process/operator/window_table.h"

namespace mainstem::process {

Task<> ProcessingTimeOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_RETURN_IF_ERROR(co_await inner_->Open(context));
  // A clock that was set back meanwhile makes no row late.
  now_ms_ = std::max(now_ms_, inner_->restored_watermark() + 1);
  co_return Status::OK();
}

Task<> ProcessingTimeOperator::OnTime(int64_t now_ms, Output* out) {
  if (now_ms <= now_ms_) co_return Status::OK();
  now_ms_ = now_ms;
  CO_RETURN_IF_ERROR(co_await inner_->OnWatermark(now_ms - 1, out));
  co_return co_await out->Emit(Element::Watermark(now_ms - 1));
}

Task<> ProcessingTimeOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_RETURN_IF_ERROR(co_await OnTime(context_->env->WallTime().value(), out));
  const arrow::RecordBatch& rows = *batch.rows;
  const std::vector<int64_t> times(static_cast<size_t>(rows.num_rows()), now_ms_);
  CO_ASSIGN_OR_RETURN(const auto column, TimestampColumn(rows.column(time_column_)->type(), times));
  CO_ASSIGN_OR_RETURN(batch.rows,
                      rows.SetColumn(time_column_, rows.schema()->field(time_column_), column));
  co_return co_await inner_->OnBatch(input, std::move(batch), out);
}

Task<> ProcessingTimeOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  if (watermark_ms != kEndOfTime) co_return Status::OK();
  co_return co_await inner_->OnWatermark(kEndOfTime, out);
}

}  // namespace mainstem::process
