#include "process/operator/window_rank.h"

#include <arrow/api.h>

#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"

namespace mainstem::process {
namespace {

bool IsLastByTime(const plan::RankNode& node) {
  if (node.start != 1 || node.end != 1 || node.order.size() != 1) return false;
  const auto column = static_cast<size_t>(node.order[0].column);
  return node.order[0].descending &&
         node.inputs[0]->columns[column].type().time_attribute() != TimeAttribute::kNone;
}

}  // namespace

WindowRankOperator::WindowRankOperator(const plan::RankNode& node)
    : options_(node),
      window_end_(node.window_end),
      window_is_local_(node.window_is_local),
      last_wins_ties_(IsLastByTime(node)) {}

Task<> WindowRankOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(partition_codec_, MakeRowCodec(TypesOf(options_.input, options_.partition)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(options_.input)));
  CO_ASSIGN_OR_RETURN(sort_codec_, MakeSortKeyCodec(options_.order, options_.input));
  output_ = std::make_unique<RankOutput>(row_codec_.get(), options_.output_schema);
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  StateTable::Options table = context->TableOptions(0, "window rank");
  table.indexed_by_namespace = true;
  table_ = std::make_unique<StateTable>(std::move(table), &rows_codec_, context->backend,
                                        &context->env->blocking_pool());
  co_return co_await table_->Restore();
}

void WindowRankOperator::Add(RankRows* rows, const std::string& sort_key, std::string_view row) {
  if (static_cast<int64_t>(rows->rows().size()) >= options_.end) {
    const std::string& worst = rows->rows().rbegin()->first;
    const bool enters = last_wins_ties_ ? sort_key <= worst : sort_key < worst;
    if (!enters) return;
    rows->Extract(std::prev(rows->rows().end()));
  }
  rows->Insert(sort_key, row, {});
}

Task<> WindowRankOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  std::vector<int64_t> ends;
  CO_RETURN_IF_ERROR(WindowEndsOf(*batch.rows->column(window_end_), window_is_local_,
                                  context_->eval.time_zone, &ends));
  CO_RETURN_IF_ERROR(partition_codec_->Encode(ColumnsOf(*batch.rows, options_.partition), row_count,
                                              &partitions_));
  partitions_.ComputeHashes();
  ColumnVector order;
  for (const plan::SortKey& key : options_.order) order.push_back(batch.rows->column(key.column));
  sort_codec_->Encode(order, row_count, &sort_keys_);
  CO_RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), row_count, &rows_));
  CO_RETURN_IF_ERROR(co_await table_->Resolve(partitions_, ends, &entries_));
  for (size_t row = 0; row < entries_.size(); ++row) {
    if (ends[row] - 1 <= watermark_ms_) {
      late_.Add(row, watermark_ms_ - (ends[row] - 1));
      continue;
    }
    Add(&RankRowsCodec::Of(entries_[row]), sort_keys_[row], rows_.row(row));
    table_->MarkDirty(entries_[row]);
  }
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), batch, watermark_ms_));
  table_->DeleteUnkept(&entries_);
  table_->Evict();
  UpdateMetrics();
  co_return Status::OK();
}

Task<> WindowRankOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  const int64_t last = watermark_ms == kEndOfTime ? kEndOfTime : watermark_ms + 1;
  if (!table_->HasNamespaceUpTo(last)) co_return Status::OK();
  for (const int64_t end : table_->NamespacesUpTo(last)) {
    CO_RETURN_IF_ERROR(co_await Fire(end, out));
  }
  UpdateMetrics();
  co_return Status::OK();
}

Task<> WindowRankOperator::Fire(int64_t window_end_ms, Output* out) {
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await table_->ResolveNamespace(window_end_ms, &entries));
  size_t waiting = 0;
  size_t sent = 0;  // entries whose rows have left
  for (size_t i = 0; i < entries.size(); ++i) {
    int64_t number = 0;
    for (const auto& [sort_key, row] : RankRowsCodec::Of(entries[i]).rows()) {
      if (++number < options_.start) continue;
      output_->Add(RowKind::kInsert, row.row, number);
      ++waiting;
    }
    if (waiting < kRowsPerOutput && i + 1 < entries.size()) continue;
    waiting = 0;
    if (!output_->empty()) {
      CO_ASSIGN_OR_RETURN(ChangelogBatch batch, output_->Take());
      batch.kinds.clear();  // all of them are +I
      CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(batch))));
    }
    for (; sent <= i; ++sent) table_->Delete(entries[sent]);
  }
  co_return Status::OK();
}

void WindowRankOperator::UpdateMetrics() {
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
}

Result<OperatorSnapshot> WindowRankOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

}  // namespace mainstem::process
