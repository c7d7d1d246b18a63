#include "process/operator/window_output.h"

#include <arrow/api.h>

#include "process/operator/window_table.h"

namespace mainstem::process {
Result<ChangelogBatch> WindowOutput::Make(int64_t window_end,
                                          std::span<const std::string_view> keys,
                                          std::span<std::byte* const> blocks) const {
  std::vector<std::string_view> live_keys;
  std::vector<std::byte*> live_blocks;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (AggregateSet::RowCount(blocks[i]) <= 0) continue;
    live_keys.push_back(keys[i]);
    live_blocks.push_back(blocks[i]);
  }
  const auto count = static_cast<int64_t>(live_keys.size());
  ASSIGN_OR_RETURN(ColumnVector columns, codec_->Decode(live_keys));
  std::shared_ptr<arrow::Array> starts;
  if (options_.attached) {
    starts = columns.back();
    columns.pop_back();
  }
  ASSIGN_OR_RETURN(ColumnVector values, aggregates_->Values(live_blocks));
  std::move(values.begin(), values.end(), std::back_inserter(columns));
  for (plan::WindowProperty property : options_.properties) {
    const auto& field = options_.schema->field(static_cast<int>(columns.size()));
    ASSIGN_OR_RETURN(auto column, PropertyColumn(property, field, window_end, starts, count));
    columns.push_back(std::move(column));
  }
  ChangelogBatch out;
  out.rows = arrow::RecordBatch::Make(options_.schema, count, std::move(columns));
  return out;
}

Result<std::shared_ptr<arrow::Array>> WindowOutput::PropertyColumn(
    plan::WindowProperty property, const std::shared_ptr<arrow::Field>& field, int64_t window_end,
    const std::shared_ptr<arrow::Array>& starts, int64_t count) const {
  const auto repeat = [&](int64_t time_ms) {
    return TimestampColumn(field->type(),
                           std::vector<int64_t>(static_cast<size_t>(count), time_ms));
  };
  switch (property) {
    case plan::WindowProperty::kStart:
      if (starts) return starts;
      return repeat(assigner_->StartOf(window_end));
    case plan::WindowProperty::kEnd: return repeat(window_end);
    case plan::WindowProperty::kTime: {
      const auto& type = static_cast<const arrow::TimestampType&>(*field->type());
      int64_t last = window_end - 1;
      if (!type.timezone().empty() && assigner_) last = assigner_->ToInstant(window_end) - 1;
      return repeat(last);
    }
  }
  return MakeError(ErrorCode::kInternal, "unknown window property");
}

}  // namespace mainstem::process
