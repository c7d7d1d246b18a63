#include "source/kafka/partition_reader.h"

#include <absl/strings/numbers.h>
#include <arrow/api.h>
#include <arrow/compute/api.h>

namespace mainstem::source {
namespace {

using connector::RejectedRecord;
using connector::SourceBatch;

constexpr size_t kFetchBytes = size_t{1} << 20;

std::string_view OrNull(const std::optional<std::string_view>& bytes) {
  if (!bytes) return {};
  // An empty value is not a missing one: its view must not be null.
  return bytes->data() != nullptr ? *bytes : std::string_view("", 0);
}

}  // namespace

std::string PartitionPosition::ToString() const {
  std::string text = std::to_string(next.value());
  if (end) text += "-" + std::to_string(end->value());
  return text;
}

Result<PartitionPosition> PartitionPosition::Parse(const std::string& text) {
  size_t dash = text.find('-');
  int64_t next = 0;
  int64_t end = 0;
  bool good = absl::SimpleAtoi(text.substr(0, dash), &next);
  if (dash != std::string::npos) good = good && absl::SimpleAtoi(text.substr(dash + 1), &end);
  if (!good) {
    return MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is no position in a partition");
  }
  PartitionPosition position;
  position.next = Offset(next);
  if (dash != std::string::npos) position.end = Offset(end);
  return position;
}

PartitionReader::PartitionReader(storage::Log* log, PartitionReadOptions options,
                                 PartitionPosition position, ScanLayout layout,
                                 std::unique_ptr<format::Decoder> value_decoder)
    : log_(log),
      options_(std::move(options)),
      position_(position),
      layout_(std::move(layout)),
      value_decoder_(std::move(value_decoder)),
      high_watermark_(position.next) {}

void PartitionReader::SetKeyDecoder(std::vector<std::string> key_columns,
                                    std::unique_ptr<format::Decoder> decoder) {
  key_columns_ = std::move(key_columns);
  key_decoder_ = std::move(decoder);
}

Task<SourceBatch> PartitionReader::Read(size_t max_rows, TimePoint deadline) {
  Gathered gathered;
  while (!AtEnd()) {
    CO_RETURN_IF_ERROR(Gather(max_rows, &gathered));
    if (!gathered.records.empty() || !gathered.rejected.empty()) break;
    CO_ASSIGN_OR_RETURN(bool has_more, co_await FetchMore(deadline));
    if (!has_more) break;
  }
  CollectMessages(&gathered);
  if (key_decoder_ != nullptr) {
    CO_RETURN_IF_ERROR(co_await key_decoder_->Prepare(options_.env, gathered.keys));
  }
  CO_RETURN_IF_ERROR(co_await value_decoder_->Prepare(options_.env, gathered.values));
  co_return Decode(std::move(gathered));
}

void PartitionReader::CollectMessages(Gathered* gathered) const {
  gathered->values.reserve(gathered->records.size());
  for (const storage::RecordView& record : gathered->records) {
    if (key_decoder_ != nullptr) gathered->keys.push_back(OrNull(record.key));
    // For an upsert table a deletion is a row of NULLs beside its key.
    bool is_deletion = options_.upsert && !record.value;
    gathered->values.push_back(is_deletion ? options_.deletion_message : OrNull(record.value));
  }
}

// False: nothing came before the deadline.
Task<bool> PartitionReader::FetchMore(TimePoint deadline) {
  storage::ReadOptions read_options;
  read_options.max_bytes = kFetchBytes;
  read_options.read_committed = options_.read_committed;
  while (true) {
    CO_ASSIGN_OR_RETURN(storage::ReadResult result,
                        co_await log_->Read(options_.partition, position_.next, read_options));
    high_watermark_ = options_.read_committed ? result.last_stable_offset : result.high_watermark;
    if (!result.batches.empty()) {
      fetched_ = std::move(result.batches);
      fetched_next_ = 0;
      co_return true;
    }
    std::vector<std::pair<storage::TopicPartition, Offset>> beyond;
    // What is open becomes readable with the marker that ends it, a batch like any other.
    beyond.emplace_back(options_.partition, std::max(position_.next, result.high_watermark));
    CO_ASSIGN_OR_RETURN(bool moved, co_await log_->WaitForData(std::move(beyond), deadline));
    if (!moved) co_return false;
  }
}

// HOT PATH: once a record. Collects views; nothing of a record is copied before its columns are
// built.
Status PartitionReader::Gather(size_t max_rows, Gathered* out) {
  while (out->records.size() < max_rows && !AtEnd()) {
    if (open_reader_ == nullptr) {
      if (fetched_next_ >= fetched_.size()) break;
      RETURN_IF_ERROR(OpenNextBatch(out));
      continue;
    }
    storage::RecordView record;
    Result<bool> has_record = open_reader_->Next(&record);
    if (!has_record.ok()) {
      // Broken records inside an intact batch: the rest of it cannot be told apart.
      out->rejected.push_back({.origin = options_.topic + "/" +
                                         std::to_string(options_.partition.partition.value()) +
                                         "@" + std::to_string(position_.next.value()),
                               .raw_bytes = "",
                               .cause = has_record.status()});
    }
    if (!has_record.ok() || !*has_record) {
      position_.next = std::max(position_.next, open_reader_->header().next_offset());
      CloseBatch(out);
      continue;
    }
    if (record.offset < position_.next) continue;
    if (position_.end && record.offset >= *position_.end) {
      position_.next = *position_.end;
      break;
    }
    position_.next = record.offset + 1;
    out->header_of_record.push_back(static_cast<uint32_t>(out->headers.size()));
    out->records.push_back(record);
  }
  if (open_reader_ != nullptr && !out->records.empty()) {
    // Views into the open batch outlive this call only if its bytes do: both stay open here.
    out->headers.push_back(open_reader_->header());
  }
  return Status::OK();
}

Status PartitionReader::OpenNextBatch(Gathered* out) {
  open_bytes_ = std::move(fetched_[fetched_next_++]);
  bytes_read_ += open_bytes_.bytes.size();
  ASSIGN_OR_RETURN(storage::BatchHeader header, storage::ParseBatchHeader(open_bytes_.bytes));
  if (header.control() || header.next_offset() <= position_.next) {
    position_.next = std::max(position_.next, header.next_offset());
    return Status::OK();
  }
  Result<storage::RecordReader> reader = storage::RecordReader::Open(open_bytes_.bytes);
  if (!reader.ok()) {
    std::string_view raw(reinterpret_cast<const char*>(open_bytes_.bytes.data()),
                         open_bytes_.bytes.size());
    out->rejected.push_back({.origin = options_.topic + "/" +
                                       std::to_string(options_.partition.partition.value()) + "@" +
                                       std::to_string(header.base_offset.value()),
                             .raw_bytes = CutRawBytes(raw),
                             .cause = reader.status()});
    position_.next = header.next_offset();
    return Status::OK();
  }
  open_reader_ = std::make_unique<storage::RecordReader>(std::move(*reader));
  return Status::OK();
}

void PartitionReader::CloseBatch(Gathered* out) {
  out->headers.push_back(open_reader_->header());
  out->readers.push_back(std::move(open_reader_));
  out->batches.push_back(std::move(open_bytes_));
}

void PartitionReader::Reject(const Gathered& gathered, size_t record, Status cause,
                             SourceBatch* batch) {
  const storage::RecordView& view = gathered.records[record];
  batch->rejected.push_back({.origin = options_.topic + "/" +
                                       std::to_string(options_.partition.partition.value()) + "@" +
                                       std::to_string(view.offset.value()),
                             .raw_bytes = CutRawBytes(view.value.value_or(std::string_view())),
                             .cause = std::move(cause)});
}

// The key's columns of all records into keys_; a record with a bad key is rejected whole.
Status PartitionReader::DecodeKeys(const Gathered& gathered, std::vector<bool>* bad,
                                   SourceBatch* batch) {
  ASSIGN_OR_RETURN(format::DecodedMessages decoded, key_decoder_->Decode(gathered.keys));
  keys_ = decoded.batch.rows;
  key_row_of_record_.assign(gathered.records.size(), -1);
  for (size_t row = 0; row < decoded.message_of_row.size(); ++row) {
    key_row_of_record_[decoded.message_of_row[row]] = static_cast<int64_t>(row);
  }
  for (format::RejectedMessage& rejected : decoded.rejected) {
    (*bad)[rejected.index] = true;
    Reject(gathered, rejected.index, std::move(rejected.cause), batch);
  }
  return Status::OK();
}

Result<std::shared_ptr<arrow::Array>> PartitionReader::KeyColumn(
    const std::string& column, const std::vector<uint32_t>& record_of_row) {
  auto found = std::find(key_columns_.begin(), key_columns_.end(), column);
  CHECK(found != key_columns_.end());
  arrow::Int64Builder indices;
  for (uint32_t record : record_of_row) {
    int64_t row = key_row_of_record_[record];
    RETURN_IF_ERROR(row < 0 ? indices.AppendNull() : indices.Append(row));
  }
  ASSIGN_OR_RETURN(auto index_array, indices.Finish());
  const auto& values = keys_->column(static_cast<int>(found - key_columns_.begin()));
  return arrow::compute::Take(*values, *index_array);
}

Result<SourceBatch> PartitionReader::Decode(Gathered gathered) {
  SourceBatch batch;
  batch.rejected = std::move(gathered.rejected);
  std::vector<bool> bad(gathered.records.size(), false);
  if (key_decoder_ != nullptr) RETURN_IF_ERROR(DecodeKeys(gathered, &bad, &batch));
  for (size_t i = 0; i < gathered.records.size(); ++i) {
    if (bad[i]) gathered.values[i] = std::string_view();
  }
  ASSIGN_OR_RETURN(format::DecodedMessages decoded, value_decoder_->Decode(gathered.values));
  for (format::RejectedMessage& rejected : decoded.rejected) {
    Reject(gathered, rejected.index, std::move(rejected.cause), &batch);
  }
  auto fill = [&](const ScanLayout::Other& other) -> Result<std::shared_ptr<arrow::Array>> {
    if (other.metadata_key.empty()) return KeyColumn(other.column, decoded.message_of_row);
    if (other.format_metadata >= 0) return decoded.metadata[other.format_metadata];
    return MetadataColumn(other.metadata_key, gathered, decoded.message_of_row);
  };
  ASSIGN_OR_RETURN(batch.batch.rows, layout_.Assemble(*decoded.batch.rows, fill));
  batch.batch.kinds = std::move(decoded.batch.kinds);
  if (options_.upsert) {
    batch.batch.kinds.clear();
    for (uint32_t record : decoded.message_of_row) {
      batch.batch.kinds.push_back(gathered.records[record].value ? RowKind::kUpdateAfter
                                                                 : RowKind::kDelete);
    }
  }
  batch.position = position_.ToString();
  batch.bytes_read = std::exchange(bytes_read_, 0);
  batch.end_of_split = AtEnd();
  batch.lag_records = std::max<int64_t>(high_watermark_ - position_.next, 0);
  batch.caught_up = batch.lag_records == 0;
  return batch;
}

namespace {

template <typename Builder, typename Value>
Result<std::shared_ptr<arrow::Array>> Build(Builder builder,
                                            const std::vector<uint32_t>& record_of_row,
                                            Value value) {
  RETURN_IF_ERROR(builder.Reserve(static_cast<int64_t>(record_of_row.size())));
  for (uint32_t record : record_of_row) RETURN_IF_ERROR(builder.Append(value(record)));
  return builder.Finish();
}

Result<std::shared_ptr<arrow::Array>> HeaderColumn(const std::vector<storage::RecordView>& records,
                                                   const std::vector<uint32_t>& record_of_row) {
  auto keys = std::make_shared<arrow::StringBuilder>();
  auto values = std::make_shared<arrow::BinaryBuilder>();
  arrow::MapBuilder builder(arrow::default_memory_pool(), keys, values);
  for (uint32_t record : record_of_row) {
    ASSIGN_OR_RETURN(auto headers, storage::ReadHeaders(records[record]));
    RETURN_IF_ERROR(builder.Append());
    // A map has each key once: the last header of a name wins.
    for (size_t i = 0; i < headers.size(); ++i) {
      auto same = [&](const storage::RecordHeader& later) { return later.key == headers[i].key; };
      if (std::any_of(headers.begin() + static_cast<ptrdiff_t>(i) + 1, headers.end(), same)) {
        continue;
      }
      RETURN_IF_ERROR(keys->Append(headers[i].key));
      RETURN_IF_ERROR(headers[i].value ? values->Append(*headers[i].value) : values->AppendNull());
    }
  }
  return builder.Finish();
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> PartitionReader::MetadataColumn(
    const std::string& key, const Gathered& gathered, const std::vector<uint32_t>& record_of_row) {
  const auto& records = gathered.records;
  int64_t rows = static_cast<int64_t>(record_of_row.size());
  if (key == "topic") {
    return arrow::MakeArrayFromScalar(*arrow::MakeScalar(options_.topic), rows);
  }
  if (key == "partition") {
    int32_t partition = options_.partition.partition.value();
    return arrow::MakeArrayFromScalar(*arrow::MakeScalar(partition), rows);
  }
  if (key == "offset") {
    auto value = [&](uint32_t record) { return records[record].offset.value(); };
    return Build(arrow::Int64Builder(), record_of_row, value);
  }
  if (key == "timestamp") {
    auto value = [&](uint32_t record) { return records[record].timestamp_ms; };
    arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"),
                                    arrow::default_memory_pool());
    return Build(std::move(builder), record_of_row, value);
  }
  if (key == "timestamp-type") {
    auto value = [&](uint32_t record) -> std::string_view {
      return gathered.headers[gathered.header_of_record[record]].log_append_time() ? "LogAppendTime"
                                                                                   : "CreateTime";
    };
    return Build(arrow::StringBuilder(), record_of_row, value);
  }
  if (key == "leader-epoch") {
    auto value = [&](uint32_t record) {
      return gathered.headers[gathered.header_of_record[record]].leader_epoch.value();
    };
    return Build(arrow::Int32Builder(), record_of_row, value);
  }
  return HeaderColumn(records, record_of_row);
}

}  // namespace mainstem::source
