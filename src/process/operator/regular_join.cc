#include "process/operator/regular_join.h"

#include <arrow/api.h>

#include "process/expr/take.h"
#include "process/operator/calc.h"
#include "process/operator/exchange.h"

namespace mainstem::process {
namespace {

using plan::JoinType;

// Pairs that are decoded, checked and sent at once; a row's own pairs are never parted.
constexpr size_t kPairsAtOnce = 8192;

Result<std::shared_ptr<arrow::Array>> Pick(const std::shared_ptr<arrow::Array>& column,
                                           const std::vector<int32_t>& rows, TakeNulls nulls) {
  ASSIGN_OR_RETURN(
      auto data, TakeColumn(*column->data(), rows.data(), static_cast<int64_t>(rows.size()), nulls,
                            arrow::default_memory_pool()));
  return arrow::MakeArray(std::move(data));
}

}  // namespace

Task<> RegularJoinOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  const JoinType type = options_.type;
  side(0).is_outer = is_semi() || type == JoinType::kLeft || type == JoinType::kFull;
  side(1).is_outer = type == JoinType::kRight || type == JoinType::kFull;
  for (int input = 0; input < 2; ++input) {
    const RegularJoinOptions::Side& given = options_.sides[static_cast<size_t>(input)];
    std::vector<std::shared_ptr<arrow::DataType>> key_types;
    for (int key : given.keys) key_types.push_back(given.types[static_cast<size_t>(key)]);
    CO_ASSIGN_OR_RETURN(RowCodec key_codec, RowCodec::Make(std::move(key_types)));
    CO_ASSIGN_OR_RETURN(RowCodec row_codec, RowCodec::Make(given.types));
    side(input).key_codec = std::make_unique<RowCodec>(std::move(key_codec));
    side(input).row_codec = std::make_unique<RowCodec>(std::move(row_codec));
    StateTable::Options table;
    table.name = input == 0 ? "left side of a join" : "right side of a join";
    table.table_id = context->table_id(input);
    table.key_groups = context->key_groups();
    table.budget_bytes = context->state_budget_bytes / 2;
    table.ttl_ms = options_.state_ttl_ms;
    table.clock = context->env;
    side(input).table = std::make_unique<StateTable>(
        std::move(table), &rows_codec_, context->backend, &context->env->blocking_pool());
    CO_RETURN_IF_ERROR(co_await side(input).table->Restore());
  }
  for (const ExprPtr& expr : options_.conditions) {
    std::vector<ExprPtr> exprs = {expr};
    Condition condition;
    CollectInputRefs(*expr, &condition.columns);
    CO_ASSIGN_OR_RETURN(condition.program, ExprProgram::Make(std::move(exprs), eval_));
    conditions_.push_back(std::move(condition));
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
  const size_t row_count = probe.own_entries.size();
  for (size_t row = 0; row < row_count;) {
    const size_t begin = row;
    GatherPairs(probe, &row);
    CO_RETURN_IF_ERROR(DecodeOthers(probe));
    CO_RETURN_IF_ERROR(CheckConditions(probe));
    Apply(probe, begin, row);
    if (sent_.empty()) continue;
    CO_ASSIGN_OR_RETURN(ChangelogBatch output, TakeSent(probe));
    CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(output))));
  }
  FinishEntries(&probe);
  co_return Status::OK();
}

Task<> RegularJoinOperator::FindEntries(Probe* probe) {
  const arrow::RecordBatch& rows = *probe->batch->rows;
  ColumnVector key_columns;
  probe->key_has_null.assign(static_cast<size_t>(rows.num_rows()), 0);
  for (int index : options_.sides[static_cast<size_t>(probe->input)].keys) {
    const auto& column = rows.column(index);
    key_columns.push_back(column);
    if (column->null_count() == 0) continue;
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      if (column->IsNull(row)) probe->key_has_null[static_cast<size_t>(row)] = 1;
    }
  }
  EncodedRows keys;
  CO_RETURN_IF_ERROR(probe->own->key_codec->Encode(key_columns, rows.num_rows(), &keys));
  keys.ComputeHashes();
  CO_RETURN_IF_ERROR(co_await probe->own->table->Resolve(keys, {}, &probe->own_entries));
  CO_RETURN_IF_ERROR(co_await probe->other->table->Lookup(keys, {}, &probe->other_entries));
  co_return probe->own->row_codec->Encode(rows.columns(), rows.num_rows(), &probe->rows);
}

void RegularJoinOperator::GatherPairs(const Probe& probe, size_t* row) {
  others_.clear();
  pairs_.clear();
  const uint32_t stamp = probe.other->table->NextBatchStamp();
  for (; *row < probe.own_entries.size() && pairs_.size() < kPairsAtOnce; ++*row) {
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
      pairs_.push_back({static_cast<int32_t>(*row), first + static_cast<int32_t>(i)});
    }
  }
}

Status RegularJoinOperator::DecodeOthers(const Probe& probe) {
  // SEMI and ANTI joins send left rows only: decoded when the batch is of the right side, or when
  // a condition asks.
  if (is_semi() && probe.input == 0 && conditions_.empty()) return Status::OK();
  std::vector<std::string_view> views;
  views.reserve(others_.size());
  for (const JoinRow* other : others_) views.push_back(other->view());
  ASSIGN_OR_RETURN(other_columns_, probe.other->row_codec->Decode(views));
  return Status::OK();
}

// Drops the pairs that do not meet the conditions.
Status RegularJoinOperator::CheckConditions(const Probe& probe) {
  for (Condition& condition : conditions_) {
    if (!pairs_.empty()) RETURN_IF_ERROR(CheckCondition(probe, &condition));
  }
  return Status::OK();
}

Status RegularJoinOperator::CheckCondition(const Probe& probe, Condition* condition) {
  std::vector<int32_t> rows, others;
  rows.reserve(pairs_.size());
  others.reserve(pairs_.size());
  for (const Pair& pair : pairs_) {
    rows.push_back(pair.row);
    others.push_back(pair.other);
  }
  const size_t left_count = options_.sides[0].types.size();
  ColumnVector columns(left_count + options_.sides[1].types.size());
  for (int index : condition->columns) {
    const auto at = static_cast<size_t>(index);
    const bool is_left = at < left_count;
    const size_t column = is_left ? at : at - left_count;
    if (is_left == (probe.input == 0)) {
      ASSIGN_OR_RETURN(columns[at], Pick(probe.batch->rows->column(static_cast<int>(column)), rows,
                                         TakeNulls::kNone));
    } else {
      ASSIGN_OR_RETURN(columns[at], Pick(other_columns_[column], others, TakeNulls::kNone));
    }
  }
  std::vector<int32_t> kept;
  RETURN_IF_ERROR(
      condition->program->Filter(columns, static_cast<int64_t>(pairs_.size()), eval_, &kept));
  size_t count = 0;
  for (int32_t index : kept) pairs_[count++] = pairs_[static_cast<size_t>(index)];
  pairs_.resize(count);
  return Status::OK();
}

void RegularJoinOperator::Apply(const Probe& probe, size_t begin, size_t end) {
  size_t at = 0;
  for (size_t row = begin; row < end; ++row) {
    const size_t first = at;
    while (at < pairs_.size() && pairs_[at].row == static_cast<int32_t>(row)) ++at;
    const std::span<const Pair> pairs(pairs_.data() + first, at - first);
    if (is_semi()) {
      ApplySemi(probe, row, pairs);
    } else {
      ApplyRow(probe, row, pairs);
    }
  }
}

int32_t RegularJoinOperator::CountMatches(std::span<const Pair> pairs) const {
  int32_t count = 0;
  for (const Pair& pair : pairs) count += others_[static_cast<size_t>(pair.other)]->copies;
  return count;
}

void RegularJoinOperator::ChangeMatches(const Probe& probe, StateEntry* entry,
                                        std::span<const Pair> pairs, int32_t change) {
  if (pairs.empty()) return;
  for (const Pair& pair : pairs) others_[static_cast<size_t>(pair.other)]->matches += change;
  probe.other->table->MarkDirty(entry);
}

void RegularJoinOperator::KeepRow(const Probe& probe, size_t row, int32_t matches) {
  // A row whose key holds NULL meets nobody.
  if (probe.key_has_null[row] != 0) return;
  StateEntry* entry = probe.own_entries[row];
  const bool adds = probe.batch->kinds.empty() || SignOf(probe.batch->kinds[row]) > 0;
  if (adds) {
    JoinRowsCodec::RowsOf(entry).Add(probe.rows.row(row), matches);
  } else if (!JoinRowsCodec::RowsOf(entry).Remove(probe.rows.row(row))) {
    return;
  }
  probe.own->table->MarkDirty(entry);
}

void RegularJoinOperator::ApplyRow(const Probe& probe, size_t row, std::span<const Pair> pairs) {
  const RowKind kind = probe.batch->kinds.empty() ? RowKind::kInsert : probe.batch->kinds[row];
  const bool adds = SignOf(kind) > 0;
  const auto own = static_cast<int32_t>(row);
  KeepRow(probe, row, CountMatches(pairs));
  if (pairs.empty()) {
    if (!probe.own->is_outer) return;
    sent_.push_back({adds ? RowKind::kInsert : RowKind::kDelete, own, -1});
    return;
  }
  const bool pads = probe.own->is_outer || probe.other->is_outer;
  const auto send_padded = [&](RowKind padded_kind, int32_t matches_then) {
    for (const Pair& pair : pairs) {
      const JoinRow& other = *others_[static_cast<size_t>(pair.other)];
      if (other.matches != matches_then) continue;
      for (int32_t i = 0; i < other.copies; ++i) sent_.push_back({padded_kind, -1, pair.other});
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
  for (const Pair& pair : pairs) {
    const int32_t copies = others_[static_cast<size_t>(pair.other)]->copies;
    for (int32_t i = 0; i < copies; ++i) sent_.push_back({sent_kind, own, pair.other});
  }
  if (probe.other->is_outer && !adds) {
    send_padded(RowKind::kInsert, 1);
    ChangeMatches(probe, probe.other_entries[row], pairs, -1);
  }
}

void RegularJoinOperator::ApplySemi(const Probe& probe, size_t row, std::span<const Pair> pairs) {
  const RowKind kind = probe.batch->kinds.empty() ? RowKind::kInsert : probe.batch->kinds[row];
  const bool adds = SignOf(kind) > 0;
  const bool anti = options_.type == JoinType::kAnti;
  KeepRow(probe, row, CountMatches(pairs));
  if (probe.input == 0) {
    if (pairs.empty() == anti) sent_.push_back({kind, static_cast<int32_t>(row), -1});
    return;
  }
  // The first match of a left row lets it in (SEMI) or throws it out (ANTI); the last one's going
  // undoes that.
  const int32_t turning = adds ? 0 : 1;
  for (const Pair& pair : pairs) {
    const JoinRow& left = *others_[static_cast<size_t>(pair.other)];
    if (left.matches != turning) continue;
    RowKind sent_kind = kind;
    if (anti) sent_kind = adds ? RowKind::kDelete : RowKind::kInsert;
    for (int32_t i = 0; i < left.copies; ++i) sent_.push_back({sent_kind, -1, pair.other});
  }
  ChangeMatches(probe, probe.other_entries[row], pairs, adds ? 1 : -1);
}

Result<ChangelogBatch> RegularJoinOperator::TakeSent(const Probe& probe) {
  std::vector<int32_t> rows, others;
  rows.reserve(sent_.size());
  others.reserve(sent_.size());
  ChangelogBatch out;
  bool only_inserts = true;
  bool row_padded = false;
  bool other_padded = false;
  for (const Sent& sent : sent_) {
    rows.push_back(sent.row);
    others.push_back(sent.other);
    row_padded |= sent.row < 0;
    other_padded |= sent.other < 0;
    only_inserts &= sent.kind == RowKind::kInsert;
  }
  if (!only_inserts) {
    out.kinds.reserve(sent_.size());
    for (const Sent& sent : sent_) out.kinds.push_back(sent.kind);
  }
  ColumnVector columns;
  if (is_semi() && probe.input == 1) {
    for (const auto& column : other_columns_) {
      ASSIGN_OR_RETURN(auto picked, Pick(column, others, TakeNulls::kNone));
      columns.push_back(std::move(picked));
    }
  } else {
    ColumnVector own_columns, other_columns;
    const auto own_nulls = row_padded ? TakeNulls::kNullIndexes : TakeNulls::kNone;
    for (const auto& column : probe.batch->rows->columns()) {
      ASSIGN_OR_RETURN(auto picked, Pick(column, rows, own_nulls));
      own_columns.push_back(std::move(picked));
    }
    if (!is_semi()) {
      const auto other_nulls = other_padded ? TakeNulls::kNullIndexes : TakeNulls::kNone;
      for (const auto& column : other_columns_) {
        ASSIGN_OR_RETURN(auto picked, Pick(column, others, other_nulls));
        other_columns.push_back(std::move(picked));
      }
    }
    columns = probe.input == 0 ? std::move(own_columns) : std::move(other_columns);
    ColumnVector& rest = probe.input == 0 ? other_columns : own_columns;
    std::move(rest.begin(), rest.end(), std::back_inserter(columns));
  }
  out.rows = arrow::RecordBatch::Make(options_.output_schema, static_cast<int64_t>(sent_.size()),
                                      std::move(columns));
  sent_.clear();
  return out;
}

void RegularJoinOperator::FinishEntries(Probe* probe) {
  StateTable* table = probe->own->table.get();
  const uint32_t stamp = table->NextBatchStamp();
  std::vector<StateEntry*> empty;
  for (StateEntry* entry : probe->own_entries) {
    if (entry->batch_stamp == stamp) continue;
    entry->batch_stamp = stamp;
    if (JoinRowsCodec::RowsOf(entry).empty()) empty.push_back(entry);
  }
  for (StateEntry* entry : empty) table->Delete(entry);
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
    std::vector<StateMutation> part = side.table->Snapshot();
    std::move(part.begin(), part.end(), std::back_inserter(snapshot.mutations));
  }
  return snapshot;
}

void RegularJoinOperator::OnSnapshotWritten() {
  for (Side& side : sides_) side.table->OnWritten();
}

}  // namespace mainstem::process
