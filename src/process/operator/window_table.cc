#include "process/operator/window_table.h"

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/window_aggregate.h"

namespace mainstem::process {

Result<std::shared_ptr<arrow::Array>> TimestampColumn(const std::shared_ptr<arrow::DataType>& type,
                                                      const std::vector<int64_t>& values_ms) {
  int64_t ticks = 1;
  switch (static_cast<const arrow::TimestampType&>(*type).unit()) {
    case arrow::TimeUnit::MICRO: ticks = 1000; break;
    case arrow::TimeUnit::NANO: ticks = 1000000; break;
    default: break;
  }
  arrow::TimestampBuilder builder(type, arrow::default_memory_pool());
  RETURN_IF_ERROR(builder.Reserve(static_cast<int64_t>(values_ms.size())));
  for (int64_t value : values_ms) builder.UnsafeAppend(value * ticks);
  return builder.Finish();
}

Task<> WindowTableOperator::Open(const OperatorContext* context) {
  assigner_.emplace(window_, context->eval.time_zone);
  co_return Status::OK();
}

Task<> WindowTableOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_ASSIGN_OR_RETURN(ChangelogBatch output, AddWindows(batch));
  co_return co_await out->Emit(Element::Batch(std::move(output)));
}

Result<ChangelogBatch> WindowTableOperator::AddWindows(const ChangelogBatch& batch) {
  std::vector<int64_t> times;
  RETURN_IF_ERROR(TimesOf(*batch.rows->column(window_.time_column), &times));
  WindowRows windows;
  assigner_->Assign(times, &windows);
  ASSIGN_OR_RETURN(ChangelogBatch out, TakeFromBatch(batch, windows.rows));
  ColumnVector columns = out.rows->columns();
  int first = output_schema_->num_fields() - 3;
  bool is_instant =
      !static_cast<const arrow::TimestampType&>(*output_schema_->field(first + 2)->type())
           .timezone()
           .empty();
  std::vector<int64_t> starts, last_ms;
  for (int64_t end : windows.ends) {
    starts.push_back(assigner_->StartOf(end));
    last_ms.push_back((is_instant ? assigner_->ToInstant(end) : end) - 1);
  }
  const std::vector<int64_t>* values[] = {&starts, &windows.ends, &last_ms};
  for (int i = 0; i < 3; ++i) {
    ASSIGN_OR_RETURN(auto column,
                     TimestampColumn(output_schema_->field(first + i)->type(), *values[i]));
    columns.push_back(std::move(column));
  }
  out.rows = arrow::RecordBatch::Make(output_schema_, out.rows->num_rows(), std::move(columns));
  return out;
}

}  // namespace mainstem::process
