#include "process/operator/sort.h"

#include <cstring>
#include <numeric>

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

SortOperator::SortOperator(const plan::SortNode& node)
    : order_(node.order),
      time_(node.time),
      input_(node.inputs[0]->columns),
      output_schema_(ToArrowSchema(node.columns)) {}

Task<> SortOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(sort_codec_, MakeSortKeyCodec(order_, input_));
  if (time_ == plan::OverTime::kProctime) co_return Status::OK();
  std::vector<std::shared_ptr<arrow::DataType>> types;
  for (const RowField& column : input_) types.push_back(ToArrowType(column.type()));
  CO_ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(std::move(types)));
  row_codec_ = std::make_unique<RowCodec>(std::move(codec));
  StateTable::Options table = context->TableOptions(0, "sort");
  table.indexed_by_namespace = true;
  table_ = std::make_unique<StateTable>(std::move(table), &rows_codec_, context->backend,
                                        &context->env->blocking_pool());
  last_left_ms_ = watermark_ms_ = LowestWatermark(context->restored_blobs);
  co_return co_await table_->Restore();
}

Task<> SortOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  ColumnVector order;
  for (const plan::SortKey& key : order_) order.push_back(batch.rows->column(key.column));
  std::vector<std::string> sort_keys;
  sort_codec_->Encode(order, row_count, &sort_keys);
  if (time_ == plan::OverTime::kProctime) {
    std::vector<int32_t> rows(sort_keys.size());
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(), [&](int32_t a, int32_t b) {
      return sort_keys[static_cast<size_t>(a)] < sort_keys[static_cast<size_t>(b)];
    });
    CO_ASSIGN_OR_RETURN(ChangelogBatch sorted, TakeFromBatch(batch, rows));
    co_return co_await out->Emit(Element::Batch(std::move(sorted)));
  }
  std::vector<int64_t> times(sort_keys.size(), 0);
  if (time_ == plan::OverTime::kRowtime) {
    CO_RETURN_IF_ERROR(TimesOf(*order[0], &times));
  }
  EncodedRows rows, keys;
  CO_RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), row_count, &rows));
  CO_ASSIGN_OR_RETURN(const RowCodec no_key, RowCodec::Make({}));
  CO_RETURN_IF_ERROR(no_key.Encode({}, row_count, &keys));
  keys.ComputeHashes();
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys, times, &entries));
  for (size_t row = 0; row < entries.size(); ++row) {
    RankRows& waiting = RankRowsCodec::Of(entries[row]);
    const bool adds = batch.kinds.empty() || SignOf(batch.kinds[row]) > 0;
    if (time_ == plan::OverTime::kRowtime && times[row] <= last_left_ms_) {
      late_.Add(row, watermark_ms_ - times[row]);
    } else if (adds) {
      waiting.Insert(sort_keys[row], rows.row(row), {});
    } else {
      const RankRows::Place at = waiting.Find(sort_keys[row], rows.row(row));
      if (at != waiting.rows().end()) waiting.Extract(at);
    }
  }
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), batch, watermark_ms_));
  table_->KeepOnce(&entries);
  for (StateEntry* entry : entries) {
    table_->MarkDirty(entry);
    if (RankRowsCodec::Of(entry).rows().empty()) table_->Delete(entry);
  }
  table_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
  co_return Status::OK();
}

Task<> SortOperator::Leave(int64_t name_space, Output* out) {
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await table_->ResolveNamespace(name_space, &entries));
  for (StateEntry* entry : entries) {
    std::vector<std::string_view> rows;
    for (const auto& [sort_key, row] : RankRowsCodec::Of(entry).rows()) rows.push_back(row.row);
    for (size_t begin = 0; begin < rows.size(); begin += kRowsPerOutput) {
      const size_t count = std::min(kRowsPerOutput, rows.size() - begin);
      CO_ASSIGN_OR_RETURN(ColumnVector columns,
                          row_codec_->Decode(std::span(rows).subspan(begin, count)));
      ChangelogBatch batch;
      batch.rows =
          arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(count), std::move(columns));
      CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(batch))));
    }
    table_->Delete(entry);
  }
  co_return Status::OK();
}

Task<> SortOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  if (time_ != plan::OverTime::kRowtime) co_return Status::OK();
  watermark_ms_ = watermark_ms;
  for (const int64_t time : table_->NamespacesUpTo(watermark_ms)) {
    last_left_ms_ = time;
    CO_RETURN_IF_ERROR(co_await Leave(time, out));
  }
  co_return Status::OK();
}

Task<> SortOperator::Finish(Output* out) {
  if (time_ == plan::OverTime::kNone) CO_RETURN_IF_ERROR(co_await Leave(0, out));
  co_return Status::OK();
}

Result<OperatorSnapshot> SortOperator::Snapshot() {
  OperatorSnapshot snapshot;
  if (table_ == nullptr) return snapshot;
  snapshot.Add(table_.get());
  snapshot.blob = WatermarkBlob(last_left_ms_);
  return snapshot;
}

}  // namespace mainstem::process
