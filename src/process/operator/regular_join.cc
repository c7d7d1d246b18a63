#include "process/operator/regular_join.h"

#include <arrow/api.h>

#include "process/operator/calc.h"
#include "process/operator/exchange.h"
#include "process/operator/row_columns.h"
#include "process/operator/work_slice.h"
#include "process/types/arrow_mapping.h"

namespace mainstem::process {
namespace {

using plan::JoinType;

}  // namespace

Task<> RegularJoinOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  const JoinType type = node_.type;
  output_schema_ = ToArrowSchema(node_.columns);
  CO_RETURN_IF_ERROR(checker_.Open(node_, eval_));
  side(0).keys = node_.left_keys;
  side(1).keys = node_.right_keys;
  side(0).is_outer = is_semi() || type == JoinType::kLeft || type == JoinType::kFull;
  side(1).is_outer = type == JoinType::kRight || type == JoinType::kFull;
  for (int input = 0; input < 2; ++input) {
    const plan::Columns& columns = node_.inputs[static_cast<size_t>(input)]->columns;
    CO_ASSIGN_OR_RETURN(side(input).key_codec, MakeRowCodec(TypesOf(columns, side(input).keys)));
    CO_ASSIGN_OR_RETURN(side(input).row_codec, MakeRowCodec(TypesOf(columns)));
    StateTable::Options table =
        context->TableOptions(input, input == 0 ? "left side of a join" : "right side of a join");
    table.ttl_ms = node_.state_ttl_ms[static_cast<size_t>(input)];
    side(input).table = std::make_unique<StateTable>(
        std::move(table), &rows_codec_, context->backend, &context->env->blocking_pool());
    CO_RETURN_IF_ERROR(co_await side(input).table->Restore());
  }
  co_return Status::OK();
}

Task<> RegularJoinOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  Probe probe;
  probe.input = input;
  probe.batch = &batch;
  probe.own = &side(input);
  probe.other = &side(1 - input);
  CO_RETURN_IF_ERROR(co_await FindEntries(&probe));
  SetEvalTime(context_->env, &eval_);
  for (size_t row = 0; row < probe.row_count;) {
    const size_t begin = row;
    GatherPairs(probe, &row);
    CO_RETURN_IF_ERROR(DecodeOthers(probe));
    CO_RETURN_IF_ERROR(CheckPairs(probe));
    Apply(probe, begin, row);
    if (IsSliceOver(*context_)) CO_RETURN_IF_ERROR(co_await context_->slice->Rest());
    if (sent_.empty()) continue;
    CO_ASSIGN_OR_RETURN(ChangelogBatch output, TakeSent(probe));
    CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(output))));
  }
  FinishEntries(&probe);
  co_return Status::OK();
}

Task<> RegularJoinOperator::FindEntries(Probe* probe) {
  const arrow::RecordBatch& rows = *probe->batch->rows;
  probe->row_count = static_cast<size_t>(rows.num_rows());
  probe->keeps_rows = !probe->other->has_ended;
  const ColumnVector key_columns = ColumnsOf(rows, probe->own->keys);
  probe->key_has_null = RowsWithNull(key_columns, rows.num_rows());
  EncodedRows keys;
  CO_RETURN_IF_ERROR(probe->own->key_codec->Encode(key_columns, rows.num_rows(), &keys));
  keys.ComputeHashes();
  if (probe->keeps_rows) {
    CO_RETURN_IF_ERROR(co_await probe->own->table->Resolve(keys, {}, &probe->own_entries));
  }
  CO_RETURN_IF_ERROR(co_await probe->other->table->Lookup(keys, {}, &probe->other_entries));
  ForgetOldRows(probe);
  if (!probe->keeps_rows) co_return Status::OK();
  co_return probe->own->row_codec->Encode(rows.columns(), rows.num_rows(), &probe->rows);
}

// No row that is over meets one of the batch. Of their own side such rows may stay a while: each
// that comes would else cost a look at all of its key.
void RegularJoinOperator::ForgetOldRows(Probe* probe) {
  const auto input = static_cast<size_t>(probe->input);
  const int64_t now_ms = context_->env->WallTime().value();
  probe->own_life = RowLife::Of(node_.state_ttl_ms[input], now_ms);
  probe->other_life = RowLife::Of(node_.state_ttl_ms[1 - input], now_ms);
  if (probe->other_life.ttl > 0) {
    for (StateEntry* entry : probe->other_entries) {
      if (entry == nullptr || !JoinRowsCodec::RowsOf(entry).ForgetOld(probe->other_life)) continue;
      probe->other->table->MarkDirty(entry);
      if (JoinRowsCodec::RowsOf(entry).empty()) probe->emptied.push_back(entry);
    }
  }
  if (probe->own_life.ttl == 0) return;
  for (StateEntry* entry : probe->own_entries) {
    JoinRows& rows = JoinRowsCodec::RowsOf(entry);
    if (!rows.ForgetOld(probe->own_life, probe->own_life.ttl / 8)) continue;
    probe->own->table->MarkDirty(entry);
  }
}

void RegularJoinOperator::GatherPairs(const Probe& probe, size_t* row) {
  others_.clear();
  pairs_.clear();
  const uint32_t stamp = probe.other->table->NextBatchStamp();
  for (; *row < probe.row_count && pairs_.size() < JoinPairs::kAtOnce; ++*row) {
    StateEntry* entry = probe.other_entries[*row];
    if (entry == nullptr || probe.key_has_null[*row] != 0) continue;
    std::vector<JoinRow>& rows = JoinRowsCodec::RowsOf(entry).rows();
    if (entry->batch_stamp != stamp) {
      entry->batch_stamp = stamp;
      entry->batch_group = static_cast<uint32_t>(others_.size());
      for (JoinRow& other : rows) others_.push_back(&other);
    }
    const auto first = static_cast<int32_t>(entry->batch_group);
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto own = static_cast<int32_t>(*row);
      const int32_t other = first + static_cast<int32_t>(i);
      pairs_.push_back(probe.input == 0 ? JoinPair{own, other} : JoinPair{other, own});
    }
  }
}

Status RegularJoinOperator::DecodeOthers(const Probe& probe) {
  // SEMI and ANTI joins send left rows only: decoded when the batch is of the right side, or when
  // a condition asks.
  if (is_semi() && probe.input == 0 && node_.conditions.empty()) return Status::OK();
  std::vector<std::string_view> views;
  views.reserve(others_.size());
  for (const JoinRow* other : others_) views.push_back(other->view());
  ASSIGN_OR_RETURN(other_columns_, probe.other->row_codec->Decode(views));
  return Status::OK();
}

Status RegularJoinOperator::CheckPairs(const Probe& probe) {
  const ColumnVector& own_columns = probe.batch->rows->columns();
  return probe.input == 0 ? checker_.Filter(own_columns, other_columns_, eval_, &pairs_)
                          : checker_.Filter(other_columns_, own_columns, eval_, &pairs_);
}

void RegularJoinOperator::Apply(const Probe& probe, size_t begin, size_t end) {
  size_t at = 0;
  for (size_t row = begin; row < end; ++row) {
    const size_t first = at;
    while (at < pairs_.size() && RowOf(probe, pairs_[at]) == static_cast<int32_t>(row)) ++at;
    const std::span<const JoinPair> pairs(pairs_.data() + first, at - first);
    if (is_semi()) {
      ApplySemi(probe, row, pairs);
    } else {
      ApplyRow(probe, row, pairs);
    }
  }
}

int32_t RegularJoinOperator::CountMatches(const Probe& probe,
                                          std::span<const JoinPair> pairs) const {
  int32_t count = 0;
  for (const JoinPair& pair : pairs)
    count += others_[static_cast<size_t>(OtherOf(probe, pair))]->copies;
  return count;
}

void RegularJoinOperator::ChangeMatches(const Probe& probe, StateEntry* entry,
                                        std::span<const JoinPair> pairs, int32_t change) {
  if (pairs.empty()) return;
  for (const JoinPair& pair : pairs)
    others_[static_cast<size_t>(OtherOf(probe, pair))]->AddMatches(change, probe.other_life.now);
  probe.other->table->MarkDirty(entry);
}

void RegularJoinOperator::KeepRow(const Probe& probe, size_t row, int32_t matches) {
  // A row whose key holds NULL meets nobody.
  if (!probe.keeps_rows || probe.key_has_null[row] != 0) return;
  StateEntry* entry = probe.own_entries[row];
  const bool adds = probe.batch->kinds.empty() || SignOf(probe.batch->kinds[row]) > 0;
  if (adds) {
    JoinRowsCodec::RowsOf(entry).Add(probe.rows.row(row), matches, probe.own_life);
  } else if (!JoinRowsCodec::RowsOf(entry).Remove(probe.rows.row(row), probe.own_life)) {
    return;
  }
  probe.own->table->MarkDirty(entry);
}

void RegularJoinOperator::ApplyRow(const Probe& probe, size_t row,
                                   std::span<const JoinPair> pairs) {
  const RowKind kind = probe.batch->kinds.empty() ? RowKind::kInsert : probe.batch->kinds[row];
  const bool adds = SignOf(kind) > 0;
  const auto own = static_cast<int32_t>(row);
  KeepRow(probe, row, CountMatches(probe, pairs));
  if (pairs.empty()) {
    if (!probe.own->is_outer) return;
    sent_.push_back({adds ? RowKind::kInsert : RowKind::kDelete, own, -1});
    return;
  }
  const bool pads = probe.own->is_outer || probe.other->is_outer;
  const auto send_padded = [&](RowKind padded_kind, int32_t matches_then) {
    for (const JoinPair& pair : pairs) {
      const JoinRow& other = *others_[static_cast<size_t>(OtherOf(probe, pair))];
      if (other.matches != matches_then) continue;
      for (int32_t i = 0; i < other.copies; ++i)
        sent_.push_back({padded_kind, -1, OtherOf(probe, pair)});
    }
  };
  if (probe.other->is_outer && adds) {
    send_padded(RowKind::kDelete, 0);
    ChangeMatches(probe, probe.other_entries[row], pairs, 1);
  }
  // A retraction's kind stays where its own side is never padded.
  RowKind sent_kind = kind;
  if (adds && pads) sent_kind = RowKind::kInsert;
  if (!adds && probe.own->is_outer) sent_kind = RowKind::kDelete;
  for (const JoinPair& pair : pairs) {
    const int32_t copies = others_[static_cast<size_t>(OtherOf(probe, pair))]->copies;
    for (int32_t i = 0; i < copies; ++i) sent_.push_back({sent_kind, own, OtherOf(probe, pair)});
  }
  if (probe.other->is_outer && !adds) {
    send_padded(RowKind::kInsert, 1);
    ChangeMatches(probe, probe.other_entries[row], pairs, -1);
  }
}

void RegularJoinOperator::ApplySemi(const Probe& probe, size_t row,
                                    std::span<const JoinPair> pairs) {
  const RowKind kind = probe.batch->kinds.empty() ? RowKind::kInsert : probe.batch->kinds[row];
  const bool adds = SignOf(kind) > 0;
  const bool anti = node_.type == JoinType::kAnti;
  KeepRow(probe, row, CountMatches(probe, pairs));
  if (probe.input == 0) {
    if (pairs.empty() == anti) sent_.push_back({kind, static_cast<int32_t>(row), -1});
    return;
  }
  // The first match of a left row lets it in (SEMI) or throws it out (ANTI); the last one's going
  // undoes that.
  const int32_t turning = adds ? 0 : 1;
  for (const JoinPair& pair : pairs) {
    const JoinRow& left = *others_[static_cast<size_t>(OtherOf(probe, pair))];
    if (left.matches != turning) continue;
    RowKind sent_kind = kind;
    if (anti) sent_kind = adds ? RowKind::kDelete : RowKind::kInsert;
    for (int32_t i = 0; i < left.copies; ++i)
      sent_.push_back({sent_kind, -1, OtherOf(probe, pair)});
  }
  ChangeMatches(probe, probe.other_entries[row], pairs, adds ? 1 : -1);
}

Result<ChangelogBatch> RegularJoinOperator::TakeSent(const Probe& probe) {
  std::vector<int32_t> rows, others;
  rows.reserve(sent_.size());
  others.reserve(sent_.size());
  ChangelogBatch out;
  bool only_inserts = true;
  for (const Sent& sent : sent_) {
    rows.push_back(sent.row);
    others.push_back(sent.other);
    only_inserts &= sent.kind == RowKind::kInsert;
  }
  if (!only_inserts) {
    out.kinds.reserve(sent_.size());
    for (const Sent& sent : sent_) out.kinds.push_back(sent.kind);
  }
  ColumnVector columns;
  if (is_semi() && probe.input == 1) {
    ASSIGN_OR_RETURN(columns, PickRows(other_columns_, others));
  } else {
    ASSIGN_OR_RETURN(columns, PickRows(probe.batch->rows->columns(), rows));
    if (!is_semi()) {
      ASSIGN_OR_RETURN(ColumnVector rest, PickRows(other_columns_, others));
      if (probe.input == 1) columns.swap(rest);
      std::move(rest.begin(), rest.end(), std::back_inserter(columns));
    }
  }
  out.rows = arrow::RecordBatch::Make(output_schema_, static_cast<int64_t>(sent_.size()),
                                      std::move(columns));
  sent_.clear();
  return out;
}

void RegularJoinOperator::FinishEntries(Probe* probe) {
  probe->own->table->KeepOnce(&probe->own_entries);
  for (StateEntry* entry : probe->own_entries) {
    if (JoinRowsCodec::RowsOf(entry).empty()) probe->own->table->Delete(entry);
  }
  for (StateEntry* entry : probe->emptied) probe->other->table->Delete(entry);
  probe->own->table->Evict();
  probe->other->table->Evict();
  context_->metrics->state_entries =
      static_cast<int64_t>(side(0).table->entry_count() + side(1).table->entry_count());
  context_->metrics->state_bytes =
      static_cast<int64_t>(side(0).table->memory_bytes() + side(1).table->memory_bytes());
}

Result<OperatorSnapshot> RegularJoinOperator::Snapshot() {
  OperatorSnapshot snapshot;
  for (Side& side : sides_) {
    snapshot.Add(side.table.get());
  }
  return snapshot;
}

}  // namespace mainstem::process
