#include "sink/kafka/row_encoder.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "storage/batch_builder.h"

namespace mainstem::sink {
namespace {

using connector::LogRecord;

std::shared_ptr<arrow::RecordBatch> Select(const arrow::RecordBatch& rows,
                                           const std::vector<int>& columns,
                                           const std::shared_ptr<arrow::Schema>& schema) {
  arrow::ArrayVector arrays;
  for (int column : columns) arrays.push_back(rows.column(column));
  return arrow::RecordBatch::Make(schema, rows.num_rows(), std::move(arrays));
}

bool IsDelete(const RecordLayout& layout, const ChangelogBatch& batch, size_t row) {
  return layout.upsert && !batch.kinds.empty() &&
         (batch.kinds[row] == RowKind::kDelete || batch.kinds[row] == RowKind::kUpdateBefore);
}

// A NULL alone is no message in 'raw': no key, or no value.
bool IsNullMessage(const connector::FormatChoice& format, const ChangelogBatch& batch, size_t row) {
  return format.format == "raw" && batch.rows->column(0)->IsNull(static_cast<int64_t>(row));
}

int64_t ToMilliseconds(const arrow::TimestampArray& times, int64_t row) {
  int64_t ticks = times.Value(row);
  switch (static_cast<const arrow::TimestampType&>(*times.type()).unit()) {
    case arrow::TimeUnit::SECOND: return ticks * 1000;
    case arrow::TimeUnit::MILLI: return ticks;
    case arrow::TimeUnit::MICRO: return ticks / 1000;
    case arrow::TimeUnit::NANO: return ticks / 1000000;
  }
  return ticks;
}

void FillHeaders(const arrow::MapArray& headers, int64_t row, LogRecord* record) {
  // STRING and BYTES have the same layout.
  const auto& keys = static_cast<const arrow::BinaryArray&>(*headers.keys());
  const auto& items = static_cast<const arrow::BinaryArray&>(*headers.items());
  for (int64_t i = headers.value_offset(row); i < headers.value_offset(row + 1); ++i) {
    record->headers.emplace_back(keys.GetString(i),
                                 items.IsNull(i) ? std::string() : items.GetString(i));
  }
}

}  // namespace

ErrorText KeylessText(const std::string& topic) {
  return {.message = "a record without a key can't go to topic '" + topic + "', which is compacted",
          .hint =
              "give it one: 'key.format' and 'key.fields', or 'upsert-kafka' with a PRIMARY "
              "KEY"};
}

std::string DeletingTopicText(const std::string& topic) {
  return "topic '" + topic +
         "' deletes old records ('cleanup.policy'), and with them keys that nobody updates; "
         "'compact' keeps the last value of each";
}

ErrorText TooLongText(const std::string& topic, size_t bytes, size_t max_bytes) {
  return {.message = fmt::format("a record of {} bytes is too long for topic '{}', which takes {}",
                                 bytes, topic, max_bytes),
          .hint = "raise the topic's max.message.bytes, or write less in a row"};
}

size_t BatchBytesBound(const LogRecord& record) {
  std::vector<storage::RecordHeader> headers;
  for (const auto& [key, value] : record.headers) headers.push_back({key, value});
  return storage::kBatchHeaderBytes + storage::RecordBytesBound(record.key, record.value, headers);
}

Task<std::unique_ptr<RowEncoder>> RowEncoder::Make(Env* env,
                                                   std::shared_ptr<const RecordLayout> layout) {
  std::unique_ptr<RowEncoder> encoder(new RowEncoder(layout));
  if (!layout->key_format.format.empty()) {
    CO_ASSIGN_OR_RETURN(encoder->key_encoder_,
                        format::MakeEncoder(layout->key_format.format, layout->key_schema,
                                            layout->key_format.options));
    CO_RETURN_IF_ERROR(co_await encoder->key_encoder_->Prepare(env));
  }
  CO_ASSIGN_OR_RETURN(encoder->value_encoder_,
                      format::MakeEncoder(layout->value_format.format, layout->value_schema,
                                          layout->value_format.options));
  CO_RETURN_IF_ERROR(co_await encoder->value_encoder_->Prepare(env));
  co_return encoder;
}

Result<std::vector<LogRecord>> RowEncoder::Encode(const ChangelogBatch& batch) {
  CHECK(batch.rows->num_columns() == layout_->column_count);
  RETURN_IF_ERROR(CheckKinds(batch));
  std::vector<LogRecord> records(static_cast<size_t>(batch.rows->num_rows()));
  RETURN_IF_ERROR(EncodeKeys(batch, &records));
  RETURN_IF_ERROR(EncodeValues(batch, &records));
  for (size_t row = 0; row < records.size(); ++row) {
    FillMetadata(batch, static_cast<int64_t>(row), &records[row]);
  }
  return records;
}

Status RowEncoder::CheckKinds(const ChangelogBatch& batch) const {
  if (layout_->upsert || layout_->is_changelog) return Status::OK();
  for (RowKind kind : batch.kinds) {
    if (kind == RowKind::kInsert) continue;
    return MakeError(ErrorCode::kSemanticError,
                     {.message = "topic '" + layout_->topic + "' with the format '" +
                                 layout_->value_format.format +
                                 "' takes inserts only, but the query updates its result",
                      .hint = "use 'upsert-kafka' with a PRIMARY KEY, or 'debezium-json'"});
  }
  return Status::OK();
}

Status RowEncoder::EncodeKeys(const ChangelogBatch& batch, std::vector<LogRecord>* records) {
  if (!key_encoder_) return Status::OK();
  ChangelogBatch keys;
  keys.rows = Select(*batch.rows, layout_->key_columns, layout_->key_schema);
  ASSIGN_OR_RETURN(auto messages, key_encoder_->Encode(keys));
  for (size_t row = 0; row < records->size(); ++row) {
    if (IsNullMessage(layout_->key_format, keys, row)) continue;
    (*records)[row].key = std::move(messages[row]);
  }
  return Status::OK();
}

Status RowEncoder::EncodeValues(const ChangelogBatch& batch, std::vector<LogRecord>* records) {
  ChangelogBatch values;
  values.rows = Select(*batch.rows, layout_->value_columns, layout_->value_schema);
  // A tombstone's columns are encoded for nothing: deletes are few.
  if (layout_->is_changelog) values.kinds = batch.kinds;
  ASSIGN_OR_RETURN(auto messages, value_encoder_->Encode(values));
  for (size_t row = 0; row < records->size(); ++row) {
    if (IsDelete(*layout_, batch, row) || IsNullMessage(layout_->value_format, values, row))
      continue;
    (*records)[row].value = std::move(messages[row]);
  }
  return Status::OK();
}

void RowEncoder::FillMetadata(const ChangelogBatch& batch, int64_t row, LogRecord* record) const {
  if (layout_->timestamp_column) {
    const auto& times =
        static_cast<const arrow::TimestampArray&>(*batch.rows->column(*layout_->timestamp_column));
    if (times.IsValid(row)) record->timestamp_ms = ToMilliseconds(times, row);
  }
  if (layout_->headers_column) {
    const auto& headers =
        static_cast<const arrow::MapArray&>(*batch.rows->column(*layout_->headers_column));
    if (headers.IsValid(row)) FillHeaders(headers, row, record);
  }
}

}  // namespace mainstem::sink
