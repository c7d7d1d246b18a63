#include "process/operator/upsert_materialize.h"

#include <arrow/api.h>

#include "process/operator/row_columns.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

Task<> UpsertMaterializeOperator::Open(const OperatorContext* context) {
  context_ = context;
  schema_ = ToArrowSchema(options_.columns);
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(options_.columns, options_.primary_key)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(options_.columns)));
  StateTable::Options table = context->TableOptions(0, "rows of an upsert sink");
  table.ttl_ms = options_.state_ttl_ms;
  table_ = std::make_unique<StateTable>(std::move(table), &list_codec_, context->backend,
                                        &context->env->blocking_pool());
  co_return co_await table_->Restore();
}

Task<> UpsertMaterializeOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  EncodedRows keys, rows;
  CO_RETURN_IF_ERROR(
      key_codec_->Encode(ColumnsOf(*batch.rows, options_.primary_key), row_count, &keys));
  keys.ComputeHashes();
  CO_RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), row_count, &rows));
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys, {}, &entries));
  for (size_t row = 0; row < entries.size(); ++row) {
    const bool adds = batch.kinds.empty() || SignOf(batch.kinds[row]) > 0;
    if (adds) {
      Add(entries[row], rows.row(row));
    } else {
      CO_RETURN_IF_ERROR(TakeBack(entries[row], rows.row(row)));
    }
  }
  table_->KeepOnce(&entries);
  for (StateEntry* entry : entries) {
    table_->MarkDirty(entry);
    if (RowListCodec::IsEmpty(entry->value())) table_->Delete(entry);
  }
  table_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
  if (sent_.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch changes, sent_.Take(*row_codec_, schema_));
  co_return co_await out->Emit(Element::Batch(std::move(changes)));
}

void UpsertMaterializeOperator::Add(StateEntry* entry, std::string_view row) {
  const bool is_first = RowListCodec::IsEmpty(entry->value());
  RowListCodec::Append(entry->value(), row);
  sent_.Add(is_first ? RowKind::kInsert : RowKind::kUpdateAfter, std::string(row));
}

Status UpsertMaterializeOperator::TakeBack(StateEntry* entry, std::string_view row) {
  ASSIGN_OR_RETURN(const RowListCodec::Removed removed, RowListCodec::Remove(entry->value(), row));
  // What was never added can't be taken back.
  if (!removed.was_there) return Status::OK();
  if (RowListCodec::IsEmpty(entry->value())) {
    sent_.Add(RowKind::kDelete, std::string(row));
  } else if (removed.was_last) {
    sent_.Add(RowKind::kUpdateAfter, std::string(removed.before));
  }
  return Status::OK();
}

Result<OperatorSnapshot> UpsertMaterializeOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  return snapshot;
}

}  // namespace mainstem::process
