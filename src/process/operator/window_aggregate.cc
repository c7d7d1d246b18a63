#include "process/operator/window_aggregate.h"

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/watermark_blob.h"

namespace mainstem::process {
namespace {

int64_t TicksPerMs(const arrow::DataType& type) {
  switch (static_cast<const arrow::TimestampType&>(type).unit()) {
    case arrow::TimeUnit::SECOND: return 0;
    case arrow::TimeUnit::MILLI: return 1;
    case arrow::TimeUnit::MICRO: return 1000;
    case arrow::TimeUnit::NANO: return 1000000;
  }
  return 1;
}

}  // namespace

Status TimesOf(const arrow::Array& column, std::vector<int64_t>* times_ms) {
  if (column.null_count() != 0) {
    return MakeError(ErrorCode::kEvaluationError,
                     {.message = "the event time of a row is NULL",
                      .hint = "filter such rows out, or give the time column a default"});
  }
  CHECK(column.type_id() == arrow::Type::TIMESTAMP);
  int64_t ticks = TicksPerMs(*column.type());
  const int64_t* values = static_cast<const arrow::TimestampArray&>(column).raw_values();
  times_ms->resize(static_cast<size_t>(column.length()));
  for (size_t row = 0; row < times_ms->size(); ++row) {
    (*times_ms)[row] = ticks == 1   ? values[row]
                       : ticks == 0 ? values[row] * 1000
                                    : FloorTo(values[row], ticks, 0) / ticks;
  }
  return Status::OK();
}

Status WindowEndsOf(const arrow::Array& column, bool is_local, const absl::TimeZone& zone,
                    std::vector<int64_t>* ends_ms) {
  RETURN_IF_ERROR(TimesOf(column, ends_ms));
  if (!is_local || zone == absl::UTCTimeZone()) return Status::OK();
  for (int64_t& end : *ends_ms) end = LocalToInstant(end, zone);
  return Status::OK();
}

WindowAggregateOperator::WindowAggregateOperator(WindowAggregateOptions options)
    : options_(std::move(options)) {}

Task<> WindowAggregateOperator::Open(const OperatorContext* context) {
  context_ = context;
  assigner_.emplace(options_.window, context->eval.time_zone);
  CO_ASSIGN_OR_RETURN(aggregates_, AggregateSet::Make(options_.aggregates));
  auto types = options_.key_types;
  if (attached()) types.push_back(arrow::timestamp(arrow::TimeUnit::MILLI));
  CO_ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(std::move(types)));
  codec_ = std::make_unique<RowCodec>(std::move(codec));
  output_.emplace(WindowOutput::Options{options_.output_schema, options_.properties, attached()},
                  &*assigner_, aggregates_.get(), codec_.get());
  StateTable::Options table = context->TableOptions(0, "window aggregate");
  table.indexed_by_namespace = true;
  table_ = std::make_unique<StateTable>(std::move(table), aggregates_.get(), context->backend,
                                        &context->env->blocking_pool());
  accumulator_.emplace(options_.state_keys(), aggregates_.get(), codec_.get(), table_.get());
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  co_return co_await table_->Restore();
}

Status WindowAggregateOperator::AssignWindows(const ChangelogBatch& batch) {
  std::vector<int64_t> times;
  if (attached()) {
    RETURN_IF_ERROR(TimesOf(*batch.rows->column(options_.attached_end), &assigned_.ends));
    assigned_.rows.resize(assigned_.ends.size());
    for (size_t row = 0; row < assigned_.rows.size(); ++row) {
      assigned_.rows[row] = static_cast<int32_t>(row);
    }
  } else {
    RETURN_IF_ERROR(TimesOf(*batch.rows->column(options_.window.time_column), &times));
    assigner_->Assign(times, &assigned_);
  }
  if (watermark_ms_ == kNoWatermark) return Status::OK();
  size_t kept = 0;
  int32_t last_counted = -1;
  int64_t checked_end = 0;
  bool is_open = false;
  for (size_t i = 0; i < assigned_.rows.size(); ++i) {
    int64_t end = assigned_.ends[i];
    if (i == 0 || end != checked_end) {
      checked_end = end;
      int64_t instant = assigner_->ToInstant(end);
      is_open = instant - 1 > watermark_ms_;
    }
    if (is_open) {
      assigned_.rows[kept] = assigned_.rows[i];
      assigned_.ends[kept] = end;
      ++kept;
      continue;
    }
    // A row is late when its last window is gone; windows of a row come in ascending order.
    bool is_last = i + 1 == assigned_.rows.size() || assigned_.rows[i + 1] != assigned_.rows[i];
    if (is_last && assigned_.rows[i] != last_counted) {
      last_counted = assigned_.rows[i];
      const int64_t instant = assigner_->ToInstant(end);
      late_.Add(static_cast<size_t>(last_counted), watermark_ms_ - (instant - 1));
    }
  }
  assigned_.rows.resize(kept);
  assigned_.ends.resize(kept);
  return late_.Tell(*context_, name(), batch, watermark_ms_);
}

Task<> WindowAggregateOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_RETURN_IF_ERROR(AssignWindows(batch));
  if (assigned_.rows.empty()) co_return Status::OK();
  bool all_rows = assigned_.rows.size() == static_cast<size_t>(batch.rows->num_rows()) &&
                  (attached() || options_.window.kind == plan::WindowKind::kTumble);
  CO_RETURN_IF_ERROR(co_await accumulator_->Add(
      batch, {.rows = assigned_.rows, .name_spaces = assigned_.ends, .is_whole = all_rows}));
  table_->Evict();
  UpdateMetrics();
  co_return Status::OK();
}

Task<> WindowAggregateOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  int64_t last =
      watermark_ms > kEndOfTime - kZoneSlackMs ? kEndOfTime : watermark_ms + kZoneSlackMs;
  if (!table_->HasNamespaceUpTo(last)) co_return Status::OK();
  std::vector<StateEntry*> entries;
  std::vector<std::string_view> keys;
  std::vector<std::byte*> blocks;
  for (int64_t window_end : table_->NamespacesUpTo(last)) {
    int64_t instant = assigner_->ToInstant(window_end);
    if (instant - 1 > watermark_ms) continue;
    CO_RETURN_IF_ERROR(co_await table_->ResolveNamespace(window_end, &entries));
    std::span<StateEntry* const> rest(entries);
    while (!rest.empty()) {
      size_t count = std::min(rest.size(), WindowOutput::kRowsAtOnce);
      keys.clear();
      blocks.clear();
      for (StateEntry* entry : rest.first(count)) {
        keys.push_back(entry->key());
        blocks.push_back(entry->value());
      }
      CO_ASSIGN_OR_RETURN(ChangelogBatch rows, output_->Make(window_end, keys, blocks));
      for (StateEntry* entry : rest.first(count)) table_->Delete(entry);
      rest = rest.subspan(count);
      if (rows.rows->num_rows() == 0) continue;
      CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(rows))));
    }
  }
  UpdateMetrics();
  co_return Status::OK();
}

void WindowAggregateOperator::UpdateMetrics() {
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
}

Result<OperatorSnapshot> WindowAggregateOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

}  // namespace mainstem::process
