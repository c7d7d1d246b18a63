#include "process/operator/lookup_join.h"

#include <numeric>

#include <arrow/api.h>

#include "core/sync.h"
#include "process/operator/calc.h"
#include "process/operator/row_columns.h"

namespace mainstem::process {
namespace {

constexpr Duration kFirstPause = std::chrono::milliseconds(200);

}  // namespace

Task<> LookupJoinOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  CO_RETURN_IF_ERROR(pairs_.Open(node_, eval_));
  const plan::Columns& right = node_.inputs[1]->columns;
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(right, node_.right_keys)));
  CO_ASSIGN_OR_RETURN(right_codec_, MakeRowCodec(TypesOf(right)));
  co_return Status::OK();
}

Task<> LookupJoinOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  std::vector<LookupCache::Rows> rows;
  CO_RETURN_IF_ERROR(co_await FindRows(batch, &rows));
  SetEvalTime(context_->env, &eval_);
  for (size_t begin = 0; begin < rows.size();) {
    CO_ASSIGN_OR_RETURN(ChangelogBatch joined, JoinSome(batch, rows, &begin));
    if (joined.rows == nullptr) continue;
    CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(joined))));
  }
  context_->metrics->state_entries = static_cast<int64_t>(cache_.key_count());
  context_->metrics->state_bytes = static_cast<int64_t>(cache_.memory_bytes());
  co_return Status::OK();
}

Task<> LookupJoinOperator::FindRows(const ChangelogBatch& batch,
                                    std::vector<LookupCache::Rows>* rows) {
  const int64_t row_count = batch.rows->num_rows();
  const ColumnVector key_columns = ColumnsOf(*batch.rows, node_.left_keys);
  const std::vector<uint8_t> has_null = RowsWithNull(key_columns, row_count);
  EncodedRows keys;
  CO_RETURN_IF_ERROR(key_codec_->Encode(key_columns, row_count, &keys));
  absl::flat_hash_map<std::string_view, size_t> known;
  std::vector<LookupCache::Rows> found;  // of each different key; null: to be asked for
  std::vector<size_t> key_of_row(keys.size());
  std::vector<int32_t> unknown;
  const TimePoint now = context_->env->Now();
  for (size_t row = 0; row < keys.size(); ++row) {
    if (has_null[row] != 0) continue;
    const auto [at, is_new] = known.try_emplace(keys.row(row), found.size());
    key_of_row[row] = at->second;
    if (!is_new) continue;
    found.push_back(cache_.Find(keys.row(row), now));
    if (found.back() == nullptr) unknown.push_back(static_cast<int32_t>(row));
  }
  if (!unknown.empty()) {
    std::vector<LookupCache::Rows> asked;
    CO_RETURN_IF_ERROR(co_await Ask(key_columns, keys, unknown, &asked));
    for (size_t i = 0; i < unknown.size(); ++i) {
      found[key_of_row[static_cast<size_t>(unknown[i])]] = std::move(asked[i]);
    }
  }
  rows->resize(keys.size());
  for (size_t row = 0; row < keys.size(); ++row) {
    if (has_null[row] == 0) (*rows)[row] = found[key_of_row[row]];
  }
  co_return Status::OK();
}

Task<> LookupJoinOperator::Ask(const ColumnVector& key_columns, const EncodedRows& keys,
                               const std::vector<int32_t>& first_rows,
                               std::vector<LookupCache::Rows>* found) {
  std::vector<std::vector<std::string>> rows(first_rows.size());
  std::vector<size_t> missing(first_rows.size());
  std::iota(missing.begin(), missing.end(), 0);
  for (int left = node_.attempts; left > 0 && !missing.empty(); --left) {
    if (left < node_.attempts) {
      CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(node_.retry_delay_ms)));
    }
    CO_RETURN_IF_ERROR(co_await AskOnce(key_columns, keys, first_rows, missing, &rows));
    std::erase_if(missing, [&](size_t i) { return !rows[i].empty(); });
  }
  const TimePoint now = context_->env->Now();
  for (size_t i = 0; i < rows.size(); ++i) {
    found->push_back(std::make_shared<const std::vector<std::string>>(std::move(rows[i])));
    cache_.Put(keys.row(static_cast<size_t>(first_rows[i])), found->back(), now);
  }
  co_return Status::OK();
}

Task<> LookupJoinOperator::AskOnce(const ColumnVector& key_columns, const EncodedRows& keys,
                                   const std::vector<int32_t>& first_rows,
                                   const std::vector<size_t>& wanted,
                                   std::vector<std::vector<std::string>>* rows) {
  absl::flat_hash_map<std::string_view, size_t> by_key;
  std::vector<int32_t> asked;
  for (const size_t i : wanted) {
    by_key.emplace(keys.row(static_cast<size_t>(first_rows[i])), i);
    asked.push_back(first_rows[i]);
  }
  CO_ASSIGN_OR_RETURN(ColumnVector columns, PickRows(key_columns, asked));
  arrow::FieldVector fields;
  for (const int column : node_.right_keys) {
    const RowField& field = node_.inputs[1]->columns[static_cast<size_t>(column)];
    fields.push_back(arrow::field(field.name(), columns[fields.size()]->type()));
  }
  CO_ASSIGN_OR_RETURN(const auto answer,
                      co_await AskWithRetries(arrow::RecordBatch::Make(
                          arrow::schema(std::move(fields)), static_cast<int64_t>(asked.size()),
                          std::move(columns))));
  EncodedRows answer_keys, answer_rows;
  CO_RETURN_IF_ERROR(
      key_codec_->Encode(ColumnsOf(*answer, node_.right_keys), answer->num_rows(), &answer_keys));
  CO_RETURN_IF_ERROR(right_codec_->Encode(answer->columns(), answer->num_rows(), &answer_rows));
  for (size_t row = 0; row < answer_rows.size(); ++row) {
    // A key that only the database takes for equal ('a ' = 'a' of CHAR) is none of ours.
    const auto at = by_key.find(answer_keys.row(row));
    if (at != by_key.end()) (*rows)[at->second].emplace_back(answer_rows.row(row));
  }
  co_return Status::OK();
}

Task<std::shared_ptr<arrow::RecordBatch>> LookupJoinOperator::AskWithRetries(
    std::shared_ptr<arrow::RecordBatch> keys) {
  Duration pause = kFirstPause;
  for (int left = lookup_->options().retries_max;; --left) {
    auto answer = co_await lookup_->Find(keys);
    if (answer.ok() || left <= 0 || !IsRetriable(answer.status())) co_return answer;
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
    pause *= 2;
  }
}

Result<ChangelogBatch> LookupJoinOperator::JoinSome(const ChangelogBatch& batch,
                                                    const std::vector<LookupCache::Rows>& rows,
                                                    size_t* begin) {
  const size_t first = *begin;
  std::vector<JoinPair> pairs;
  std::vector<std::string_view> views;
  for (; *begin < rows.size() && pairs.size() < JoinPairs::kAtOnce; ++*begin) {
    if (rows[*begin] == nullptr) continue;
    for (const std::string& row : *rows[*begin]) {
      pairs.push_back({static_cast<int32_t>(*begin), static_cast<int32_t>(views.size())});
      views.emplace_back(row);
    }
  }
  const ColumnVector& left = batch.rows->columns();
  ASSIGN_OR_RETURN(const ColumnVector right, right_codec_->Decode(views));
  RETURN_IF_ERROR(pairs_.Filter(left, right, eval_, &pairs));
  if (node_.type == plan::JoinType::kLeft) {
    std::vector<JoinPair> padded;
    size_t at = 0;
    for (size_t row = first; row < *begin; ++row) {
      const auto own = static_cast<int32_t>(row);
      if (at == pairs.size() || pairs[at].left != own) padded.push_back({own, -1});
      while (at < pairs.size() && pairs[at].left == own) padded.push_back(pairs[at++]);
    }
    pairs = std::move(padded);
  }
  if (pairs.empty()) return ChangelogBatch{};
  ASSIGN_OR_RETURN(ChangelogBatch out, pairs_.MakeBatch(left, right, pairs));
  if (batch.kinds.empty()) return out;
  out.kinds.clear();
  for (const JoinPair& pair : pairs) {
    out.kinds.push_back(batch.kinds[static_cast<size_t>(pair.left)]);
  }
  return out;
}

}  // namespace mainstem::process
