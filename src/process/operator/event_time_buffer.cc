#include "process/operator/event_time_buffer.h"

#include <arrow/api.h>

#include "process/operator/row_columns.h"
#include "process/state/stored_bytes.h"

namespace mainstem::process {
namespace {

constexpr char kBufferVersion = 1;
constexpr size_t kBufferRowsAtOnce = 4096;

Status DamagedRowList() {
  return MakeError(ErrorCode::kCorruptStorage,
                   "stored rows that wait for the watermark are damaged");
}

StateTable::Options BufferOptions(const OperatorContext* context, int table_index) {
  StateTable::Options table =
      context->TableOptions(table_index, "rows that wait for the watermark");
  table.indexed_by_namespace = true;
  return table;
}

}  // namespace

void RowListCodec::Append(std::byte* value, std::string_view row) { PutText(row, &Of(value)); }

Status RowListCodec::Read(const std::byte* value, std::vector<std::string_view>* rows) {
  std::string_view rest = Of(value);
  while (!rest.empty()) {
    if (!TakeText(&rest, &rows->emplace_back())) {
      return DamagedRowList();
    }
  }
  return Status::OK();
}

Result<RowListCodec::Removed> RowListCodec::Remove(std::byte* value, std::string_view row) {
  std::string& rows = Of(value);
  std::string_view rest = rows;
  Removed removed;
  while (!rest.empty()) {
    const size_t begin = rows.size() - rest.size();
    std::string_view one;
    if (!TakeText(&rest, &one)) return DamagedRowList();
    if (one != row) {
      removed.before = one;
      continue;
    }
    removed.was_there = true;
    removed.was_last = rest.empty();
    rows.erase(begin, rows.size() - rest.size() - begin);  // `before` stays where it is
    break;
  }
  return removed;
}

void RowListCodec::Serialize(const std::byte* value, std::string* out) const {
  out->push_back(kBufferVersion);
  out->append(Of(value));
}

Status RowListCodec::Deserialize(std::string_view bytes, std::byte* value) const {
  if (bytes.empty() || bytes[0] != kBufferVersion) {
    return MakeError(ErrorCode::kCorruptStorage,
                     "stored rows that wait for the watermark are of "
                     "an unknown version");
  }
  Of(value).assign(bytes.substr(1));
  return Status::OK();
}

EventTimeBuffer::EventTimeBuffer(const OperatorContext* context, int table_index)
    : table_(BufferOptions(context, table_index), &list_codec_, context->backend,
             &context->env->blocking_pool()) {}

Task<> EventTimeBuffer::Restore(const plan::Columns& columns) {
  CO_ASSIGN_OR_RETURN(row_codec_, MakeRowCodec(TypesOf(columns)));
  co_return co_await table_.Restore();
}

Task<> EventTimeBuffer::Add(const arrow::RecordBatch& rows, const EncodedRows& keys,
                            const std::vector<int64_t>& times_ms) {
  CO_RETURN_IF_ERROR(row_codec_->Encode(rows.columns(), rows.num_rows(), &rows_));
  CO_RETURN_IF_ERROR(co_await table_.Resolve(keys, times_ms, &entries_));
  for (size_t row = 0; row < entries_.size(); ++row) {
    RowListCodec::Append(entries_[row]->value(), rows_.row(row));
  }
  table_.KeepOnce(&entries_);
  for (StateEntry* entry : entries_) table_.MarkDirty(entry);
  table_.Evict();
  co_return Status::OK();
}

Task<> EventTimeBuffer::Take(int64_t watermark_ms, ColumnVector* rows,
                             std::vector<int64_t>* times_ms) {
  rows->clear();
  times_ms->clear();
  if (!table_.HasNamespaceUpTo(watermark_ms)) co_return Status::OK();
  std::vector<std::string_view> views;
  std::vector<StateEntry*> taken;
  for (const int64_t time : table_.NamespacesUpTo(watermark_ms, kBufferRowsAtOnce)) {
    if (views.size() >= kBufferRowsAtOnce) break;
    CO_RETURN_IF_ERROR(co_await table_.ResolveNamespace(time, &entries_));
    for (StateEntry* entry : entries_) {
      CO_RETURN_IF_ERROR(RowListCodec::Read(entry->value(), &views));
    }
    times_ms->resize(views.size(), time);
    taken.insert(taken.end(), entries_.begin(), entries_.end());
  }
  CO_ASSIGN_OR_RETURN(*rows, row_codec_->Decode(views));
  for (StateEntry* entry : taken) table_.Delete(entry);
  co_return Status::OK();
}

}  // namespace mainstem::process
