#include "process/operator/conflict_check.h"

#include <algorithm>
#include <numeric>

#include <arrow/api.h>
#include <fmt/format.h>

#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

std::shared_ptr<arrow::Int64Array> Int64ArrayOf(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return std::make_shared<arrow::Int64Array>(count, arrow::Buffer::FromVector(std::move(values)));
}

}  // namespace

// The highest: no row comes with an earlier stamp than those that wait, whichever subtask it was.
Task<> StampWatermarkOperator::Open(const OperatorContext* context) {
  for (const std::string& blob : context->restored_blobs) {
    const int64_t before = LowestWatermark({blob});  // none after the end of time
    watermark_ms_ = std::max(watermark_ms_, before);
  }
  co_return Status::OK();
}

Task<> StampWatermarkOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t count = batch.rows->num_rows();
  ColumnVector columns = batch.rows->columns();
  columns.push_back(Int64ArrayOf(std::vector<int64_t>(static_cast<size_t>(count), watermark_ms_)));
  batch.rows = arrow::RecordBatch::Make(output_schema_, count, std::move(columns));
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

Task<> StampWatermarkOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = std::max(watermark_ms_, watermark_ms);
  co_return Status::OK();
}

Result<OperatorSnapshot> StampWatermarkOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

Task<> ConflictCheckOperator::Open(const OperatorContext* context) {
  context_ = context;
  schema_ = ToArrowSchema(options_.columns);
  identity_ = options_.upsert_key;
  if (identity_.empty()) {
    identity_.resize(options_.columns.size());
    std::iota(identity_.begin(), identity_.end(), 0);
  }
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(options_.columns, options_.primary_key)));
  CO_ASSIGN_OR_RETURN(identity_codec_, MakeRowCodec(TypesOf(options_.columns, identity_)));
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(options_.columns)));
  buffer_ = std::make_unique<EventTimeBuffer>(context, 0);
  plan::Columns waiting = options_.columns;
  waiting.emplace_back("$kind", LogicalType::TinyInt().NotNull());
  CO_RETURN_IF_ERROR(co_await buffer_->Restore(waiting));
  StateTable::Options table = context->TableOptions(1, "rows of an upsert sink");
  table.ttl_ms = options_.state_ttl_ms;
  shown_ = std::make_unique<StateTable>(std::move(table), &list_codec_, context->backend,
                                        &context->env->blocking_pool());
  co_return co_await shown_->Restore();
}

Task<> ConflictCheckOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  const int64_t row_count = batch.rows->num_rows();
  EncodedRows keys;
  CO_RETURN_IF_ERROR(
      key_codec_->Encode(ColumnsOf(*batch.rows, options_.primary_key), row_count, &keys));
  keys.ComputeHashes();
  ColumnVector columns = batch.rows->columns();
  const auto& stamps = static_cast<const arrow::Int64Array&>(*columns.back());
  std::vector<int64_t> times(stamps.raw_values(), stamps.raw_values() + row_count);
  std::vector<int8_t> kinds(static_cast<size_t>(row_count));
  for (size_t row = 0; row < kinds.size(); ++row) {
    kinds[row] = static_cast<int8_t>(batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row]);
  }
  columns.back() =
      std::make_shared<arrow::Int8Array>(row_count, arrow::Buffer::FromVector(std::move(kinds)));
  const auto waiting = arrow::RecordBatch::Make(
      arrow::schema(arrow::FieldVector(columns.size(), arrow::field("", arrow::null()))), row_count,
      std::move(columns));
  CO_RETURN_IF_ERROR(co_await buffer_->Add(*waiting, keys, times));
  context_->metrics->state_entries =
      static_cast<int64_t>(buffer_->entry_count() + shown_->entry_count());
  context_->metrics->state_bytes =
      static_cast<int64_t>(buffer_->memory_bytes() + shown_->memory_bytes());
  co_return Status::OK();
}

Task<> ConflictCheckOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  for (;;) {
    ColumnVector rows;
    std::vector<int64_t> times_ms;
    CO_RETURN_IF_ERROR(co_await buffer_->Take(watermark_ms, &rows, &times_ms));
    if (times_ms.empty()) break;
    CO_RETURN_IF_ERROR(co_await Fold(rows, times_ms));
  }
  if (left_.empty()) co_return Status::OK();
  CO_RETURN_IF_ERROR(co_await Settle());
  left_.clear();
  if (sent_.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch changes, sent_.Take(*row_codec_, schema_));
  co_return co_await out->Emit(Element::Batch(std::move(changes)));
}

// Rows that came behind the end of time.
Task<> ConflictCheckOperator::Finish(Output* out) { return OnWatermark(kEndOfTime, out); }

Task<> ConflictCheckOperator::Fold(const ColumnVector& rows, const std::vector<int64_t>& times_ms) {
  const auto row_count = static_cast<int64_t>(times_ms.size());
  const auto& kinds = static_cast<const arrow::Int8Array&>(*rows.back());
  const ColumnVector columns(rows.begin(), rows.end() - 1);
  const auto batch = arrow::RecordBatch::Make(schema_, row_count, columns);
  EncodedRows keys, identities, encoded;
  CO_RETURN_IF_ERROR(key_codec_->Encode(ColumnsOf(*batch, options_.primary_key), row_count, &keys));
  CO_RETURN_IF_ERROR(identity_codec_->Encode(ColumnsOf(*batch, identity_), row_count, &identities));
  CO_RETURN_IF_ERROR(row_codec_->Encode(columns, row_count, &encoded));
  keys.ComputeHashes();
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await shown_->Lookup(keys, {}, &entries));
  // An update whose halves came behind one watermark is no conflict, in whatever order they came.
  const size_t count = times_ms.size();
  std::vector<bool> gone(count);
  std::map<std::pair<std::string_view, int64_t>, std::vector<size_t>> open;
  for (size_t row = 0; row < count; ++row) {
    std::vector<size_t>& same = open[{encoded.row(row), times_ms[row]}];
    const bool adds = Adds(kinds.Value(static_cast<int64_t>(row)));
    const auto other = std::find_if(same.begin(), same.end(), [&](size_t before) {
      return Adds(kinds.Value(static_cast<int64_t>(before))) != adds;
    });
    if (other == same.end()) {
      same.push_back(row);
    } else {
      gone[row] = gone[*other] = true;
      same.erase(other);
    }
  }
  for (size_t row = 0; row < count; ++row) {
    auto found = left_.find(keys.row(row));
    if (found == left_.end()) {
      found = left_.try_emplace(std::string(keys.row(row))).first;
      if (entries[row] != nullptr) {
        std::vector<std::string_view> kept;
        CO_RETURN_IF_ERROR(RowListCodec::Read(entries[row]->value(), &kept));
        if (kept.size() != 2) {
          co_return MakeError(ErrorCode::kCorruptStorage,
                              "a stored row of an upsert sink is damaged");
        }
        found->second.shown = {std::string(kept[0]), std::string(kept[1])};
        found->second.rows.push_back(found->second.shown);
      }
    }
    if (gone[row]) continue;
    Row change{std::string(encoded.row(row)), std::string(identities.row(row))};
    if (Adds(kinds.Value(static_cast<int64_t>(row)))) {
      if (options_.upsert_key.empty()) {
        found->second.rows.push_back(std::move(change));
      } else {
        Add(std::move(change), &found->second.rows);
      }
    } else {
      TakeBack(change, &found->second.rows);
    }
  }
  co_return Status::OK();
}

void ConflictCheckOperator::Add(Row row, std::vector<Row>* rows) {
  const auto same = std::find_if(rows->begin(), rows->end(),
                                 [&](const Row& have) { return have.identity == row.identity; });
  if (same == rows->end()) {
    rows->push_back(std::move(row));
  } else {
    *same = std::move(row);
  }
}

// What was never added can't be taken back.
void ConflictCheckOperator::TakeBack(const Row& row, std::vector<Row>* rows) {
  const auto same = std::find_if(rows->begin(), rows->end(),
                                 [&](const Row& have) { return have.identity == row.identity; });
  if (same != rows->end()) rows->erase(same);
}

Task<> ConflictCheckOperator::Settle() {
  EncodedRows keys;
  for (const auto& [key, left] : left_) keys.Append(key);
  keys.ComputeHashes();
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await shown_->Resolve(keys, {}, &entries));
  size_t at = 0;
  for (auto& [key, left] : left_) {
    StateEntry* const entry = entries[at++];
    const bool was_shown = !left.shown.bytes.empty();
    if (left.rows.size() > 1) {
      if (options_.fail) co_return Violation(left.rows.front());
      if (was_shown) left.rows = {left.shown};
    }
    if (left.rows.empty()) {
      if (was_shown) sent_.Add(RowKind::kDelete, left.shown.bytes);
      shown_->Delete(entry);
      continue;
    }
    const Row& first = left.rows.front();
    if (!was_shown) {
      sent_.Add(RowKind::kInsert, first.bytes);
    } else if (first.bytes != left.shown.bytes) {
      sent_.Add(RowKind::kUpdateAfter, first.bytes);
    }
    RowListCodec::Clear(entry->value());
    RowListCodec::Append(entry->value(), first.bytes);
    RowListCodec::Append(entry->value(), first.identity);
    shown_->MarkDirty(entry);
  }
  shown_->Evict();
  co_return Status::OK();
}

Status ConflictCheckOperator::Violation(const Row& row) const {
  const std::vector<std::string_view> rows = {row.bytes};
  ASSIGN_OR_RETURN(const ColumnVector columns, row_codec_->Decode(rows));
  std::string key;
  for (const int index : options_.primary_key) {
    const auto column = static_cast<size_t>(index);
    ASSIGN_OR_RETURN(const auto value, columns[column]->GetScalar(0));
    key += fmt::format("{}{}={}", key.empty() ? "" : ", ", options_.columns[column].name(),
                       value->ToString());
  }
  return MakeError(
      ErrorCode::kEvaluationError,
      {.message = fmt::format("table '{}': several rows of the query have the PRIMARY KEY [{}]",
                              options_.table_name, key),
       .hint = "ON CONFLICT DO ERROR stops here; DO NOTHING keeps the first of them, DO "
               "DEDUPLICATE the last"});
}

Result<OperatorSnapshot> ConflictCheckOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(buffer_->table());
  snapshot.Add(shown_.get());
  return snapshot;
}

}  // namespace mainstem::process
