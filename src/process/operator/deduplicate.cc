#include "process/operator/deduplicate.h"

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
DeduplicateOperator::DeduplicateOperator(const plan::RankNode& node)
    : strategy_(node.strategy),
      partition_(node.partition),
      order_column_(node.order[0].column),
      send_update_before_(node.changelog.update_before),
      state_ttl_ms_(node.state_ttl_ms),
      input_(node.inputs[0]->columns),
      output_schema_(ToArrowSchema(node.columns)) {
  const LogicalType& type = input_[static_cast<size_t>(order_column_)].type();
  by_event_time_ = type.time_attribute() == TimeAttribute::kRowtime;
}

Task<> DeduplicateOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(partition_codec_, MakeRowCodec(TypesOf(input_, partition_)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(input_)));
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  StateTable::Options table = context->TableOptions(0, "deduplicate");
  if (strategy_ == plan::RankStrategy::kFirstTime) {
    StateTable::Options pending =
        context->TableOptions(1, "first rows that wait for the watermark");
    pending.indexed_by_namespace = true;
    pending_ = std::make_unique<StateTable>(std::move(pending), &kept_codec_, context->backend,
                                            &context->env->blocking_pool());
    CO_RETURN_IF_ERROR(co_await pending_->Restore());
    sent_until_ms_ = watermark_ms_;
    table.is_held = [this](const std::byte* value) {
      return KeptRowCodec::Of(value).time_ms > sent_until_ms_;
    };
  }
  table.ttl_ms = state_ttl_ms_;
  kept_ = std::make_unique<StateTable>(std::move(table), &kept_codec_, context->backend,
                                       &context->env->blocking_pool());
  co_return co_await kept_->Restore();
}

Task<> DeduplicateOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_RETURN_IF_ERROR(partition_codec_->Encode(ColumnsOf(*batch.rows, partition_),
                                              batch.rows->num_rows(), &partitions_));
  partitions_.ComputeHashes();
  CO_RETURN_IF_ERROR(co_await kept_->Resolve(partitions_, {}, &entries_));
  if (strategy_ == plan::RankStrategy::kFirstTime) {
    CO_RETURN_IF_ERROR(co_await KeepEarliest(batch));
    Finish();
    co_return Status::OK();
  }
  if (strategy_ == plan::RankStrategy::kFirstRow) {
    const std::vector<int32_t> first = TakeFirst();
    Finish();
    if (first.empty()) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(ChangelogBatch rows, TakeFromBatch(batch, first));
    co_return co_await out->Emit(Element::Batch(std::move(rows)));
  }
  CO_RETURN_IF_ERROR(ReplaceLast(batch));
  Finish();
  if (changes_.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch changes,
                      changes_.Make(batch.rows->columns(), *row_codec_, output_schema_));
  co_return co_await out->Emit(Element::Batch(std::move(changes)));
}

std::vector<int32_t> DeduplicateOperator::TakeFirst() {
  std::vector<int32_t> first;
  for (size_t row = 0; row < entries_.size(); ++row) {
    if (!entries_[row]->is_new) continue;
    kept_->MarkDirty(entries_[row]);
    first.push_back(static_cast<int32_t>(row));
  }
  return first;
}

Status DeduplicateOperator::ReplaceLast(const ChangelogBatch& batch) {
  changes_.Begin(batch.rows->num_rows());
  std::vector<int64_t> times;
  if (by_event_time_) RETURN_IF_ERROR(TimesOf(*batch.rows->column(order_column_), &times));
  RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), batch.rows->num_rows(), &rows_));
  for (size_t row = 0; row < entries_.size(); ++row) {
    StateEntry* entry = entries_[row];
    KeptRow& kept = KeptRowCodec::Of(entry);
    const std::string_view bytes = rows_.row(row);
    if (!entry->is_new) {
      if (by_event_time_ && times[row] < kept.time_ms) continue;
      // Nobody would see the difference.
      if (!by_event_time_ && state_ttl_ms_ == 0 && kept.row == bytes) continue;
      if (send_update_before_) {
        changes_.AddOldRow(RowKind::kUpdateBefore, std::move(kept.row));
      }
    }
    changes_.AddRow(entry->is_new ? RowKind::kInsert : RowKind::kUpdateAfter, row);
    if (by_event_time_) kept.time_ms = times[row];
    kept.row = bytes;
    kept_->MarkDirty(entry);
  }
  return Status::OK();
}

std::vector<int32_t> DeduplicateOperator::EarlierRows(const std::vector<int64_t>& times) {
  std::vector<int32_t> rows;
  for (size_t row = 0; row < entries_.size(); ++row) {
    StateEntry* entry = entries_[row];
    if (!entry->is_new && times[row] >= KeptRowCodec::Of(entry).time_ms) continue;
    // A row of just the watermark's time still counts, as in Flink.
    if (times[row] < watermark_ms_) {
      late_.Add(row, watermark_ms_ - times[row]);
      continue;
    }
    rows.push_back(static_cast<int32_t>(row));
  }
  return rows;
}

Task<> DeduplicateOperator::KeepEarliest(const ChangelogBatch& batch) {
  std::vector<int64_t> all_times;
  CO_RETURN_IF_ERROR(TimesOf(*batch.rows->column(order_column_), &all_times));
  const std::vector<int32_t> picked = EarlierRows(all_times);
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), batch, watermark_ms_));
  CO_ASSIGN_OR_RETURN(const ChangelogBatch rows, TakeFromBatch(batch, picked));
  CO_RETURN_IF_ERROR(row_codec_->Encode(rows.rows->columns(), rows.rows->num_rows(), &rows_));
  EncodedRows keys;
  CO_RETURN_IF_ERROR(
      partition_codec_->Encode(ColumnsOf(*rows.rows, partition_), rows.rows->num_rows(), &keys));
  keys.ComputeHashes();
  std::vector<int64_t> times, old_times;
  for (const int32_t row : picked) {
    StateEntry* entry = entries_[static_cast<size_t>(row)];
    times.push_back(all_times[static_cast<size_t>(row)]);
    old_times.push_back(entry->is_new ? times.back() : KeptRowCodec::Of(entry).time_ms);
  }
  std::vector<StateEntry*> old_pending, new_pending;
  CO_RETURN_IF_ERROR(co_await pending_->Lookup(keys, old_times, &old_pending));
  CO_RETURN_IF_ERROR(co_await pending_->Resolve(keys, times, &new_pending));

  const uint32_t stamp = kept_->NextBatchStamp();
  std::vector<StateEntry*> waiting;  // of each key of the batch: its row that waits; null: sent
  std::vector<StateEntry*> overtaken;
  for (size_t i = 0; i < picked.size(); ++i) {
    StateEntry* entry = entries_[static_cast<size_t>(picked[i])];
    KeptRow& first = KeptRowCodec::Of(entry);
    if (entry->batch_stamp != stamp) {
      entry->batch_stamp = stamp;
      entry->batch_group = static_cast<uint32_t>(waiting.size());
      waiting.push_back(entry->is_new ? nullptr : old_pending[i]);
    }
    StateEntry*& current = waiting[entry->batch_group];
    if (!entry->is_new && (current == nullptr || times[i] >= first.time_ms)) continue;
    if (current != nullptr) overtaken.push_back(current);
    current = new_pending[i];
    KeptRowCodec::Of(current).row = rows_.row(i);
    KeptRowCodec::Of(current).time_ms = times[i];
    pending_->MarkDirty(current);
    first.time_ms = times[i];
    kept_->MarkDirty(entry);
  }
  pending_->DeleteUnkept(&new_pending);
  for (StateEntry* entry : overtaken) pending_->Delete(entry);
  kept_->DeleteUnkept(&entries_);
  pending_->Evict();
  co_return Status::OK();
}

void DeduplicateOperator::Finish() {
  kept_->Evict();
  const size_t pending_count = pending_ ? pending_->entry_count() : 0;
  const size_t pending_bytes = pending_ ? pending_->memory_bytes() : 0;
  context_->metrics->state_entries = static_cast<int64_t>(kept_->entry_count() + pending_count);
  context_->metrics->state_bytes = static_cast<int64_t>(kept_->memory_bytes() + pending_bytes);
}

Task<> DeduplicateOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  if (pending_ == nullptr) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await SendDue(watermark_ms, out));
  sent_until_ms_ = watermark_ms;
  Finish();
  co_return Status::OK();
}

// The time to live of a key begins when its row is sent.
Task<> DeduplicateOperator::Keep(const std::vector<StateEntry*>& sent) {
  if (state_ttl_ms_ == 0) co_return Status::OK();
  const EncodedRows keys = KeysOf(sent);
  std::vector<StateEntry*> kept;
  CO_RETURN_IF_ERROR(co_await kept_->Lookup(keys, {}, &kept));
  for (StateEntry* entry : kept) {
    if (entry != nullptr) kept_->MarkDirty(entry);
  }
  co_return Status::OK();
}

Task<> DeduplicateOperator::SendDue(int64_t watermark_ms, Output* out) {
  if (!pending_->HasNamespaceUpTo(watermark_ms)) co_return Status::OK();
  std::vector<StateEntry*> entries, due;
  const auto send = [&]() -> Task<> {
    std::vector<std::string_view> rows;
    for (StateEntry* entry : due) rows.push_back(KeptRowCodec::Of(entry).row);
    CO_ASSIGN_OR_RETURN(ColumnVector columns, row_codec_->Decode(rows));
    ChangelogBatch batch;
    batch.rows = arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(rows.size()),
                                          std::move(columns));
    CO_RETURN_IF_ERROR(co_await Keep(due));
    for (StateEntry* entry : due) pending_->Delete(entry);
    due.clear();
    co_return co_await out->Emit(Element::Batch(std::move(batch)));
  };
  for (const int64_t time : pending_->NamespacesUpTo(watermark_ms)) {
    CO_RETURN_IF_ERROR(co_await pending_->ResolveNamespace(time, &entries));
    due.insert(due.end(), entries.begin(), entries.end());
    if (due.size() >= kRowsPerOutput) CO_RETURN_IF_ERROR(co_await send());
  }
  if (!due.empty()) CO_RETURN_IF_ERROR(co_await send());
  co_return Status::OK();
}

Result<OperatorSnapshot> DeduplicateOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(kept_.get());
  if (pending_ != nullptr) {
    snapshot.Add(pending_.get());
    snapshot.blob = WatermarkBlob(watermark_ms_);
  }
  return snapshot;
}

}  // namespace mainstem::process
