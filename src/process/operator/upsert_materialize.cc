#include "process/operator/upsert_materialize.h"

#include <algorithm>

#include <arrow/api.h>

#include "process/operator/row_columns.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

Task<> UpsertMaterializeOperator::Open(const OperatorContext* context) {
  context_ = context;
  schema_ = ToArrowSchema(input_);
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(input_, primary_key_)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(input_)));
  StateTable::Options table = context->TableOptions(0, "rows of an upsert sink");
  table_ = std::make_unique<StateTable>(std::move(table), &list_codec_, context->backend,
                                        &context->env->blocking_pool());
  co_return co_await table_->Restore();
}

Task<> UpsertMaterializeOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  EncodedRows keys, rows;
  CO_RETURN_IF_ERROR(key_codec_->Encode(ColumnsOf(*batch.rows, primary_key_), row_count, &keys));
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
  std::vector<std::string_view> views;
  RETURN_IF_ERROR(RowListCodec::Read(entry->value(), &views));
  const auto at = std::find(views.begin(), views.end(), row);
  // What was never added can't be taken back.
  if (at == views.end()) return Status::OK();
  const bool was_shown = at + 1 == views.end();
  std::vector<std::string> left;
  for (auto kept = views.begin(); kept != views.end(); ++kept) {
    if (kept != at) left.emplace_back(*kept);
  }
  RowListCodec::Clear(entry->value());
  for (const std::string& kept : left) RowListCodec::Append(entry->value(), kept);
  if (left.empty()) {
    sent_.Add(RowKind::kDelete, std::string(row));
  } else if (was_shown) {
    sent_.Add(RowKind::kUpdateAfter, left.back());
  }
  return Status::OK();
}

Result<OperatorSnapshot> UpsertMaterializeOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  return snapshot;
}

}  // namespace mainstem::process
