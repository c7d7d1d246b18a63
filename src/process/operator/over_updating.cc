#include "process/operator/over_updating.h"

#include <arrow/api.h>

#include "process/operator/exchange.h"
#include "process/operator/row_columns.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {

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
      partition_codec_->Encode(ColumnsOf(*batch.rows, partition_), row_count, &partitions_));
  partitions_.ComputeHashes();
  sort_codec_->Encode({batch.rows->column(order_[0].column)}, row_count, &sort_keys_);
  CO_RETURN_IF_ERROR(row_codec_->Encode(batch.rows->columns(), row_count, &encoded_));
  CO_RETURN_IF_ERROR(co_await table_->Resolve(partitions_, {}, &entries_));
  for (size_t row = 0; row < entries_.size(); ++row) {
    const RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
    CO_RETURN_IF_ERROR(
        Change(&RankRowsCodec::Of(entries_[row]), sort_keys_[row], encoded_.row(row), kind));
  }
  FinishEntries();
  if (sent_.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch changes, TakeSent());
  co_return co_await out->Emit(Element::Batch(std::move(changes)));
}

Status UpdatingOverOperator::Change(RankRows* rows, std::string_view sort_key, std::string_view row,
                                    RowKind kind) {
  const RankedRow* added = nullptr;
  if (SignOf(kind) > 0) {
    added = &rows->Insert(sort_key, row, {})->second;
  } else {
    auto [at, end] = rows->rows.equal_range(sort_key);
    while (at != end && at->second.row != row) ++at;
    if (at == end) return Status::OK();  // what was never added can't be taken back
    const RankRows::Map::node_type gone = rows->Extract(at);
    sent_.push_back({RowKind::kDelete, gone.mapped().row, gone.mapped().key});
  }
  EncodedRows results;
  RETURN_IF_ERROR(Compute(*rows, &results));
  size_t index = 0;
  for (auto& [key, kept] : rows->rows) {
    const std::string_view now = results.row(index++);
    if (&kept == added) {
      sent_.push_back({kind, kept.row, std::string(now)});  // an update stays one, as in Flink
    } else if (kept.key != now) {
      if (send_update_before_) sent_.push_back({RowKind::kUpdateBefore, kept.row, kept.key});
      sent_.push_back({RowKind::kUpdateAfter, kept.row, std::string(now)});
    } else {
      continue;
    }
    rows->bytes += now.size();
    rows->bytes -= kept.key.size();
    kept.key = now;
  }
  return Status::OK();
}

Status UpdatingOverOperator::Compute(const RankRows& rows, EncodedRows* results) const {
  std::vector<std::string_view> views;
  std::vector<int32_t> last_peer;  // of each row: the last one of the same sort key
  std::vector<const std::string*> sort_keys;
  for (const auto& [key, row] : rows.rows) {
    sort_keys.push_back(&key);
    views.push_back(row.row);
  }
  last_peer.resize(views.size());
  for (size_t i = views.size(); i-- > 0;) {
    const bool is_last = i + 1 == views.size() || *sort_keys[i + 1] != *sort_keys[i];
    last_peer[i] = is_last || rows_ ? static_cast<int32_t>(i) : last_peer[i + 1];
  }
  ASSIGN_OR_RETURN(const ColumnVector columns, Results(views, last_peer));
  return results_codec_->Encode(columns, static_cast<int64_t>(views.size()), results);
}

Result<ColumnVector> UpdatingOverOperator::Results(const std::vector<std::string_view>& rows,
                                                   const std::vector<int32_t>& last_peer) const {
  ASSIGN_OR_RETURN(const ColumnVector all, row_codec_->Decode(rows));
  ColumnVector args, running, results;
  for (const int column : functions_.args) args.push_back(all[static_cast<size_t>(column)]);
  if (!functions_.aggregates.empty()) {
    // Accumulators of one pass: nothing of them is kept.
    const size_t words = aggregates_->value_bytes() / sizeof(std::max_align_t) + 1;
    std::vector<std::max_align_t> memory(words);
    std::byte* block = reinterpret_cast<std::byte*>(memory.data());
    aggregates_->Init(block);
    const std::vector<uint32_t> groups(rows.size(), 0);
    Result<ColumnVector> made =
        aggregates_->Running({.columns = &args,
                              .row_count = static_cast<int64_t>(rows.size()),
                              .blocks = &block,
                              .group_of_row = groups.data()});
    aggregates_->Destroy(block);
    ASSIGN_OR_RETURN(running, std::move(made));
  }
  for (const OverFunctions::Function& function : functions_.functions) {
    if (function.kind == Kind::kAggregate) {
      ASSIGN_OR_RETURN(auto column, TakeRows(running[function.aggregate], last_peer));
      results.push_back(std::move(column));
      continue;
    }
    if (function.kind == Kind::kLag) {
      ASSIGN_OR_RETURN(auto column, LagColumn(function, args, last_peer));
      results.push_back(std::move(column));
      continue;
    }
    arrow::Int64Builder builder;
    for (const int32_t last : last_peer) RETURN_IF_ERROR(builder.Append(last + int64_t{1}));
    ASSIGN_OR_RETURN(auto column, builder.Finish());
    results.push_back(std::move(column));
  }
  return results;
}

Result<std::shared_ptr<arrow::Array>> UpdatingOverOperator::LagColumn(
    const OverFunctions::Function& function, const ColumnVector& args,
    const std::vector<int32_t>& last_peer) const {
  const std::shared_ptr<arrow::Array>& values = args[static_cast<size_t>(function.value)];
  const auto row_count = static_cast<int32_t>(last_peer.size());
  std::vector<int32_t> from;
  for (int32_t row = 0; row < row_count; ++row) {
    const int64_t back = last_peer[static_cast<size_t>(row)] - function.offset;
    const int32_t fallback = function.fallback >= 0 ? row_count + row : -1;
    from.push_back(back >= 0 ? static_cast<int32_t>(back) : fallback);
  }
  const auto rest =
      function.fallback >= 0 ? args[static_cast<size_t>(function.fallback)] : values->Slice(0, 0);
  ASSIGN_OR_RETURN(ColumnVector picked, PickFrom({values}, {rest}, from));
  return picked[0];
}

Result<ChangelogBatch> UpdatingOverOperator::TakeSent() {
  std::vector<std::string_view> rows, results;
  ChangelogBatch out;
  for (const Sent& sent : sent_) {
    rows.push_back(sent.row);
    results.push_back(sent.results);
    out.kinds.push_back(sent.kind);
  }
  ASSIGN_OR_RETURN(ColumnVector columns, row_codec_->Decode(rows));
  ASSIGN_OR_RETURN(ColumnVector own, results_codec_->Decode(results));
  std::move(own.begin(), own.end(), std::back_inserter(columns));
  out.rows = arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(rows.size()),
                                      std::move(columns));
  sent_.clear();
  return out;
}

void UpdatingOverOperator::FinishEntries() {
  table_->KeepOnce(&entries_);
  for (StateEntry* entry : entries_) {
    table_->MarkDirty(entry);
    if (RankRowsCodec::Of(entry).rows.empty()) table_->Delete(entry);
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
