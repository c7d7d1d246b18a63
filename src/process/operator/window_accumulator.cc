#include "process/operator/window_accumulator.h"

#include <arrow/api.h>

#include "process/operator/exchange.h"

namespace mainstem::process {

Result<ColumnVector> WindowAccumulator::Taken(const ChangelogBatch& batch, const Rows& rows) const {
  const ColumnVector& columns = batch.rows->columns();
  if (rows.is_whole) return columns;
  ColumnVector taken(columns.size());
  for (const std::vector<int>* wanted : {&aggregates_->used_columns(), &key_columns_}) {
    for (const int index : *wanted) {
      auto& target = taken[static_cast<size_t>(index)];
      if (target) continue;
      ASSIGN_OR_RETURN(target, TakeRows(columns[static_cast<size_t>(index)], rows.rows));
    }
  }
  return taken;
}

void WindowAccumulator::GroupByEntry() {
  const uint32_t stamp = table_->NextBatchStamp();
  blocks_.clear();
  touched_.clear();
  group_of_row_.resize(entries_.size());
  for (size_t row = 0; row < entries_.size(); ++row) {
    StateEntry* entry = entries_[row];
    if (entry->batch_stamp != stamp) {
      entry->batch_stamp = stamp;
      entry->batch_group = static_cast<uint32_t>(blocks_.size());
      blocks_.push_back(entry->value());
      touched_.push_back(entry);
    }
    group_of_row_[row] = entry->batch_group;
  }
}

Task<> WindowAccumulator::Add(const ChangelogBatch& batch, Rows rows) {
  CO_ASSIGN_OR_RETURN(const ColumnVector columns, Taken(batch, rows));
  ColumnVector key_columns;
  for (const int index : key_columns_) key_columns.push_back(columns[static_cast<size_t>(index)]);
  const auto row_count = static_cast<int64_t>(rows.rows.size());
  CO_RETURN_IF_ERROR(codec_->Encode(key_columns, row_count, &keys_));
  keys_.ComputeHashes();
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys_, rows.name_spaces, &entries_));
  GroupByEntry();
  AggregateBatch step{.columns = &columns,
                      .row_count = row_count,
                      .blocks = blocks_.data(),
                      .group_of_row = group_of_row_.data()};
  if (!batch.kinds.empty()) {
    signs_.clear();
    for (const int32_t row : rows.rows) {
      signs_.push_back(SignOf(batch.kinds[static_cast<size_t>(row)]));
    }
    step.signs = signs_.data();
  }
  CO_RETURN_IF_ERROR(aggregates_->Accumulate(step));
  // Only now: what an entry takes is counted as it is then.
  for (StateEntry* entry : touched_) table_->MarkDirty(entry);
  co_return Status::OK();
}

}  // namespace mainstem::process
