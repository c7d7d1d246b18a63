#include "process/operator/changelog_normalize.h"

#include <utility>

#include <arrow/api.h>

#include "process/operator/row_columns.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

// A key without a row has no time in its state; one that has a row has this one.
constexpr int64_t kPresent = 0;

bool IsPresent(StateEntry* entry) { return KeptRowCodec::Of(entry).time_ms == kPresent; }

}  // namespace

ChangelogNormalizeOperator::ChangelogNormalizeOperator(const plan::RankNode& node)
    : key_(node.partition),
      send_update_before_(node.changelog.update_before),
      state_ttl_ms_(node.state_ttl_ms),
      input_(node.inputs[0]->columns),
      output_schema_(ToArrowSchema(node.columns)) {}

Task<> ChangelogNormalizeOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(input_, key_)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(input_)));
  StateTable::Options table = context->TableOptions(0, "changelog normalize");
  table.ttl_ms = state_ttl_ms_;
  rows_of_keys_ = std::make_unique<StateTable>(std::move(table), &kept_codec_, context->backend,
                                               &context->env->blocking_pool());
  co_return co_await rows_of_keys_->Restore();
}

Task<> ChangelogNormalizeOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  CO_RETURN_IF_ERROR(key_codec_->Encode(ColumnsOf(*batch.rows, key_), row_count, &keys_));
  keys_.ComputeHashes();
  CO_RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), row_count, &rows_));
  CO_RETURN_IF_ERROR(co_await rows_of_keys_->Resolve(keys_, {}, &entries_));
  Apply(batch);
  FinishEntries();
  if (changes_.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch changes,
                      changes_.Make(batch.rows->columns(), *row_codec_, output_schema_));
  co_return co_await out->Emit(Element::Batch(std::move(changes)));
}

void ChangelogNormalizeOperator::Apply(const ChangelogBatch& batch) {
  changes_.Begin(batch.rows->num_rows());
  for (size_t row = 0; row < entries_.size(); ++row) {
    StateEntry* entry = entries_[row];
    KeptRow& kept = KeptRowCodec::Of(entry);
    const RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
    const bool was_present = IsPresent(entry);
    if (kind == RowKind::kUpdateBefore) continue;
    if (kind == RowKind::kDelete) {
      if (!was_present) continue;
      changes_.AddOldRow(RowKind::kDelete, std::exchange(kept.row, {}));
      kept.time_ms = kNoWatermark;
      rows_of_keys_->MarkDirty(entry);
      continue;
    }
    const std::string_view bytes = rows_.row(row);
    if (was_present && kept.row == bytes && state_ttl_ms_ == 0) continue;
    if (was_present && send_update_before_) {
      changes_.AddOldRow(RowKind::kUpdateBefore, std::move(kept.row));
    }
    changes_.AddRow(was_present ? RowKind::kUpdateAfter : RowKind::kInsert, row);
    kept.row = bytes;
    kept.time_ms = kPresent;
    rows_of_keys_->MarkDirty(entry);
  }
}

void ChangelogNormalizeOperator::FinishEntries() {
  rows_of_keys_->KeepOnce(&entries_);
  for (StateEntry* entry : entries_) {
    if (!IsPresent(entry)) rows_of_keys_->Delete(entry);
  }
  rows_of_keys_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(rows_of_keys_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(rows_of_keys_->memory_bytes());
}

Result<OperatorSnapshot> ChangelogNormalizeOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(rows_of_keys_.get());
  return snapshot;
}

}  // namespace mainstem::process
