#include "process/operator/group_aggregate.h"

#include <numeric>

#include <arrow/api.h>

#include "process/operator/exchange.h"

namespace mainstem::process {
namespace {

constexpr char kNotFinished[] = "1";

}  // namespace

Task<> GroupAggregateOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(aggregates_, AggregateSet::Make(options_.aggregates));
  CO_ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(options_.key_types));
  codec_ = std::make_unique<RowCodec>(std::move(codec));
  StateTable::Options table = context->TableOptions(0, "group aggregate");
  table.ttl_ms = options_.state_ttl_ms;
  table_ = std::make_unique<StateTable>(std::move(table), aggregates_.get(), context->backend,
                                        &context->env->blocking_pool());
  // What ended before the checkpoint is not in it, and begins again without its rows.
  has_finished_ = context->is_restored && context->restored_blobs.empty();
  co_return co_await table_->Restore();
}

Task<> GroupAggregateOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  ColumnVector key_columns;
  for (int index : options_.keys) key_columns.push_back(batch.rows->column(index));
  CO_RETURN_IF_ERROR(codec_->Encode(key_columns, batch.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys_, {}, &entries_));
  AssignGroups(batch);
  Status status = options_.fold ? RunFolded(batch) : RunRowByRow(batch);
  CO_RETURN_IF_ERROR(status);
  CO_ASSIGN_OR_RETURN(ChangelogBatch output, MakeOutput(batch));
  FinishGroups();
  if (output.rows->num_rows() == 0) co_return Status::OK();
  co_return co_await out->Emit(Element::Batch(std::move(output)));
}

Task<> GroupAggregateOperator::Finish(Output* out) {
  if (!options_.counts_nothing || has_finished_) co_return Status::OK();
  CO_RETURN_IF_ERROR(codec_->Encode({}, 1, &keys_));
  keys_.ComputeHashes();
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys_, {}, &entries_));
  if (!entries_[0]->is_new) co_return Status::OK();
  ChangelogBatch nothing;
  std::vector<std::byte*> blocks(1, entries_[0]->value());
  CO_ASSIGN_OR_RETURN(ColumnVector values, aggregates_->Values(blocks));
  table_->Delete(entries_[0]);
  nothing.rows = arrow::RecordBatch::Make(options_.output_schema, 1, std::move(values));
  co_return co_await out->Emit(Element::Batch(std::move(nothing)));
}

void GroupAggregateOperator::AssignGroups(const ChangelogBatch& batch) {
  size_t row_count = entries_.size();
  uint32_t stamp = table_->NextBatchStamp();
  groups_.clear();
  blocks_.clear();
  old_counts_.clear();
  first_rows_.clear();
  group_of_row_.resize(row_count);
  signs_.resize(row_count);
  counts_.assign(row_count, 1);
  all_count_ = true;
  std::vector<int64_t> counts;
  for (size_t row = 0; row < row_count; ++row) {
    StateEntry* entry = entries_[row];
    if (entry->batch_stamp != stamp) {
      entry->batch_stamp = stamp;
      entry->batch_group = static_cast<uint32_t>(groups_.size());
      groups_.push_back(entry);
      blocks_.push_back(entry->value());
      old_counts_.push_back(AggregateSet::RowCount(entry->value()));
      first_rows_.push_back(static_cast<int32_t>(row));
      counts.push_back(old_counts_.back());
    }
    uint32_t group = entry->batch_group;
    int8_t sign = batch.kinds.empty() ? int8_t{1} : SignOf(batch.kinds[row]);
    group_of_row_[row] = group;
    signs_[row] = sign;
    if (sign < 0 && counts[group] == 0) {
      counts_[row] = 0;
      all_count_ = false;
    } else {
      counts[group] += sign;
    }
  }
}

Status GroupAggregateOperator::AddValues(std::span<std::byte* const> blocks) {
  ASSIGN_OR_RETURN(ColumnVector values, aggregates_->Values(blocks));
  value_chunks_.push_back(std::move(values));
  return Status::OK();
}

AggregateBatch GroupAggregateOperator::AggregateBatchOf(const ChangelogBatch& batch) const {
  return {.columns = &batch.rows->columns(),
          .row_count = batch.rows->num_rows(),
          .blocks = blocks_.data(),
          .group_of_row = group_of_row_.data(),
          .signs = batch.kinds.empty() ? nullptr : signs_.data(),
          .counts = all_count_ ? nullptr : counts_.data()};
}

// Puts all values of the batch into one column each.
Result<RowEquality> GroupAggregateOperator::FinishValues() {
  values_.clear();
  for (size_t i = 0; i < aggregates_->count(); ++i) {
    if (value_chunks_.size() == 1) {
      values_.push_back(value_chunks_[0][i]);
      continue;
    }
    arrow::ArrayVector parts;
    for (const ColumnVector& chunk : value_chunks_) parts.push_back(chunk[i]);
    ASSIGN_OR_RETURN(auto column, arrow::Concatenate(parts));
    values_.push_back(std::move(column));
  }
  value_chunks_.clear();
  return RowEquality(values_);
}

void GroupAggregateOperator::AddChange(int32_t key_row, int64_t old_count, int64_t new_count,
                                       int32_t old_row, int32_t new_row,
                                       const RowEquality& equality) {
  if (old_count == 0) {
    if (new_count != 0) changes_.push_back({RowKind::kInsert, key_row, new_row});
  } else if (new_count == 0) {
    changes_.push_back({RowKind::kDelete, key_row, old_row});
  } else if (options_.state_ttl_ms > 0 || !equality.Equal(old_row, new_row)) {
    // With a time to live also what did not change: it keeps alive what stands below.
    if (options_.send_update_before) {
      changes_.push_back({RowKind::kUpdateBefore, key_row, old_row});
    }
    changes_.push_back({RowKind::kUpdateAfter, key_row, new_row});
  }
}

Status GroupAggregateOperator::RunFolded(const ChangelogBatch& batch) {
  RETURN_IF_ERROR(AddValues(blocks_));
  RETURN_IF_ERROR(aggregates_->Accumulate(AggregateBatchOf(batch)));
  RETURN_IF_ERROR(AddValues(blocks_));
  ASSIGN_OR_RETURN(RowEquality equality, FinishValues());
  auto group_count = static_cast<int32_t>(groups_.size());
  for (int32_t group = 0; group < group_count; ++group) {
    auto index = static_cast<size_t>(group);
    AddChange(first_rows_[index], old_counts_[index], AggregateSet::RowCount(blocks_[index]), group,
              group_count + group, equality);
  }
  return Status::OK();
}

Status GroupAggregateOperator::RunRowByRow(const ChangelogBatch& batch) {
  RETURN_IF_ERROR(AddValues(blocks_));
  ASSIGN_OR_RETURN(ColumnVector running, aggregates_->Running(AggregateBatchOf(batch)));
  value_chunks_.push_back(std::move(running));
  ASSIGN_OR_RETURN(RowEquality equality, FinishValues());
  const auto group_count = static_cast<int32_t>(groups_.size());
  std::vector<int64_t> counts = old_counts_;
  std::vector<int32_t> value_of_group(groups_.size());
  std::iota(value_of_group.begin(), value_of_group.end(), 0);
  for (size_t row = 0; row < entries_.size(); ++row) {
    if (counts_[row] == 0) continue;
    const uint32_t group = group_of_row_[row];
    const int64_t old_count = std::exchange(counts[group], counts[group] + signs_[row]);
    const int32_t new_value = group_count + static_cast<int32_t>(row);
    const int32_t old_value = std::exchange(value_of_group[group], new_value);
    AddChange(static_cast<int32_t>(row), old_count, counts[group], old_value, new_value, equality);
  }
  return Status::OK();
}

Result<ChangelogBatch> GroupAggregateOperator::MakeOutput(const ChangelogBatch& batch) {
  std::vector<int32_t> key_rows, value_rows;
  key_rows.reserve(changes_.size());
  value_rows.reserve(changes_.size());
  ChangelogBatch out;
  bool only_inserts = true;
  for (const Change& change : changes_) {
    key_rows.push_back(change.key_row);
    value_rows.push_back(change.value_row);
    only_inserts &= change.kind == RowKind::kInsert;
  }
  if (!only_inserts) {
    out.kinds.reserve(changes_.size());
    for (const Change& change : changes_) out.kinds.push_back(change.kind);
  }
  ColumnVector columns;
  for (int index : options_.keys) {
    ASSIGN_OR_RETURN(auto column, TakeRows(batch.rows->column(index), key_rows));
    columns.push_back(std::move(column));
  }
  for (const auto& values : values_) {
    ASSIGN_OR_RETURN(auto column, TakeRows(values, value_rows));
    columns.push_back(std::move(column));
  }
  out.rows = arrow::RecordBatch::Make(options_.output_schema, static_cast<int64_t>(changes_.size()),
                                      std::move(columns));
  changes_.clear();
  values_.clear();
  return out;
}

void GroupAggregateOperator::FinishGroups() {
  for (size_t group = 0; group < groups_.size(); ++group) {
    if (AggregateSet::RowCount(blocks_[group]) == 0) {
      table_->Delete(groups_[group]);
    } else {
      table_->MarkDirty(groups_[group]);
    }
  }
  table_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
}

Result<OperatorSnapshot> GroupAggregateOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  if (options_.counts_nothing) snapshot.blob = kNotFinished;
  return snapshot;
}

}  // namespace mainstem::process
