#include "process/operator/over_updating.h"

#include <algorithm>

#include <absl/cleanup/cleanup.h>
#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/row_columns.h"
#include "process/operator/work_slice.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

// Rows that are worked on before others on the shard may have their turn.
constexpr size_t kRowsPerPiece = 1024;

// Joins the parts of each column; `parts` are not empty.
Result<ColumnVector> JoinParts(const std::vector<ColumnVector>& parts) {
  ColumnVector columns;
  for (size_t i = 0; i < parts.front().size(); ++i) {
    arrow::ArrayVector pieces;
    for (const ColumnVector& part : parts) pieces.push_back(part[i]);
    ASSIGN_OR_RETURN(auto column, arrow::Concatenate(pieces));
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

using Kind = OverFunctions::Kind;

UpdatingOverOperator::UpdatingOverOperator(const plan::OverNode& node)
    : functions_(node),
      partition_(node.partition),
      order_(node.order),
      rows_(node.rows),
      send_update_before_(node.changelog.update_before),
      state_ttl_ms_(node.state_ttl_ms),
      input_(node.inputs[0]->columns),
      output_schema_(ToArrowSchema(node.columns)) {}

Task<> UpdatingOverOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(partition_codec_, MakeRowCodec(TypesOf(input_, partition_)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(input_)));
  std::vector<std::shared_ptr<arrow::DataType>> results;
  for (int i = static_cast<int>(input_.size()); i < output_schema_->num_fields(); ++i) {
    results.push_back(output_schema_->field(i)->type());
  }
  CO_ASSIGN_OR_RETURN(results_codec_, MakeRowCodec(std::move(results)));
  CO_ASSIGN_OR_RETURN(sort_codec_, MakeSortKeyCodec(order_, input_));
  CO_ASSIGN_OR_RETURN(aggregates_, AggregateSet::Make(functions_.aggregates));
  StateTable::Options table = context->TableOptions(0, "over window");
  table.ttl_ms = state_ttl_ms_;
  table_ = std::make_unique<StateTable>(std::move(table), &rows_codec_, context->backend,
                                        &context->env->blocking_pool());
  co_return co_await table_->Restore();
}

Task<> UpdatingOverOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  CO_RETURN_IF_ERROR(
      partition_codec_->Encode(ColumnsOf(*batch.rows, partition_), row_count, &keys_));
  keys_.ComputeHashes();
  sort_codec_->Encode({batch.rows->column(order_[0].column)}, row_count, &sort_keys_);
  CO_RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), row_count, &encoded_));
  CO_RETURN_IF_ERROR(co_await table_->Resolve(keys_, {}, &entries_));
  const uint32_t stamp = table_->NextBatchStamp();
  partitions_.clear();
  added_.clear();
  for (size_t row = 0; row < entries_.size(); ++row) {
    StateEntry* entry = entries_[row];
    if (entry->batch_stamp != stamp) {
      entry->batch_stamp = stamp;
      entry->batch_group = static_cast<uint32_t>(partitions_.size());
      partitions_.push_back({entry, sort_keys_[row]});
    }
    const RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
    Change(&partitions_[entry->batch_group], sort_keys_[row], encoded_.row(row), kind);
  }
  for (const Partition& partition : partitions_) {
    CO_RETURN_IF_ERROR(co_await Update(partition, out));
  }
  FinishEntries();
  co_return co_await EmitSent(out);
}

void UpdatingOverOperator::Change(Partition* partition, std::string_view sort_key,
                                  std::string_view row, RowKind kind) {
  RankRows& rows = RankRowsCodec::Of(partition->entry);
  if (SignOf(kind) > 0) {
    added_[&rows.Insert(sort_key, row, {})->second] = kind;
  } else {
    const RankRows::Place at = rows.Find(sort_key, row);
    if (at == rows.rows().end()) return;  // what was never added can't be taken back
    const RankRows::Map::node_type gone = rows.Extract(at);
    // One that came with this batch was never sent.
    if (added_.erase(&gone.mapped()) == 0) {
      sent_.push_back({RowKind::kDelete, gone.mapped().row, gone.mapped().key});
    }
  }
  if (sort_key < partition->first_key) partition->first_key = sort_key;
}

Task<> UpdatingOverOperator::Update(const Partition& partition, Output* out) {
  Pass pass;
  CO_RETURN_IF_ERROR(co_await MakePass(partition, &pass));
  RankRows* rows = &RankRowsCodec::Of(partition.entry);
  EncodedRows results;
  for (size_t begin = 0; begin < pass.rows.size(); begin += kRowsPerPiece) {
    const size_t end = std::min(begin + kRowsPerPiece, pass.rows.size());
    CO_RETURN_IF_ERROR(MakeResults(pass, begin, end, &results));
    for (size_t i = begin; i < end; ++i) Compare(rows, pass.rows[i], results.row(i - begin));
    if (sent_.size() >= kRowsPerOutput) CO_RETURN_IF_ERROR(co_await EmitSent(out));
    if (IsSliceOver(*context_)) CO_RETURN_IF_ERROR(co_await context_->slice->Rest());
  }
  co_return Status::OK();
}

Task<> UpdatingOverOperator::MakePass(const Partition& partition, Pass* pass) {
  RankRows::Map& rows = RankRowsCodec::Of(partition.entry).rows();
  const RankRows::Place first = rows.lower_bound(partition.first_key);
  if (first == rows.end()) co_return Status::OK();
  // Accumulators of one pass: nothing of them is kept.
  std::vector<std::max_align_t> memory(aggregates_->value_bytes() / sizeof(std::max_align_t) + 1);
  std::byte* block = reinterpret_cast<std::byte*>(memory.data());
  aggregates_->Init(block);
  const absl::Cleanup destroy = [&] { aggregates_->Destroy(block); };
  const bool looks_back = std::any_of(
      functions_.functions.begin(), functions_.functions.end(),
      [](const OverFunctions::Function& function) { return function.kind == Kind::kLag; });
  std::vector<ColumnVector> running, all_args;
  std::vector<std::string_view> views;
  RankRows::Place at = rows.begin();
  bool is_before = at != first;
  while (at != rows.end()) {
    views.clear();
    for (; at != rows.end() && views.size() < kRowsPerPiece; ++at) {
      if (is_before && at == first) break;
      views.push_back(at->second.row);
      if (!is_before) pass->rows.push_back(at);
    }
    CO_ASSIGN_OR_RETURN(const ColumnVector all, row_codec_->Decode(views));
    ColumnVector args;
    for (const int column : functions_.args) args.push_back(all[static_cast<size_t>(column)]);
    const std::vector<uint32_t> groups(views.size(), 0);
    AggregateBatch batch;
    batch.columns = &args;
    batch.row_count = static_cast<int64_t>(views.size());
    batch.blocks = &block;
    batch.group_of_row = groups.data();
    if (is_before) {
      CO_RETURN_IF_ERROR(aggregates_->Accumulate(batch));
      pass->first += views.size();
      is_before = at != first;
    } else {
      CO_ASSIGN_OR_RETURN(ColumnVector values, aggregates_->Running(batch));
      running.push_back(std::move(values));
    }
    if (looks_back) all_args.push_back(std::move(args));
    if (IsSliceOver(*context_)) CO_RETURN_IF_ERROR(co_await context_->slice->Rest());
  }
  CO_ASSIGN_OR_RETURN(pass->running, JoinParts(running));
  if (!all_args.empty()) {
    CO_ASSIGN_OR_RETURN(pass->args, JoinParts(all_args));
  }
  const size_t count = pass->rows.size();
  pass->last_peer.resize(count);
  for (size_t i = count; i-- > 0;) {
    const bool is_last = i + 1 == count || pass->rows[i + 1]->first != pass->rows[i]->first;
    pass->last_peer[i] = is_last || rows_ ? static_cast<int32_t>(i) : pass->last_peer[i + 1];
  }
  co_return Status::OK();
}

Status UpdatingOverOperator::MakeResults(const Pass& pass, size_t begin, size_t end,
                                         EncodedRows* results) const {
  const auto from = pass.last_peer.begin();
  const std::vector<int32_t> last_peer(from + static_cast<ptrdiff_t>(begin),
                                       from + static_cast<ptrdiff_t>(end));
  ColumnVector columns;
  for (const OverFunctions::Function& function : functions_.functions) {
    std::shared_ptr<arrow::Array> column;
    if (function.kind == Kind::kAggregate) {
      ASSIGN_OR_RETURN(column, TakeRows(pass.running[function.aggregate], last_peer));
    } else if (function.kind == Kind::kLag) {
      ASSIGN_OR_RETURN(column, LagColumn(function, pass, begin, end));
    } else {
      arrow::Int64Builder builder;
      const auto first = static_cast<int64_t>(pass.first);
      for (const int32_t last : last_peer) RETURN_IF_ERROR(builder.Append(first + last + 1));
      ASSIGN_OR_RETURN(column, builder.Finish());
    }
    columns.push_back(std::move(column));
  }
  return results_codec_->Encode(columns, static_cast<int64_t>(last_peer.size()), results);
}

Result<std::shared_ptr<arrow::Array>> UpdatingOverOperator::LagColumn(
    const OverFunctions::Function& function, const Pass& pass, size_t begin, size_t end) const {
  const std::shared_ptr<arrow::Array>& values = pass.args[static_cast<size_t>(function.value)];
  const auto first = static_cast<int64_t>(pass.first);
  const auto back_from = [&](size_t row) {
    return first + pass.last_peer[row] - function.offset;  // does not go down
  };
  const int64_t low = std::max<int64_t>(back_from(begin), 0);
  const int64_t high = std::max(back_from(end - 1) + 1, low);
  std::vector<int32_t> from;
  for (size_t row = begin; row < end; ++row) {
    const int64_t back = back_from(row);
    const auto own = static_cast<int64_t>(row - begin);
    const int64_t fallback = function.fallback >= 0 ? high - low + own : -1;
    from.push_back(static_cast<int32_t>(back >= 0 ? back - low : fallback));
  }
  auto rest = values->Slice(0, 0);
  if (function.fallback >= 0) {
    rest = pass.args[static_cast<size_t>(function.fallback)]->Slice(
        first + static_cast<int64_t>(begin), static_cast<int64_t>(end - begin));
  }
  ASSIGN_OR_RETURN(ColumnVector picked, PickFrom({values->Slice(low, high - low)}, {rest}, from));
  return picked[0];
}

// `now`: the results of the row.
void UpdatingOverOperator::Compare(RankRows* rows, RankRows::Place place, std::string_view now) {
  const RankedRow& row = place->second;
  const auto added = added_.find(&row);
  if (added != added_.end()) {
    sent_.push_back(
        {added->second, row.row, std::string(now)});  // an update stays one, as in Flink
    added_.erase(added);
  } else if (row.key != now) {
    if (send_update_before_) sent_.push_back({RowKind::kUpdateBefore, row.row, row.key});
    sent_.push_back({RowKind::kUpdateAfter, row.row, std::string(now)});
  } else {
    return;
  }
  rows->SetKey(place, now);
}

Task<> UpdatingOverOperator::EmitSent(Output* out) {
  if (sent_.empty()) co_return Status::OK();
  std::vector<std::string_view> rows, results;
  ChangelogBatch batch;
  for (const Sent& sent : sent_) {
    rows.push_back(sent.row);
    results.push_back(sent.results);
    batch.kinds.push_back(sent.kind);
  }
  CO_ASSIGN_OR_RETURN(ColumnVector columns, row_codec_->Decode(rows));
  CO_ASSIGN_OR_RETURN(ColumnVector own, results_codec_->Decode(results));
  std::move(own.begin(), own.end(), std::back_inserter(columns));
  batch.rows = arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(rows.size()),
                                        std::move(columns));
  sent_.clear();
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

void UpdatingOverOperator::FinishEntries() {
  table_->KeepOnce(&entries_);
  for (StateEntry* entry : entries_) {
    table_->MarkDirty(entry);
    if (RankRowsCodec::Of(entry).rows().empty()) table_->Delete(entry);
  }
  table_->Evict();
  context_->metrics->state_entries = static_cast<int64_t>(table_->entry_count());
  context_->metrics->state_bytes = static_cast<int64_t>(table_->memory_bytes());
}

Result<OperatorSnapshot> UpdatingOverOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(table_.get());
  return snapshot;
}

}  // namespace mainstem::process
