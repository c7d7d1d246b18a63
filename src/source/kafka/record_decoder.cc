#include "source/kafka/record_decoder.h"

#include <algorithm>
#include <iterator>

#include <arrow/api.h>
#include <arrow/compute/api.h>

namespace mainstem::source {
namespace {

using connector::SourceBatch;

std::string_view OrNull(const std::optional<std::string_view>& bytes) {
  if (!bytes) return {};
  // An empty value is not a missing one: its view must not be null.
  return bytes->data() != nullptr ? *bytes : std::string_view("", 0);
}

}  // namespace

RecordDecoder::RecordDecoder(RecordDecodeOptions options, ScanLayout layout,
                             std::unique_ptr<format::Decoder> value_decoder)
    : options_(std::move(options)),
      layout_(std::move(layout)),
      value_decoder_(std::move(value_decoder)) {}

void RecordDecoder::SetKeyDecoder(std::vector<std::string> key_columns,
                                  std::unique_ptr<format::Decoder> decoder) {
  key_columns_ = std::move(key_columns);
  key_decoder_ = std::move(decoder);
}

std::string RecordDecoder::OriginOf(Offset offset) const {
  return fmt::format("{}/{}@{}", options_.topic, options_.partition, offset.value());
}

Task<SourceBatch> RecordDecoder::Decode(GatheredRecords* gathered) {
  CollectMessages(gathered);
  if (key_decoder_ != nullptr) {
    CO_RETURN_IF_ERROR(co_await key_decoder_->Prepare(options_.env, gathered->keys));
  }
  CO_RETURN_IF_ERROR(co_await value_decoder_->Prepare(options_.env, gathered->values));
  co_return DecodeCollected(gathered);
}

void RecordDecoder::CollectMessages(GatheredRecords* gathered) const {
  gathered->values.reserve(gathered->records.size());
  for (const storage::RecordView& record : gathered->records) {
    if (key_decoder_ != nullptr) gathered->keys.push_back(OrNull(record.key));
    gathered->values.push_back(OrNull(record.value));
  }
}

void RecordDecoder::Reject(const GatheredRecords& gathered, size_t record, Status cause,
                           SourceBatch* batch) {
  const storage::RecordView& view = gathered.records[record];
  batch->rejected.push_back({.origin = OriginOf(view.offset),
                             .raw_bytes = CutRawBytes(view.value.value_or(std::string_view())),
                             .cause = std::move(cause)});
}

// The key's columns of all records into keys_. A record whose key is bad is rejected whole, or
// passed over whole where the key's format is told to.
Status RecordDecoder::DecodeKeys(const GatheredRecords& gathered, std::vector<bool>* no_row,
                                 std::vector<format::RejectedMessage>* bad) {
  ASSIGN_OR_RETURN(format::DecodedMessages decoded, key_decoder_->Decode(gathered.keys));
  keys_ = decoded.batch.rows;
  key_row_of_record_.assign(gathered.records.size(), -1);
  for (size_t row = 0; row < decoded.message_of_row.size(); ++row) {
    key_row_of_record_[decoded.message_of_row[row]] = static_cast<int64_t>(row);
  }
  for (size_t i = 0; i < gathered.records.size(); ++i) {
    // An empty key, like none, is one of NULLs.
    (*no_row)[i] = !OrNull(gathered.records[i].key).empty() && key_row_of_record_[i] < 0;
  }
  for (format::RejectedMessage& rejected : decoded.rejected) {
    (*no_row)[rejected.index] = true;
    bad->push_back(std::move(rejected));
  }
  return Status::OK();
}

// Leaves out what a format makes of the missing values of `no_row`, and puts one row of NULLs for
// each deletion, whatever the format makes of it.
Status RecordDecoder::FitToRecords(const GatheredRecords& gathered, const std::vector<bool>& no_row,
                                   format::DecodedMessages* decoded) const {
  arrow::Int64Builder indices;
  std::vector<uint32_t> record_of_row;
  std::vector<RowKind> kinds;
  size_t row = 0;
  for (uint32_t record = 0; record < gathered.records.size(); ++record) {
    bool is_deletion = IsDeletion(gathered.records[record]) && !no_row[record];
    if (is_deletion) {
      RETURN_IF_ERROR(indices.AppendNull());
      record_of_row.push_back(record);
    }
    for (; row < decoded->message_of_row.size() && decoded->message_of_row[row] == record; ++row) {
      if (is_deletion || no_row[record]) continue;
      RETURN_IF_ERROR(indices.Append(static_cast<int64_t>(row)));
      record_of_row.push_back(record);
      if (!decoded->batch.kinds.empty()) kinds.push_back(decoded->batch.kinds[row]);
    }
  }
  CHECK(row == decoded->message_of_row.size());  // in the messages' order
  ASSIGN_OR_RETURN(auto taken, indices.Finish());
  arrow::ArrayVector columns = decoded->batch.rows->columns();
  for (auto& column : columns) {
    ASSIGN_OR_RETURN(column, arrow::compute::Take(*column, *taken));
  }
  for (auto& column : decoded->metadata) {
    ASSIGN_OR_RETURN(column, arrow::compute::Take(*column, *taken));
  }
  decoded->batch.rows =
      arrow::RecordBatch::Make(decoded->batch.rows->schema(), taken->length(), std::move(columns));
  decoded->batch.kinds = std::move(kinds);
  decoded->message_of_row = std::move(record_of_row);
  return Status::OK();
}

Result<std::shared_ptr<arrow::Array>> RecordDecoder::KeyColumn(
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

Result<SourceBatch> RecordDecoder::DecodeCollected(GatheredRecords* gathered) {
  SourceBatch batch;
  batch.rejected = std::move(gathered->rejected);
  std::vector<bool> no_row(gathered->records.size(), false);
  std::vector<format::RejectedMessage> bad;
  if (key_decoder_ != nullptr) RETURN_IF_ERROR(DecodeKeys(*gathered, &no_row, &bad));
  bool fits = true;
  for (size_t i = 0; i < gathered->records.size(); ++i) {
    if (no_row[i]) gathered->values[i] = std::string_view();
    fits = fits && !no_row[i] && !IsDeletion(gathered->records[i]);
  }
  ASSIGN_OR_RETURN(format::DecodedMessages decoded, value_decoder_->Decode(gathered->values));
  if (!fits) RETURN_IF_ERROR(FitToRecords(*gathered, no_row, &decoded));
  std::move(decoded.rejected.begin(), decoded.rejected.end(), std::back_inserter(bad));
  std::stable_sort(bad.begin(), bad.end(),
                   [](const auto& a, const auto& b) { return a.index < b.index; });
  for (format::RejectedMessage& rejected : bad) {
    Reject(*gathered, rejected.index, std::move(rejected.cause), &batch);
  }
  auto fill = [&](const ScanLayout::Other& other) -> Result<std::shared_ptr<arrow::Array>> {
    if (other.metadata_key.empty()) return KeyColumn(other.column, decoded.message_of_row);
    if (other.format_metadata >= 0) return decoded.metadata[other.format_metadata];
    return MetadataColumn(other.metadata_key, *gathered, decoded.message_of_row);
  };
  ASSIGN_OR_RETURN(batch.batch.rows, layout_.Assemble(*decoded.batch.rows, fill));
  batch.batch.kinds = std::move(decoded.batch.kinds);
  if (options_.upsert) {
    batch.batch.kinds.clear();
    for (uint32_t record : decoded.message_of_row) {
      bool is_deletion = IsDeletion(gathered->records[record]);
      batch.batch.kinds.push_back(is_deletion ? RowKind::kDelete : RowKind::kUpdateAfter);
    }
  }
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

Result<std::shared_ptr<arrow::Array>> RecordDecoder::MetadataColumn(
    const std::string& key, const GatheredRecords& gathered,
    const std::vector<uint32_t>& record_of_row) {
  const auto& records = gathered.records;
  int64_t rows = static_cast<int64_t>(record_of_row.size());
  if (key == "topic") {
    return arrow::MakeArrayFromScalar(*arrow::MakeScalar(options_.topic), rows);
  }
  if (key == "partition") {
    return arrow::MakeArrayFromScalar(*arrow::MakeScalar(options_.partition), rows);
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
      return gathered.origins[gathered.origin_of_record[record]].is_log_append_time
                 ? "LogAppendTime"
                 : "CreateTime";
    };
    return Build(arrow::StringBuilder(), record_of_row, value);
  }
  if (key == "leader-epoch") {
    arrow::Int32Builder epochs;
    for (uint32_t record : record_of_row) {
      int32_t epoch = gathered.origins[gathered.origin_of_record[record]].leader_epoch;
      RETURN_IF_ERROR(epoch < 0 ? epochs.AppendNull() : epochs.Append(epoch));
    }
    return epochs.Finish();
  }
  return HeaderColumn(records, record_of_row);
}

}  // namespace mainstem::source
