#include "process/operator/window_join.h"

#include <absl/container/flat_hash_map.h>
#include <arrow/api.h>

#include "process/operator/calc.h"
#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"

namespace mainstem::process {
namespace {

constexpr size_t kJoinRowsAtOnce = 4096;

}  // namespace

bool WindowJoinOperator::keeps_unmatched(size_t input) const {
  using plan::JoinType;
  if (node_.type == JoinType::kFull) return true;
  if (input == 0) return node_.type == JoinType::kLeft || node_.type == JoinType::kAnti;
  return node_.type == JoinType::kRight;
}

Task<> WindowJoinOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  CO_RETURN_IF_ERROR(pairs_.Open(node_, eval_));
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(node_.inputs[0]->columns, node_.left_keys)));
  side(0).keys = node_.left_keys;
  side(1).keys = node_.right_keys;
  side(0).window_end = node_.left_time;
  side(1).window_end = node_.right_time;
  for (size_t input = 0; input < 2; ++input) {
    CO_ASSIGN_OR_RETURN(side(input).row_codec, MakeRowCodec(TypesOf(node_.inputs[input]->columns)));
    StateTable::Options table =
        context->TableOptions(static_cast<int>(input), input == 0 ? "left side of a window join"
                                                                  : "right side of a window join");
    table.indexed_by_namespace = true;
    side(input).table = std::make_unique<StateTable>(
        std::move(table), &list_codec_, context->backend, &context->env->blocking_pool());
    CO_RETURN_IF_ERROR(co_await side(input).table->Restore());
  }
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  co_return Status::OK();
}

Task<> WindowJoinOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  Side& own = side(static_cast<size_t>(input));
  const int64_t row_count = batch.rows->num_rows();
  std::vector<int64_t> ends;
  CO_RETURN_IF_ERROR(WindowEndsOf(*batch.rows->column(own.window_end), node_.windows_are_local,
                                  eval_.time_zone, &ends));
  EncodedRows keys, rows;
  CO_RETURN_IF_ERROR(key_codec_->Encode(ColumnsOf(*batch.rows, own.keys), row_count, &keys));
  keys.ComputeHashes();
  CO_RETURN_IF_ERROR(own.row_codec->Encode(batch.rows->columns(), row_count, &rows));
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await own.table->Resolve(keys, ends, &entries));
  for (size_t row = 0; row < entries.size(); ++row) {
    if (ends[row] - 1 <= watermark_ms_) {
      late_.Add(row, watermark_ms_ - (ends[row] - 1));
      continue;
    }
    RowListCodec::Append(entries[row]->value(), rows.row(row));
    own.table->MarkDirty(entries[row]);
  }
  CO_RETURN_IF_ERROR(late_.Tell(*context_, name(), batch, watermark_ms_));
  own.table->DeleteUnkept(&entries);
  own.table->Evict();
  UpdateMetrics();
  co_return Status::OK();
}

Task<> WindowJoinOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  const int64_t last = watermark_ms == kEndOfTime ? kEndOfTime : watermark_ms + 1;
  std::vector<int64_t> ends = side(0).table->NamespacesUpTo(last);
  const std::vector<int64_t> right_ends = side(1).table->NamespacesUpTo(last);
  if (ends.empty() && right_ends.empty()) co_return Status::OK();
  ends.insert(ends.end(), right_ends.begin(), right_ends.end());
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  SetEvalTime(context_->env, &eval_);
  for (const int64_t end : ends) CO_RETURN_IF_ERROR(co_await Fire(end, out));
  UpdateMetrics();
  co_return Status::OK();
}

Task<> WindowJoinOperator::Fire(int64_t window_end_ms, Output* out) {
  std::array<std::vector<StateEntry*>, 2> entries;
  for (size_t input = 0; input < 2; ++input) {
    CO_RETURN_IF_ERROR(
        co_await side(input).table->ResolveNamespace(window_end_ms, &entries[input]));
  }
  // Left entries with their right ones, then right ones alone.
  absl::flat_hash_map<std::string_view, StateEntry*> right_of_key;
  for (StateEntry* entry : entries[1]) right_of_key[entry->key()] = entry;
  std::vector<std::array<StateEntry*, 2>> both;
  for (StateEntry* entry : entries[0]) {
    const auto found = right_of_key.find(entry->key());
    both.push_back({entry, found == right_of_key.end() ? nullptr : found->second});
    if (found != right_of_key.end()) right_of_key.erase(found);
  }
  for (StateEntry* entry : entries[1]) {
    if (right_of_key.contains(entry->key())) both.push_back({nullptr, entry});
  }
  std::vector<std::string_view> keys;
  for (const auto& pair : both) keys.push_back((pair[0] != nullptr ? pair[0] : pair[1])->key());
  CO_ASSIGN_OR_RETURN(const ColumnVector key_columns, key_codec_->Decode(keys));
  const std::vector<uint8_t> has_null =
      RowsWithNull(key_columns, static_cast<int64_t>(keys.size()));
  Chunk chunk;
  for (size_t i = 0; i < both.size(); ++i) {
    Chunk::Key key{chunk.rows[0].size(), 0, chunk.rows[1].size(), 0, has_null[i] != 0};
    for (size_t input = 0; input < 2; ++input) {
      if (both[i][input] == nullptr) continue;
      CO_RETURN_IF_ERROR(RowListCodec::Read(both[i][input]->value(), &chunk.rows[input]));
    }
    key.left_end = chunk.rows[0].size();
    key.right_end = chunk.rows[1].size();
    chunk.keys.push_back(key);
    if (key.left_end + key.right_end < kJoinRowsAtOnce && i + 1 < both.size()) continue;
    CO_RETURN_IF_ERROR(co_await Join(&chunk, out));
    chunk = Chunk();
  }
  for (size_t input = 0; input < 2; ++input) {
    for (StateEntry* entry : entries[input]) side(input).table->Delete(entry);
  }
  co_return Status::OK();
}

Task<> WindowJoinOperator::Join(Chunk* chunk, Output* out) {
  std::array<ColumnVector, 2> columns;
  for (size_t input = 0; input < 2; ++input) {
    CO_ASSIGN_OR_RETURN(columns[input], side(input).row_codec->Decode(chunk->rows[input]));
    chunk->has_match[input].assign(chunk->rows[input].size(), 0);
  }
  std::vector<JoinPair> pairs;
  const auto check = [&]() -> Task<> {
    CO_RETURN_IF_ERROR(pairs_.Filter(columns[0], columns[1], eval_, &pairs));
    for (const JoinPair& pair : pairs) {
      chunk->has_match[0][static_cast<size_t>(pair.left)] = 1;
      chunk->has_match[1][static_cast<size_t>(pair.right)] = 1;
    }
    if (!is_semi() && !pairs.empty()) {
      CO_ASSIGN_OR_RETURN(ChangelogBatch batch, pairs_.MakeBatch(columns[0], columns[1], pairs));
      CO_RETURN_IF_ERROR(co_await out->Emit(Element::Batch(std::move(batch))));
    }
    pairs.clear();
    co_return Status::OK();
  };
  for (const Chunk::Key& key : chunk->keys) {
    if (key.has_null) continue;
    for (size_t left = key.left_begin; left < key.left_end; ++left) {
      for (size_t right = key.right_begin; right < key.right_end; ++right) {
        pairs.push_back({static_cast<int32_t>(left), static_cast<int32_t>(right)});
        if (pairs.size() >= JoinPairs::kAtOnce) CO_RETURN_IF_ERROR(co_await check());
      }
    }
  }
  if (!pairs.empty()) CO_RETURN_IF_ERROR(co_await check());
  const std::vector<JoinPair> single = SingleRows(*chunk);
  if (single.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch batch, pairs_.MakeBatch(columns[0], columns[1], single));
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

std::vector<JoinPair> WindowJoinOperator::SingleRows(const Chunk& chunk) const {
  std::vector<JoinPair> single;
  const bool sends_matched = node_.type == plan::JoinType::kSemi;
  for (size_t input = 0; input < 2; ++input) {
    if (!keeps_unmatched(input) && !(sends_matched && input == 0)) continue;
    const std::vector<uint8_t>& has_match = chunk.has_match[input];
    for (size_t row = 0; row < has_match.size(); ++row) {
      if ((has_match[row] != 0) != sends_matched) continue;
      const auto at = static_cast<int32_t>(row);
      single.push_back(input == 0 ? JoinPair{at, -1} : JoinPair{-1, at});
    }
  }
  return single;
}

void WindowJoinOperator::UpdateMetrics() {
  context_->metrics->state_entries =
      static_cast<int64_t>(side(0).table->entry_count() + side(1).table->entry_count());
  context_->metrics->state_bytes =
      static_cast<int64_t>(side(0).table->memory_bytes() + side(1).table->memory_bytes());
}

Result<OperatorSnapshot> WindowJoinOperator::Snapshot() {
  OperatorSnapshot snapshot;
  for (Side& side : sides_) {
    snapshot.Add(side.table.get());
  }
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

}  // namespace mainstem::process
