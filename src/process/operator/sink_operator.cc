#include "process/operator/sink_operator.h"

#include <algorithm>

#include <arrow/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include "format/value_text.h"
#include "process/checkpoint/byte_codec.h"
#include "process/operator/delivery_format.h"
#include "process/operator/exchange.h"

namespace mainstem::process {
namespace {

// "+I[a, 1]", as far as a quarantine keeps it.
std::string ShownRow(const arrow::RecordBatch& rows, int64_t row, RowKind kind) {
  constexpr size_t kTextBytesMax = 64 << 10;
  std::string text = std::string(ToString(kind)) + "[";
  for (int i = 0; i < rows.num_columns() && text.size() < kTextBytesMax; ++i) {
    if (i > 0) text += ", ";
    format::AppendValueText(*rows.column(i), row, &text);
  }
  text += "]";
  if (text.size() <= kTextBytesMax) return text;
  size_t end = kTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // UTF-8
  text.resize(end);
  return text;
}

}  // namespace

Status EpochBuffer::Add(const storage::TopicPartition& partition, int64_t timestamp_ms,
                        std::optional<std::string_view> key, std::optional<std::string_view> value,
                        std::span<const storage::RecordHeader> headers) {
  storage::BatchBuilder& builder = open_[partition];
  if (builder.bytes() + storage::RecordBytesBound(key, value, headers) > max_batch_bytes_) {
    RETURN_IF_ERROR(Seal(partition, &builder));
  }
  size_t before = builder.record_count() == 0 ? 0 : builder.bytes();
  builder.Add(timestamp_ms, key, value, headers);
  auto added = static_cast<int64_t>(builder.bytes() - before);
  int64_t total = pending_->bytes.fetch_add(added) + added;
  bool crossed =
      total > PendingOutput::kSoftLimitBytes && total - added <= PendingOutput::kSoftLimitBytes;
  if (crossed && pending_->request_checkpoint) pending_->request_checkpoint();
  if (builder.bytes() < kBatchBytes) return Status::OK();
  return Seal(partition, &builder);
}

Status EpochBuffer::AddRejected(const storage::TopicPartition& quarantine, int64_t now_ms,
                                std::string_view stage,
                                const std::vector<connector::RejectedRecord>& records) {
  for (const connector::RejectedRecord& record : records) {
    std::string cause = Describe(record.cause);
    std::vector<storage::RecordHeader> headers = {
        {"origin", record.origin}, {"stage", stage}, {"cause", cause}};
    RETURN_IF_ERROR(Add(quarantine, now_ms, std::nullopt, record.raw_bytes, headers));
  }
  return Status::OK();
}

Status EpochBuffer::Seal(const storage::TopicPartition& partition, storage::BatchBuilder* builder) {
  if (builder->record_count() == 0) return Status::OK();
  ASSIGN_OR_RETURN(auto batch, builder->Build());
  sealed_.push_back({.partition = partition, .batch = std::move(batch)});
  return Status::OK();
}

Result<std::vector<storage::EpochCommit::Append>> EpochBuffer::Take() {
  for (auto& [partition, builder] : open_) RETURN_IF_ERROR(Seal(partition, &builder));
  return std::exchange(sealed_, {});
}

void RefusedRows::Restore(const OperatorContext& context) {
  if (context.subtask != 0) return;
  for (const std::string& blob : context.restored_blobs) {
    count_ += ByteReader(blob).Number<int64_t>();
  }
  *rule_.count += count_;
}

Task<> RefusedRows::Handle(std::vector<connector::RejectedRecord> refused,
                           const OperatorContext* context, EpochBuffer* buffer) {
  auto count = static_cast<int64_t>(refused.size());
  count_ += count;
  context->metrics->rejected_rows += count;
  int64_t total = rule_.count->fetch_add(count) + count;
  bool fails = rule_.policy == RejectPolicy::kFail;
  if (fails || total > rule_.max) {
    ErrorText text = TextOf(refused.front().cause);
    text.detail = refused.front().raw_bytes.substr(0, 200);
    if (!fails) {
      text.detail +=
          fmt::format("; {} rows were refused, 'sink.bad-records.max' is {}", total, rule_.max);
    }
    co_return MakeError(ErrorCode::kEvaluationError, std::move(text));
  }
  if (rule_.policy == RejectPolicy::kSkip) co_return Status::OK();
  if (!quarantine_) {
    CO_ASSIGN_OR_RETURN(quarantine_, co_await make_quarantine_());
  }
  co_return buffer->AddRejected(*quarantine_, context->env->WallTime().value(), "deliver", refused);
}

std::string RefusedRows::Blob() const {
  if (count_ == 0) return "";
  ByteWriter blob;
  blob.Number(count_);
  return std::move(blob.out());
}

Result<ChangelogBatch> ToUpserts(ChangelogBatch batch, const std::vector<int>& key_columns) {
  const size_t row_count = batch.kinds.size();
  std::vector<int32_t> kept;
  kept.reserve(row_count);
  for (size_t row = 0; row < row_count; ++row) {
    if (batch.kinds[row] == RowKind::kUpdateBefore) {
      const auto at = static_cast<int64_t>(row);
      const bool replaced = row + 1 < row_count && batch.kinds[row + 1] == RowKind::kUpdateAfter &&
                            std::all_of(key_columns.begin(), key_columns.end(), [&](int index) {
                              const arrow::Array& column = *batch.rows->column(index);
                              return column.RangeEquals(column, at, at + 1, at + 1);
                            });
      if (replaced) continue;
      batch.kinds[row] = RowKind::kDelete;
    }
    kept.push_back(static_cast<int32_t>(row));
  }
  if (kept.size() == row_count) return batch;
  return TakeFromBatch(batch, kept);
}

Task<> InlineSinkOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  if (!upsert_key_.empty()) {
    CO_ASSIGN_OR_RETURN(batch, ToUpserts(std::move(batch), upsert_key_));
  }
  co_return co_await writer_->Write(std::move(batch));
}

Task<> LogSinkOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(writer_, co_await options_.sink->MakeLogWriter());
  refused_.Restore(*context);
  co_return Status::OK();
}

Task<> LogSinkOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  if (!options_.upsert_key.empty()) {
    CO_ASSIGN_OR_RETURN(batch, ToUpserts(std::move(batch), options_.upsert_key));
  }
  std::vector<connector::RejectedRecord> refused;
  CO_ASSIGN_OR_RETURN(auto records, writer_->Encode(batch, &refused));
  EpochBuffer& buffer = options_.at_once == nullptr ? buffer_ : at_once_buffer_;
  buffer.set_max_batch_bytes(writer_->max_batch_bytes());
  int64_t now_ms = context_->env->WallTime().value();
  std::vector<storage::RecordHeader> headers;
  for (const connector::LogRecord& record : records) {
    headers.clear();
    for (const auto& [key, value] : record.headers) headers.push_back({key, value});
    CO_RETURN_IF_ERROR(buffer.Add(record.partition,
                                  record.timestamp_ms < 0 ? now_ms : record.timestamp_ms,
                                  record.key, record.value, headers));
  }
  if (options_.at_once != nullptr) CO_RETURN_IF_ERROR(co_await AppendNow());
  if (refused.empty()) co_return Status::OK();
  co_return co_await refused_.Handle(std::move(refused), context_, &buffer_);
}

Task<> LogSinkOperator::AppendNow() {
  CO_ASSIGN_OR_RETURN(auto batches, at_once_buffer_.Take());
  at_once_pending_.bytes = 0;
  // Those of a partition together, in their order.
  std::map<storage::TopicPartition, std::vector<std::byte>> by_partition;
  for (storage::EpochCommit::Append& append : batches) {
    std::vector<std::byte>& bytes = by_partition[append.partition];
    if (bytes.empty()) {
      bytes = std::move(append.batch);
    } else {
      bytes.insert(bytes.end(), append.batch.begin(), append.batch.end());
    }
  }
  if (by_partition.empty()) co_return Status::OK();
  std::vector<Result<storage::AppendResult>> outcomes(
      by_partition.size(), MakeError(ErrorCode::kInternal, "the log did not say what it did"));
  std::vector<storage::PartitionAppend> appends;
  for (const auto& [partition, bytes] : by_partition) {
    appends.push_back({partition, bytes, &outcomes[appends.size()]});
  }
  storage::AppendOptions how{.durability = storage::Durability::kAccepted, .trusted = true};
  CO_RETURN_IF_ERROR(co_await options_.at_once->AppendEach(std::move(appends), how));
  for (const auto& outcome : outcomes) CO_RETURN_IF_ERROR(outcome.status());
  co_return Status::OK();
}

Result<OperatorSnapshot> LogSinkOperator::Snapshot() {
  OperatorSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.appends, buffer_.Take());
  snapshot.blob = refused_.Blob();
  return snapshot;
}

Task<> DeliverySinkOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(options_.key_types));
  codec_ = std::make_unique<RowCodec>(std::move(codec));
  refused_.Restore(*context);
  co_return Status::OK();
}

Status DeliverySinkOperator::AddPart(int partition, const ChangelogBatch& part) {
  constexpr int64_t kRowsPerRecord = 1024;
  for (int64_t begin = 0; begin < part.rows->num_rows(); begin += kRowsPerRecord) {
    int64_t count = std::min(kRowsPerRecord, part.rows->num_rows() - begin);
    RETURN_IF_ERROR(AddSlice(partition, part, begin, count));
  }
  return Status::OK();
}

// A record stays well below a topic's greatest message, unless a row alone is longer.
Status DeliverySinkOperator::AddSlice(int partition, const ChangelogBatch& part, int64_t begin,
                                      int64_t count) {
  constexpr int64_t kBytesPerRecord = 512 << 10;
  ChangelogBatch slice;
  slice.rows = part.rows->Slice(begin, count);
  ASSIGN_OR_RETURN(int64_t bytes, arrow::util::ReferencedBufferSize(*slice.rows));
  if (bytes > kBytesPerRecord && count > 1) {
    int64_t half = count / 2;
    RETURN_IF_ERROR(AddSlice(partition, part, begin, half));
    return AddSlice(partition, part, begin + half, count - half);
  }
  if (!part.kinds.empty()) {
    auto first = part.kinds.begin() + begin;
    slice.kinds.assign(first, first + count);
  }
  if (bytes > DeliverySinkOptions::kRowBytesMax) {
    RowKind kind = slice.kinds.empty() ? RowKind::kInsert : slice.kinds[0];
    ErrorText why{.message = fmt::format("a row of {} bytes is too long for table '{}': a "
                                         "destination outside is sent {} at most",
                                         bytes, options_.table, DeliverySinkOptions::kRowBytesMax),
                  .hint = "correct or filter such rows in the query"};
    too_long_.push_back({.origin = options_.table,
                         .raw_bytes = ShownRow(*slice.rows, 0, kind),
                         .cause = MakeError(ErrorCode::kInvalidRecord, std::move(why))});
    return Status::OK();
  }
  ASSIGN_OR_RETURN(std::string value, EncodeDelivery(slice));
  return buffer_.Add({options_.topic, PartitionId(partition)}, context_->env->WallTime().value(),
                     std::nullopt, value);
}

Task<> DeliverySinkOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  if (options_.mode == connector::SinkMode::kUpsert) {
    CO_ASSIGN_OR_RETURN(batch, ToUpserts(std::move(batch), options_.key_columns));
  }
  CO_RETURN_IF_ERROR(AddParts(batch));
  if (too_long_.empty()) co_return Status::OK();
  std::vector<connector::RejectedRecord> refused = std::exchange(too_long_, {});
  co_return co_await refused_.Handle(std::move(refused), context_, &buffer_);
}

Status DeliverySinkOperator::AddParts(const ChangelogBatch& batch) {
  if (options_.key_columns.empty() || options_.partition_count == 1) {
    return AddPart(context_->subtask % options_.partition_count, batch);
  }
  ColumnVector key_columns;
  for (int index : options_.key_columns) key_columns.push_back(batch.rows->column(index));
  RETURN_IF_ERROR(codec_->Encode(key_columns, batch.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  std::vector<std::vector<int32_t>> rows_of(static_cast<size_t>(options_.partition_count));
  for (size_t row = 0; row < keys_.size(); ++row) {
    int partition = SubtaskOf(KeyGroupOf(keys_.hash(row)), options_.partition_count);
    rows_of[static_cast<size_t>(partition)].push_back(static_cast<int32_t>(row));
  }
  for (size_t i = 0; i < rows_of.size(); ++i) {
    if (rows_of[i].empty()) continue;
    ASSIGN_OR_RETURN(ChangelogBatch part, TakeFromBatch(batch, rows_of[i]));
    RETURN_IF_ERROR(AddPart(static_cast<int>(i), part));
  }
  return Status::OK();
}

Result<OperatorSnapshot> DeliverySinkOperator::Snapshot() {
  OperatorSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.appends, buffer_.Take());
  snapshot.blob = refused_.Blob();
  return snapshot;
}

Task<> NotNullOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  std::vector<bool> has_null(static_cast<size_t>(batch.rows->num_rows()), false);
  bool any = false;
  for (const Column& column : columns_) {
    const auto& values = batch.rows->column(column.index);
    if (values->null_count() == 0) continue;
    if (!drop_) {
      co_return MakeError(
          ErrorCode::kEvaluationError,
          {.message = "column '" + column.name + "' of table '" + table_name_ +
                      "' is NOT NULL, but a NULL is to be written to it",
           .hint = "SET 'table.exec.sink.not-null-enforcer' = 'DROP' drops such rows"});
    }
    for (int64_t row = 0; row < values->length(); ++row) {
      if (values->IsNull(row)) has_null[static_cast<size_t>(row)] = any = true;
    }
  }
  if (any) {
    std::vector<int32_t> kept;
    for (size_t row = 0; row < has_null.size(); ++row) {
      if (!has_null[row]) kept.push_back(static_cast<int32_t>(row));
    }
    CO_ASSIGN_OR_RETURN(batch, TakeFromBatch(batch, kept));
  }
  co_return co_await out->Emit(Element::Batch(std::move(batch)));
}

}  // namespace mainstem::process
