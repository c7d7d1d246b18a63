#include "process/operator/sink_operator.h"

#include <algorithm>

#include <arrow/api.h>
#include <fmt/format.h>

#include "process/checkpoint/byte_codec.h"
#include "process/operator/delivery_format.h"
#include "process/operator/exchange.h"

namespace mainstem::process {

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
  if (context->subtask == 0) {
    for (const std::string& blob : context->restored_blobs) {
      refused_count_ += ByteReader(blob).Number<int64_t>();
    }
    *options_.rejects.count += refused_count_;
  }
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
  if (!refused.empty()) CO_RETURN_IF_ERROR(co_await HandleRefused(std::move(refused)));
  co_return Status::OK();
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

// What is kept belongs to the same epoch as the rows that the topic took. The errors are of a kind
// that no restart cures.
Task<> LogSinkOperator::HandleRefused(std::vector<connector::RejectedRecord> refused) {
  const RejectRule& rule = options_.rejects;
  auto count = static_cast<int64_t>(refused.size());
  refused_count_ += count;
  context_->metrics->rejected_rows += count;
  int64_t total = rule.count->fetch_add(count) + count;
  bool fails = rule.policy == RejectPolicy::kFail;
  if (fails || total > rule.max) {
    ErrorText text = TextOf(refused.front().cause);
    text.detail = refused.front().raw_bytes.substr(0, 200);
    if (!fails) {
      text.detail +=
          fmt::format("; {} rows were refused, 'sink.bad-records.max' is {}", total, rule.max);
    }
    co_return MakeError(ErrorCode::kEvaluationError, std::move(text));
  }
  if (rule.policy == RejectPolicy::kSkip) co_return Status::OK();
  if (!quarantine_) {
    CO_ASSIGN_OR_RETURN(quarantine_, co_await options_.quarantine());
  }
  co_return buffer_.AddRejected(*quarantine_, context_->env->WallTime().value(), "deliver",
                                refused);
}

Result<OperatorSnapshot> LogSinkOperator::Snapshot() {
  OperatorSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.appends, buffer_.Take());
  if (refused_count_ > 0) {
    ByteWriter blob;
    blob.Number(refused_count_);
    snapshot.blob = std::move(blob.out());
  }
  return snapshot;
}

Task<> DeliverySinkOperator::Open(const OperatorContext* context) {
  context_ = context;
  CO_ASSIGN_OR_RETURN(RowCodec codec, RowCodec::Make(options_.key_types));
  codec_ = std::make_unique<RowCodec>(std::move(codec));
  co_return Status::OK();
}

Status DeliverySinkOperator::AddPart(int partition, const ChangelogBatch& part) {
  // A record stays well below a topic's greatest message.
  constexpr int64_t kRowsPerRecord = 1024;
  for (int64_t begin = 0; begin < part.rows->num_rows(); begin += kRowsPerRecord) {
    ChangelogBatch slice;
    slice.rows = part.rows->Slice(begin, kRowsPerRecord);
    if (!part.kinds.empty()) {
      auto first = part.kinds.begin() + begin;
      slice.kinds.assign(first, first + slice.rows->num_rows());
    }
    ASSIGN_OR_RETURN(std::string value, EncodeDelivery(slice));
    RETURN_IF_ERROR(buffer_.Add({options_.topic, PartitionId(partition)},
                                context_->env->WallTime().value(), std::nullopt, value));
  }
  return Status::OK();
}

Task<> DeliverySinkOperator::OnBatch(int input, ChangelogBatch batch, Output* out) {
  if (options_.mode == connector::SinkMode::kUpsert) {
    CO_ASSIGN_OR_RETURN(batch, ToUpserts(std::move(batch), options_.key_columns));
  }
  if (options_.key_columns.empty() || options_.partition_count == 1) {
    co_return AddPart(context_->subtask % options_.partition_count, batch);
  }
  ColumnVector key_columns;
  for (int index : options_.key_columns) key_columns.push_back(batch.rows->column(index));
  CO_RETURN_IF_ERROR(codec_->Encode(key_columns, batch.rows->num_rows(), &keys_));
  keys_.ComputeHashes();
  std::vector<std::vector<int32_t>> rows_of(static_cast<size_t>(options_.partition_count));
  for (size_t row = 0; row < keys_.size(); ++row) {
    int partition = SubtaskOf(KeyGroupOf(keys_.hash(row)), options_.partition_count);
    rows_of[static_cast<size_t>(partition)].push_back(static_cast<int32_t>(row));
  }
  for (size_t i = 0; i < rows_of.size(); ++i) {
    if (rows_of[i].empty()) continue;
    CO_ASSIGN_OR_RETURN(ChangelogBatch part, TakeFromBatch(batch, rows_of[i]));
    CO_RETURN_IF_ERROR(AddPart(static_cast<int>(i), part));
  }
  co_return Status::OK();
}

Result<OperatorSnapshot> DeliverySinkOperator::Snapshot() {
  OperatorSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.appends, buffer_.Take());
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
