#include "process/operator/interval_join.h"

#include <limits>

#include <arrow/api.h>

#include "process/operator/calc.h"
#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"
#include "process/time/window_assigner.h"

namespace mainstem::process {
namespace {

// Shorter spans would make a namespace of almost every row.
constexpr int64_t kSpanMinMs = 1000;

// Times near the ends of the scale stay there.
int64_t Plus(int64_t time_ms, int64_t shift_ms) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(time_ms, shift_ms, &sum)) return sum;
  return shift_ms > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

}  // namespace

IntervalJoinOperator::IntervalJoinOperator(const plan::JoinNode& node)
    : node_(node), span_ms_(std::max(node.upper_ms - node.lower_ms, kSpanMinMs)) {
  using plan::JoinType;
  sides_[0] = {
      node.left_keys, node.left_time, node.type == JoinType::kLeft || node.type == JoinType::kFull,
      node.lower_ms,  node.upper_ms,  nullptr,
      nullptr};
  sides_[1] = {node.right_keys,
               node.right_time,
               node.type == JoinType::kRight || node.type == JoinType::kFull,
               -node.upper_ms,
               -node.lower_ms,
               nullptr,
               nullptr};
}

int64_t IntervalJoinOperator::SpanOf(int64_t time_ms) const {
  const int64_t whole = time_ms / span_ms_;
  return time_ms % span_ms_ < 0 ? whole - 1 : whole;
}

Task<> IntervalJoinOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  CO_RETURN_IF_ERROR(pairs_.Open(node_, eval_));
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(node_.inputs[0]->columns, node_.left_keys)));
  for (size_t input = 0; input < 2; ++input) {
    Side& side = sides_[input];
    CO_ASSIGN_OR_RETURN(side.row_codec, MakeRowCodec(TypesOf(node_.inputs[input]->columns)));
    StateTable::Options table = context->TableOptions(
        static_cast<int>(input),
        input == 0 ? "left side of an interval join" : "right side of an interval join");
    table.indexed_by_namespace = true;
    side.table = std::make_unique<StateTable>(std::move(table), &rows_codec_, context->backend,
                                              &context->env->blocking_pool());
    CO_RETURN_IF_ERROR(co_await side.table->Restore());
  }
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  co_return Status::OK();
}

Task<> IntervalJoinOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  Probe probe;
  probe.input = static_cast<size_t>(input);
  probe.batch = &batch;
  CO_RETURN_IF_ERROR(co_await FindEntries(&probe));
  SetEvalTime(context_->env, &eval_);
  for (size_t row = 0; row < probe.times.size();) {
    ChangelogBatch joined;
    CO_ASSIGN_OR_RETURN(row, JoinFrom(&probe, row, &joined));
    if (joined.rows == nullptr) continue;
    CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(joined))));
  }
  const std::vector<int32_t> lonely = KeepRows(&probe);
  CO_RETURN_IF_ERROR(co_await SendPadded(probe.input, batch.rows->columns(), lonely, out));
  for (Side& side : sides_) side.table->Evict();
  UpdateMetrics();
  co_return Status::OK();
}

Task<> IntervalJoinOperator::FindEntries(Probe* probe) {
  Side& own = sides_[probe->input];
  StateTable* other = sides_[1 - probe->input].table.get();
  const arrow::RecordBatch& rows = *probe->batch->rows;
  const int64_t row_count = rows.num_rows();
  CO_RETURN_IF_ERROR(TimesOf(*rows.column(own.time_column), &probe->times));
  const ColumnVector key_columns = ColumnsOf(rows, own.keys);
  probe->has_null = RowsWithNull(key_columns, row_count);
  EncodedRows keys;
  CO_RETURN_IF_ERROR(key_codec_->Encode(key_columns, row_count, &keys));
  keys.ComputeHashes();
  CO_RETURN_IF_ERROR(own.row_codec->Encode(rows.columns(), row_count, &probe->rows));
  std::vector<int64_t> first, last, own_spans;
  for (const int64_t time : probe->times) {
    first.push_back(SpanOf(Plus(time, own.from_ms)));
    last.push_back(SpanOf(Plus(time, own.to_ms)));
    own_spans.push_back(SpanOf(time));
  }
  CO_RETURN_IF_ERROR(co_await other->Lookup(keys, first, &probe->partners[0]));
  CO_RETURN_IF_ERROR(co_await other->Lookup(keys, last, &probe->partners[1]));
  for (size_t row = 0; row < first.size(); ++row) {
    if (first[row] == last[row]) probe->partners[1][row] = nullptr;
  }
  CO_RETURN_IF_ERROR(co_await own.table->Resolve(keys, own_spans, &probe->own));
  probe->matches.assign(probe->times.size(), 0);
  co_return Status::OK();
}

Result<size_t> IntervalJoinOperator::JoinFrom(Probe* probe, size_t begin, ChangelogBatch* joined) {
  Side& other_side = sides_[1 - probe->input];
  std::vector<JoinRow*> others;
  std::vector<StateEntry*> entry_of_other;
  std::vector<JoinPair> pairs;
  const uint32_t stamp = other_side.table->NextBatchStamp();
  const bool own_is_left = probe->input == 0;
  size_t row = begin;
  for (; row < probe->times.size() && pairs.size() < JoinPairs::kAtOnce; ++row) {
    if (probe->has_null[row] != 0) continue;
    for (const auto& partners : probe->partners) {
      StateEntry* entry = partners[row];
      if (entry == nullptr) continue;
      std::vector<JoinRow>& rows = JoinRowsCodec::RowsOf(entry).rows();
      if (entry->batch_stamp != stamp) {
        entry->batch_stamp = stamp;
        entry->batch_group = static_cast<uint32_t>(others.size());
        for (JoinRow& other : rows) others.push_back(&other);
        entry_of_other.resize(others.size(), entry);
      }
      for (size_t i = 0; i < rows.size(); ++i) {
        const auto own = static_cast<int32_t>(row);
        const auto other = static_cast<int32_t>(entry->batch_group + i);
        pairs.push_back(own_is_left ? JoinPair{own, other} : JoinPair{other, own});
      }
    }
  }
  if (pairs.empty()) return row;
  std::vector<std::string_view> views;
  for (const JoinRow* other : others) views.push_back(other->view());
  ASSIGN_OR_RETURN(const ColumnVector other_columns, other_side.row_codec->Decode(views));
  const ColumnVector& own_columns = probe->batch->rows->columns();
  const ColumnVector& left = own_is_left ? own_columns : other_columns;
  const ColumnVector& right = own_is_left ? other_columns : own_columns;
  RETURN_IF_ERROR(pairs_.Filter(left, right, eval_, &pairs));
  std::vector<JoinPair> sent;
  for (const JoinPair& pair : pairs) {
    const auto own = static_cast<size_t>(own_is_left ? pair.left : pair.right);
    const auto at = static_cast<size_t>(own_is_left ? pair.right : pair.left);
    probe->matches[own] += others[at]->copies;
    sent.insert(sent.end(), static_cast<size_t>(others[at]->copies), pair);
    if (!other_side.is_outer || others[at]->matches >= others[at]->copies) continue;
    others[at]->AddMatches(others[at]->copies - others[at]->matches);
    other_side.table->MarkDirty(entry_of_other[at]);
  }
  if (!sent.empty()) {
    ASSIGN_OR_RETURN(*joined, pairs_.MakeBatch(left, right, sent));
  }
  return row;
}

std::vector<int32_t> IntervalJoinOperator::KeepRows(Probe* probe) {
  Side& own = sides_[probe->input];
  std::vector<int32_t> lonely;
  for (size_t row = 0; row < probe->times.size(); ++row) {
    const bool may_match =
        probe->has_null[row] == 0 && Plus(probe->times[row], own.to_ms) > watermark_ms_;
    if (may_match) {
      const int32_t matches = probe->matches[row] > 0 ? 1 : 0;
      JoinRowsCodec::RowsOf(probe->own[row]).AddCopy(probe->rows.row(row), matches);
      own.table->MarkDirty(probe->own[row]);
    } else if (own.is_outer && probe->matches[row] == 0) {
      lonely.push_back(static_cast<int32_t>(row));
    }
  }
  own.table->DeleteUnkept(&probe->own);
  return lonely;
}

Task<> IntervalJoinOperator::SendPadded(size_t input, const ColumnVector& columns,
                                        const std::vector<int32_t>& rows, Output* out) {
  if (rows.empty()) co_return Status::OK();
  std::vector<JoinPair> pairs;
  for (const int32_t row : rows) {
    pairs.push_back(input == 0 ? JoinPair{row, -1} : JoinPair{-1, row});
  }
  CO_ASSIGN_OR_RETURN(const ColumnVector nothing, sides_[1 - input].row_codec->Decode({}));
  CO_ASSIGN_OR_RETURN(
      ChangelogBatch batch,
      pairs_.MakeBatch(input == 0 ? columns : nothing, input == 0 ? nothing : columns, pairs));
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

Task<> IntervalJoinOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  CO_RETURN_IF_ERROR(co_await Expire(0, out));
  CO_RETURN_IF_ERROR(co_await Expire(1, out));
  UpdateMetrics();
  co_return Status::OK();
}

// Spans whose last time has no partner to come.
Task<> IntervalJoinOperator::Expire(size_t input, Output* out) {
  Side& side = sides_[input];
  const int64_t passed =
      watermark_ms_ == kEndOfTime ? kEndOfTime : Plus(watermark_ms_, -side.to_ms);
  const int64_t last = passed == kEndOfTime ? kEndOfTime : SpanOf(Plus(passed, 1)) - 1;
  std::vector<StateEntry*> entries;
  for (const int64_t span : side.table->NamespacesUpTo(last)) {
    CO_RETURN_IF_ERROR(co_await side.table->ResolveNamespace(span, &entries));
    std::vector<std::string_view> lonely;
    std::vector<int32_t> rows;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (side.is_outer) {
        for (const JoinRow& row : JoinRowsCodec::RowsOf(entries[i]).rows()) {
          if (row.matches >= row.copies) continue;
          rows.insert(rows.end(), static_cast<size_t>(row.copies - row.matches),
                      static_cast<int32_t>(lonely.size()));
          lonely.push_back(row.view());
        }
      }
      if (lonely.size() < kRowsPerOutput && i + 1 < entries.size()) continue;
      CO_ASSIGN_OR_RETURN(const ColumnVector columns, side.row_codec->Decode(lonely));
      CO_RETURN_IF_ERROR(co_await SendPadded(input, columns, rows, out));
      lonely.clear();
      rows.clear();
    }
    for (StateEntry* entry : entries) side.table->Delete(entry);
  }
  co_return Status::OK();
}

int64_t IntervalJoinOperator::HeldBack(int64_t watermark_ms) const {
  if (watermark_ms == kEndOfTime || watermark_ms == kNoWatermark) return watermark_ms;
  const bool pads = sides_[0].is_outer || sides_[1].is_outer;
  const int64_t delay =
      std::max({int64_t{0}, node_.upper_ms, -node_.lower_ms}) + (pads ? 2 * span_ms_ : 0);
  return Plus(watermark_ms, -delay);
}

void IntervalJoinOperator::UpdateMetrics() {
  size_t entries = 0, bytes = 0;
  for (const Side& side : sides_) {
    entries += side.table->entry_count();
    bytes += side.table->memory_bytes();
  }
  context_->metrics->state_entries = static_cast<int64_t>(entries);
  context_->metrics->state_bytes = static_cast<int64_t>(bytes);
}

Result<OperatorSnapshot> IntervalJoinOperator::Snapshot() {
  OperatorSnapshot snapshot;
  for (Side& side : sides_) {
    snapshot.Add(side.table.get());
  }
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

}  // namespace mainstem::process
