#include "process/operator/rank.h"

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/row_columns.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
// ---- output

void RankOutput::Add(RowKind kind, std::string_view row, int64_t number) {
  kinds_.push_back(kind);
  rows_.push_back(row);
  numbers_.push_back(number);
}

Result<ChangelogBatch> RankOutput::Take() {
  ChangelogBatch out;
  ASSIGN_OR_RETURN(ColumnVector columns, codec_->Decode(rows_));
  if (static_cast<size_t>(schema_->num_fields()) > columns.size()) {
    arrow::Int64Builder builder;
    RETURN_IF_ERROR(builder.AppendValues(numbers_));
    std::shared_ptr<arrow::Array> numbers;
    RETURN_IF_ERROR(builder.Finish(&numbers));
    columns.push_back(std::move(numbers));
  }
  out.rows =
      arrow::RecordBatch::Make(schema_, static_cast<int64_t>(rows_.size()), std::move(columns));
  out.kinds = std::move(kinds_);
  kinds_.clear();
  rows_.clear();
  numbers_.clear();
  gone_.clear();
  return out;
}

Result<SortKeyCodec> MakeSortKeyCodec(const std::vector<plan::SortKey>& order,
                                      const plan::Columns& input) {
  std::vector<SortColumn> columns;
  for (const plan::SortKey& key : order) {
    columns.push_back({ToArrowType(input[static_cast<size_t>(key.column)].type()), key.descending,
                       key.nulls_first});
  }
  return SortKeyCodec::Make(std::move(columns));
}

RankOptions::RankOptions(const plan::RankNode& node)
    : strategy(node.strategy),
      partition(node.partition),
      row_key(node.row_key),
      order(node.order),
      start(node.start),
      end(node.end),
      send_update_before(node.changelog.update_before),
      state_ttl_ms(node.state_ttl_ms),
      input(node.inputs[0]->columns),
      output_schema(ToArrowSchema(node.columns)) {}

bool RankOptions::numbered() const {
  return start > 1 || static_cast<size_t>(output_schema->num_fields()) > input.size();
}

// ---- operator

Task<> RankOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(partition_codec_, MakeRowCodec(TypesOf(options_.input, options_.partition)));
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(options_.input, options_.row_key)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(options_.input)));
  CO_ASSIGN_OR_RETURN(sort_codec_, MakeSortKeyCodec(options_.order, options_.input));
  output_ = std::make_unique<RankOutput>(row_codec_.get(), options_.output_schema);
  StateTable::Options table = context->TableOptions(0, "rank");
  table.ttl_ms = options_.state_ttl_ms;
  table_ = std::make_unique<StateTable>(std::move(table), &rows_codec_, context->backend,
                                        &context->env->blocking_pool());
  co_return co_await table_->Restore();
}

std::vector<int32_t> RankOperator::Candidates(const ChangelogBatch& batch) const {
  std::vector<int32_t> rows;
  const bool only_adds = options_.strategy == plan::RankStrategy::kAppend;
  for (size_t row = 0; row < entries_.size(); ++row) {
    const RankRows::Map& kept = RankRowsCodec::Of(entries_[row]).rows();
    const bool is_full = static_cast<int64_t>(kept.size()) >= options_.end;
    if (only_adds && is_full && sort_keys_[row] >= kept.rbegin()->first) continue;
    rows.push_back(static_cast<int32_t>(row));
  }
  return rows;
}

Task<> RankOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  CO_RETURN_IF_ERROR(partition_codec_->Encode(ColumnsOf(*batch.rows, options_.partition),
                                              batch.rows->num_rows(), &partitions_));
  partitions_.ComputeHashes();
  ColumnVector order;
  for (const plan::SortKey& key : options_.order) order.push_back(batch.rows->column(key.column));
  sort_codec_->Encode(order, batch.rows->num_rows(), &sort_keys_);
  CO_RETURN_IF_ERROR(co_await table_->Resolve(partitions_, {}, &entries_));
  const std::vector<int32_t> candidates = Candidates(batch);
  if (candidates.empty()) co_return Status::OK();
  if (candidates.size() < entries_.size()) {
    CO_ASSIGN_OR_RETURN(batch, TakeFromBatch(batch, candidates));
    for (size_t i = 0; i < candidates.size(); ++i) {
      const auto row = static_cast<size_t>(candidates[i]);
      entries_[i] = entries_[row];
      std::swap(sort_keys_[i], sort_keys_[row]);
    }
    entries_.resize(candidates.size());
  }
  CO_RETURN_IF_ERROR(co_await Process(batch, out));
  Finish();
  co_return Status::OK();
}

Task<> RankOperator::Process(const ChangelogBatch& batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  CO_RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), row_count, &rows_));
  CO_RETURN_IF_ERROR(
      key_codec_->Encode(ColumnsOf(*batch.rows, options_.row_key), row_count, &row_keys_));
  for (size_t row = 0; row < entries_.size(); ++row) {
    ProcessRow(batch, row);
    if (output_->row_count() >= kRowsPerOutput) CO_RETURN_IF_ERROR(co_await EmitChanges(out));
  }
  co_return co_await EmitChanges(out);
}

Task<> RankOperator::EmitChanges(Output* out) {
  if (output_->empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch changes, output_->Take());
  co_return co_await out->Emit(Element::Batch(std::move(changes)));
}

void RankOperator::ProcessRow(const ChangelogBatch& batch, size_t row) {
  RankRows& kept = RankRowsCodec::Of(entries_[row]);
  const bool adds = batch.kinds.empty() || SignOf(batch.kinds[row]) > 0;
  const std::string_view sort_key = sort_keys_[row];
  if (options_.strategy != plan::RankStrategy::kUpdate) {
    if (adds) {
      Add(&kept, sort_key, rows_.row(row), {});
    } else if (options_.strategy == plan::RankStrategy::kRetract) {
      Retract(&kept, sort_key, rows_.row(row));
    }
    return;
  }
  // The new row says which one it replaces.
  if (!adds) return;
  const std::string_view key = row_keys_.row(row);
  Place old = kept.rows().begin();
  while (old != kept.rows().end() && old->second.key != key) ++old;
  if (old == kept.rows().end()) {
    Add(&kept, sort_key, rows_.row(row), key);
  } else {
    Update(&kept, old, sort_key, rows_.row(row), key);
  }
}

void RankOperator::Send(RowKind kind, std::string_view row, int64_t number) {
  if (options_.numbered() && (number < options_.start || number > options_.end)) return;
  output_->Add(kind, row, number);
}

void RankOperator::Replace(std::string_view old, std::string_view row, int64_t number) {
  if (options_.send_update_before) Send(RowKind::kUpdateBefore, old, number);
  Send(RowKind::kUpdateAfter, row, number);
}

int64_t RankOperator::NumberOf(RankRows* rows, Place place) const {
  int64_t number = 1;
  for (auto at = rows->rows().begin(); at != place && number <= options_.end; ++at) ++number;
  return number;
}

std::string_view RankOperator::ShiftDown(RankRows* rows, Place from, std::string_view moved,
                                         int64_t* number, int64_t last) {
  for (; from != rows->rows().end() && *number <= last; ++from, ++*number) {
    Replace(from->second.row, moved, *number);
    moved = from->second.row;
  }
  return moved;
}

void RankOperator::Add(RankRows* rows, std::string_view sort_key, std::string_view row,
                       std::string_view key) {
  const bool keeps_all = options_.strategy == plan::RankStrategy::kRetract;
  const bool is_full = static_cast<int64_t>(rows->rows().size()) >= options_.end;
  if (!keeps_all && is_full && sort_key >= rows->rows().rbegin()->first) return;
  const Place place = rows->Insert(sort_key, row, key);
  int64_t number = NumberOf(rows, place);
  if (number > options_.end) return;
  const bool overflows = static_cast<int64_t>(rows->rows().size()) > options_.end;
  if (options_.numbered()) {
    const std::string_view rest =
        ShiftDown(rows, std::next(place), place->second.row, &number, options_.end);
    if (number <= options_.end) Send(RowKind::kInsert, rest, number);
  } else if (overflows) {
    // The row that is now the first beyond the end.
    auto dropped = place;
    if (keeps_all) {
      for (; number <= options_.end; ++number) ++dropped;
    } else {
      dropped = std::prev(rows->rows().end());
    }
    if (!keeps_all && options_.end == 1) {
      Replace(dropped->second.row, place->second.row, 1);
    } else {
      Send(RowKind::kDelete, dropped->second.row, 0);
      Send(RowKind::kInsert, place->second.row, 0);
    }
  } else {
    Send(RowKind::kInsert, place->second.row, 0);
  }
  if (overflows && !keeps_all) output_->Keep(rows->Extract(std::prev(rows->rows().end())));
}

void RankOperator::Retract(RankRows* rows, std::string_view sort_key, std::string_view row) {
  const Place place = rows->Find(sort_key, row);
  // What was never added can't be taken back.
  if (place == rows->rows().end()) return;
  int64_t number = NumberOf(rows, place);
  if (number <= options_.end) {
    std::string_view rest = place->second.row;
    if (options_.numbered()) {
      for (auto next = std::next(place); next != rows->rows().end() && number <= options_.end;
           ++next, ++number) {
        Replace(rest, next->second.row, number);
        rest = next->second.row;
      }
      if (number <= options_.end) Send(RowKind::kDelete, rest, number);
    } else {
      Send(RowKind::kDelete, rest, 0);
      auto next = place;
      for (; next != rows->rows().end() && number <= options_.end; ++number) ++next;
      if (next != rows->rows().end()) Send(RowKind::kInsert, next->second.row, 0);
    }
  }
  output_->Keep(rows->Extract(place));
}

// A row takes the place of its former version, which it has overtaken or not moved from.
void RankOperator::Update(RankRows* rows, Place old, std::string_view sort_key,
                          std::string_view row, std::string_view key) {
  const int64_t old_number = NumberOf(rows, old);
  if (old->first == sort_key) {
    RankRows::Map::node_type former;
    const Place next = std::next(old);
    former = rows->Extract(old);
    // Back to the same place among rows of one key.
    const Place place = rows->InsertBefore(next, sort_key, row, key);
    Replace(former.mapped().row, place->second.row, old_number);
    output_->Keep(std::move(former));
    return;
  }
  RankRows::Map::node_type former = rows->Extract(old);
  const Place place = rows->Insert(sort_key, row, key);
  if (!options_.numbered()) {
    Replace(former.mapped().row, place->second.row, 0);
  } else {
    int64_t number = NumberOf(rows, place);
    const std::string_view rest =
        ShiftDown(rows, std::next(place), place->second.row, &number, old_number - 1);
    Replace(former.mapped().row, rest, old_number);
  }
  output_->Keep(std::move(former));
}

void RankOperator::Finish() {
  table_->KeepOnce(&entries_);
  for (StateEntry* entry : entries_) {
    table_->MarkDirty(entry);
    if (RankRowsCodec::Of(entry).rows().empty()) table_->Delete(entry);
  }
  table_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
}

Result<OperatorSnapshot> RankOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  return snapshot;
}

}  // namespace mainstem::process
