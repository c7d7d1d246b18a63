#include "process/operator/temporal_join.h"

#include <algorithm>

#include <arrow/api.h>

#include "process/operator/calc.h"
#include "process/operator/row_columns.h"
#include "process/operator/watermark_blob.h"
#include "process/operator/window_aggregate.h"
#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kTemporalVersion = 1;

// The last version that begins at `time_ms` or before; end() if there is none.
template <typename Versions>
auto ValidAt(Versions& versions, int64_t time_ms) {
  auto after = std::upper_bound(
      versions.begin(), versions.end(), time_ms,
      [](int64_t time, const RowVersion& version) { return time < version.time_ms; });
  return after == versions.begin() ? versions.end() : std::prev(after);
}

}  // namespace

void RowVersionsCodec::Serialize(const std::byte* value, std::string* out) const {
  out->push_back(kTemporalVersion);
  for (const RowVersion& version : *reinterpret_cast<const Versions*>(value)) {
    PutNumber(version.time_ms, out);
    PutNumber(static_cast<uint8_t>(version.is_deleted), out);
    PutText(version.row, out);
  }
}

Status RowVersionsCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  const auto damaged = [] {
    return MakeError(ErrorCode::kCorruptStorage, "stored versions of a temporal join are damaged");
  };
  if (bytes.empty() || bytes[0] != kTemporalVersion) return damaged();
  bytes.remove_prefix(1);
  auto& versions = *reinterpret_cast<Versions*>(value);
  while (!bytes.empty()) {
    RowVersion version;
    uint8_t is_deleted = 0;
    std::string_view row;
    if (!TakeNumber(&bytes, &version.time_ms) || !TakeNumber(&bytes, &is_deleted) ||
        !TakeText(&bytes, &row)) {
      return damaged();
    }
    version.is_deleted = is_deleted != 0;
    version.row = row;
    versions.push_back(std::move(version));
  }
  return Status::OK();
}

size_t RowVersionsCodec::HeapBytes(const std::byte* value) const {
  const auto& versions = *reinterpret_cast<const Versions*>(value);
  size_t bytes = versions.capacity() * sizeof(RowVersion);
  for (const RowVersion& version : versions) bytes += version.row.capacity();
  return bytes;
}

Task<> TemporalJoinOperator::Open(const OperatorContext* context) {
  context_ = context;
  eval_ = context->eval;
  CO_RETURN_IF_ERROR(pairs_.Open(node_, eval_));
  CO_ASSIGN_OR_RETURN(key_codec_, MakeRowCodec(TypesOf(node_.inputs[0]->columns, node_.left_keys)));
  CO_ASSIGN_OR_RETURN(right_codec_, MakeRowCodec(TypesOf(node_.inputs[1]->columns)));
  waiting_ = std::make_unique<EventTimeBuffer>(context, 0);
  CO_RETURN_IF_ERROR(co_await waiting_->Restore(node_.inputs[0]->columns));
  StateTable::Options table = context->TableOptions(1, "versions of a temporal join");
  versions_ = std::make_unique<StateTable>(std::move(table), &versions_codec_, context->backend,
                                           &context->env->blocking_pool());
  watermark_ms_ = LowestWatermark(context->restored_blobs);
  co_return co_await versions_->Restore();
}

Task<> TemporalJoinOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  if (input == 0) {
    std::vector<int64_t> times;
    CO_RETURN_IF_ERROR(TimesOf(*batch.rows->column(node_.left_time), &times));
    EncodedRows keys;
    CO_RETURN_IF_ERROR(
        key_codec_->Encode(ColumnsOf(*batch.rows, node_.left_keys), batch.rows->num_rows(), &keys));
    keys.ComputeHashes();
    CO_RETURN_IF_ERROR(co_await waiting_->Add(*batch.rows, keys, times));
  } else {
    CO_RETURN_IF_ERROR(co_await AddVersions(batch));
  }
  UpdateMetrics();
  co_return Status::OK();
}

Task<> TemporalJoinOperator::AddVersions(const ChangelogBatch& batch) {
  const int64_t row_count = batch.rows->num_rows();
  std::vector<int64_t> times;
  CO_RETURN_IF_ERROR(TimesOf(*batch.rows->column(node_.right_time), &times));
  const ColumnVector key_columns = ColumnsOf(*batch.rows, node_.right_keys);
  const std::vector<uint8_t> has_null = RowsWithNull(key_columns, row_count);
  EncodedRows keys, rows;
  CO_RETURN_IF_ERROR(key_codec_->Encode(key_columns, row_count, &keys));
  keys.ComputeHashes();
  CO_RETURN_IF_ERROR(right_codec_->Encode(batch.rows->columns(), row_count, &rows));
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await versions_->Resolve(keys, {}, &entries));
  for (size_t row = 0; row < entries.size(); ++row) {
    const RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
    // What follows an update's old row says all.
    if (has_null[row] != 0 || kind == RowKind::kUpdateBefore) continue;
    RowVersionsCodec::Versions& versions = RowVersionsCodec::Of(entries[row]);
    RowVersion version{times[row], kind == RowKind::kDelete, {}};
    if (!version.is_deleted) version.row = rows.row(row);
    const auto before = ValidAt(versions, times[row]);
    if (before != versions.end() && before->time_ms == times[row]) {
      *before = std::move(version);
    } else {
      versions.insert(before == versions.end() ? versions.begin() : std::next(before),
                      std::move(version));
    }
  }
  versions_->KeepOnce(&entries);
  for (StateEntry* entry : entries) {
    Forget(&RowVersionsCodec::Of(entry));
    versions_->MarkDirty(entry);
    if (RowVersionsCodec::Of(entry).empty()) versions_->Delete(entry);
  }
  versions_->Evict();
  co_return Status::OK();
}

void TemporalJoinOperator::Forget(RowVersionsCodec::Versions* versions) const {
  const auto valid = ValidAt(*versions, watermark_ms_);
  if (valid == versions->end()) return;
  versions->erase(versions->begin(), valid);
  if (versions->size() == 1 && versions->front().is_deleted) versions->clear();
}

Task<> TemporalJoinOperator::OnWatermark(int64_t watermark_ms, Output* out) {
  watermark_ms_ = watermark_ms;
  SetEvalTime(context_->env, &eval_);
  ColumnVector left;
  std::vector<int64_t> times;
  while (true) {
    CO_RETURN_IF_ERROR(co_await waiting_->Take(watermark_ms, &left, &times));
    if (times.empty()) break;
    CO_RETURN_IF_ERROR(co_await Join(left, times, out));
  }
  UpdateMetrics();
  co_return Status::OK();
}

Task<> TemporalJoinOperator::Join(const ColumnVector& left, const std::vector<int64_t>& times,
                                  Output* out) {
  ColumnVector key_columns;
  for (const int key : node_.left_keys) key_columns.push_back(left[static_cast<size_t>(key)]);
  EncodedRows keys;
  CO_RETURN_IF_ERROR(key_codec_->Encode(key_columns, static_cast<int64_t>(times.size()), &keys));
  keys.ComputeHashes();
  std::vector<StateEntry*> entries;
  CO_RETURN_IF_ERROR(co_await versions_->Lookup(keys, {}, &entries));
  std::vector<std::string_view> versions;
  std::vector<JoinPair> pairs;
  for (size_t row = 0; row < times.size(); ++row) {
    if (entries[row] == nullptr) continue;
    RowVersionsCodec::Versions& all = RowVersionsCodec::Of(entries[row]);
    const auto valid = ValidAt(all, times[row]);
    if (valid == all.end() || valid->is_deleted) continue;
    pairs.push_back({static_cast<int32_t>(row), static_cast<int32_t>(versions.size())});
    versions.emplace_back(valid->row);
  }
  CO_ASSIGN_OR_RETURN(const ColumnVector right, right_codec_->Decode(versions));
  CO_RETURN_IF_ERROR(pairs_.Filter(left, right, eval_, &pairs));
  if (node_.type == plan::JoinType::kLeft) {
    std::vector<JoinPair> all(times.size());
    for (size_t row = 0; row < all.size(); ++row) all[row].left = static_cast<int32_t>(row);
    for (const JoinPair& pair : pairs) all[static_cast<size_t>(pair.left)].right = pair.right;
    pairs = std::move(all);
  }
  versions_->Evict();
  if (pairs.empty()) co_return Status::OK();
  CO_ASSIGN_OR_RETURN(ChangelogBatch batch, pairs_.MakeBatch(left, right, pairs));
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

void TemporalJoinOperator::UpdateMetrics() {
  context_->metrics->state_entries =
      static_cast<int64_t>(waiting_->entry_count() + versions_->entry_count());
  context_->metrics->state_bytes =
      static_cast<int64_t>(waiting_->memory_bytes() + versions_->memory_bytes());
}

Result<OperatorSnapshot> TemporalJoinOperator::Snapshot() {
  OperatorSnapshot snapshot;
  snapshot.Add(versions_.get());
  snapshot.Add(waiting_->table());
  snapshot.blob = WatermarkBlob(watermark_ms_);
  return snapshot;
}

}  // namespace mainstem::process
