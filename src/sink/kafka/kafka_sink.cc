#include "sink/kafka/kafka_sink.h"

#include <atomic>

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>
#include <fmt/format.h>

#include "sink/kafka/record_layout.h"
#include "sink/refused_row.h"
#include "storage/batch_builder.h"
#include "storage/topic_config.h"

namespace mainstem::sink {
namespace {

using connector::ConnectorContext;
using connector::LogRecord;
using connector::RejectedRecord;
using connector::TableDescriptor;

std::shared_ptr<arrow::RecordBatch> Select(const arrow::RecordBatch& rows,
                                           const std::vector<int>& columns,
                                           const std::shared_ptr<arrow::Schema>& schema) {
  arrow::ArrayVector arrays;
  for (int column : columns) arrays.push_back(rows.column(column));
  return arrow::RecordBatch::Make(schema, rows.num_rows(), std::move(arrays));
}

ErrorText KeylessText(const std::string& topic) {
  return {.message = "a record without a key can't go to topic '" + topic + "', which is compacted",
          .hint =
              "give it one: 'key.format' and 'key.fields', or 'upsert-kafka' with a PRIMARY "
              "KEY"};
}

ErrorText TooLongText(const std::string& topic, size_t bytes, size_t max_bytes) {
  return {.message = fmt::format("a record of {} bytes is too long for topic '{}', which takes {}",
                                 bytes, topic, max_bytes),
          .hint = "raise the topic's max.message.bytes, or write less in a row"};
}

class KafkaLogWriter final : public connector::LogWriter {
 public:
  KafkaLogWriter(storage::Log* log, std::shared_ptr<const RecordLayout> layout,
                 std::unique_ptr<format::Encoder> key_encoder,
                 std::unique_ptr<format::Encoder> value_encoder, uint32_t writer_index)
      : log_(log),
        layout_(std::move(layout)),
        key_encoder_(std::move(key_encoder)),
        value_encoder_(std::move(value_encoder)),
        partitioner_(layout_->partitioner, writer_index) {}

  Result<std::vector<LogRecord>> Encode(const ChangelogBatch& batch,
                                        std::vector<RejectedRecord>* refused) override {
    CHECK(batch.rows->num_columns() == layout_->column_count);
    RETURN_IF_ERROR(CheckKinds(batch));
    // Looked up each time: a topic may get more partitions or another limit while the job runs.
    std::optional<storage::TopicInfo> topic = log_->FindTopic(layout_->topic);
    if (!topic) {
      return MakeError(ErrorCode::kUnknownTopic,
                       {.message = "topic '" + layout_->topic + "' does not exist any more",
                        .hint = "create it again, or restart the job to have it created"});
    }
    partitioner_.NextBatch();
    std::vector<LogRecord> records(static_cast<size_t>(batch.rows->num_rows()));
    RETURN_IF_ERROR(EncodeKeys(batch, &records));
    RETURN_IF_ERROR(EncodeValues(batch, &records));
    for (size_t row = 0; row < records.size(); ++row) {
      LogRecord& record = records[row];
      record.partition.topic_id = topic->id;
      record.partition.partition =
          PartitionId(partitioner_.Choose(record.key, topic->partition_count));
      FillMetadata(batch, static_cast<int64_t>(row), &record);
    }
    RETURN_IF_ERROR(TakeOutRefused(batch, *topic, &records, refused));
    return records;
  }
  size_t max_batch_bytes() const override { return max_batch_bytes_; }

 private:
  bool IsDelete(const ChangelogBatch& batch, size_t row) const {
    return layout_->upsert && !batch.kinds.empty() &&
           (batch.kinds[row] == RowKind::kDelete || batch.kinds[row] == RowKind::kUpdateBefore);
  }

  Status CheckKinds(const ChangelogBatch& batch) const {
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

  // A NULL alone is no message in 'raw': no key, or no value.
  static bool IsNullMessage(const connector::FormatChoice& format, const ChangelogBatch& batch,
                            size_t row) {
    return format.format == "raw" && batch.rows->column(0)->IsNull(static_cast<int64_t>(row));
  }

  // Rows that the topic's configuration does not allow.
  Status TakeOutRefused(const ChangelogBatch& batch, const storage::TopicInfo& topic,
                        std::vector<LogRecord>* records, std::vector<RejectedRecord>* refused) {
    ASSIGN_OR_RETURN(storage::EffectiveConfig config, storage::ParseTopicConfig(topic.config));
    max_batch_bytes_ = config.max_message_bytes;
    auto refuse = [&](size_t row, ErrorText cause) {
      RowKind kind = batch.kinds.empty() ? RowKind::kInsert : batch.kinds[row];
      refused->push_back({.origin = layout_->topic,
                          .raw_bytes = RefusedRowText(*batch.rows, static_cast<int64_t>(row), kind),
                          .cause = MakeError(ErrorCode::kInvalidRecord, std::move(cause))});
    };
    size_t kept = 0;
    for (size_t row = 0; row < records->size(); ++row) {
      LogRecord& record = (*records)[row];
      size_t bytes = BatchBytesBound(record);
      if (config.compact_policy && !record.key) {
        refuse(row, KeylessText(layout_->topic));
      } else if (bytes > max_batch_bytes_) {
        refuse(row, TooLongText(layout_->topic, bytes, max_batch_bytes_));
      } else {
        if (kept != row) (*records)[kept] = std::move(record);
        ++kept;
      }
    }
    records->resize(kept);
    return Status::OK();
  }

  // Of a batch with this record alone.
  static size_t BatchBytesBound(const LogRecord& record) {
    std::vector<storage::RecordHeader> headers;
    for (const auto& [key, value] : record.headers) headers.push_back({key, value});
    return storage::kBatchHeaderBytes +
           storage::RecordBytesBound(record.key, record.value, headers);
  }

  Status EncodeKeys(const ChangelogBatch& batch, std::vector<LogRecord>* records) {
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

  Status EncodeValues(const ChangelogBatch& batch, std::vector<LogRecord>* records) {
    ChangelogBatch values;
    values.rows = Select(*batch.rows, layout_->value_columns, layout_->value_schema);
    // A tombstone's columns are encoded for nothing: deletes are few.
    if (layout_->is_changelog) values.kinds = batch.kinds;
    ASSIGN_OR_RETURN(auto messages, value_encoder_->Encode(values));
    for (size_t row = 0; row < records->size(); ++row) {
      if (IsDelete(batch, row) || IsNullMessage(layout_->value_format, values, row)) continue;
      (*records)[row].value = std::move(messages[row]);
    }
    return Status::OK();
  }

  void FillMetadata(const ChangelogBatch& batch, int64_t row, LogRecord* record) const {
    if (layout_->timestamp_column) {
      const auto& times = static_cast<const arrow::TimestampArray&>(
          *batch.rows->column(*layout_->timestamp_column));
      if (times.IsValid(row)) record->timestamp_ms = ToMilliseconds(times, row);
    }
    if (layout_->headers_column) {
      const auto& headers =
          static_cast<const arrow::MapArray&>(*batch.rows->column(*layout_->headers_column));
      if (headers.IsValid(row)) FillHeaders(headers, row, record);
    }
  }

  static int64_t ToMilliseconds(const arrow::TimestampArray& times, int64_t row) {
    int64_t ticks = times.Value(row);
    switch (static_cast<const arrow::TimestampType&>(*times.type()).unit()) {
      case arrow::TimeUnit::SECOND: return ticks * 1000;
      case arrow::TimeUnit::MILLI: return ticks;
      case arrow::TimeUnit::MICRO: return ticks / 1000;
      case arrow::TimeUnit::NANO: return ticks / 1000000;
    }
    return ticks;
  }

  static void FillHeaders(const arrow::MapArray& headers, int64_t row, LogRecord* record) {
    // STRING and BYTES have the same layout.
    const auto& keys = static_cast<const arrow::BinaryArray&>(*headers.keys());
    const auto& items = static_cast<const arrow::BinaryArray&>(*headers.items());
    for (int64_t i = headers.value_offset(row); i < headers.value_offset(row + 1); ++i) {
      record->headers.emplace_back(keys.GetString(i),
                                   items.IsNull(i) ? std::string() : items.GetString(i));
    }
  }

  storage::Log* log_;
  std::shared_ptr<const RecordLayout> layout_;
  size_t max_batch_bytes_ = SIZE_MAX;
  std::unique_ptr<format::Encoder> key_encoder_;
  std::unique_ptr<format::Encoder> value_encoder_;
  Partitioner partitioner_;
};

class KafkaSink final : public connector::TableSink {
 public:
  KafkaSink(Env* env, storage::Log* log, RecordLayout layout)
      : env_(env), log_(log), layout_(std::make_shared<const RecordLayout>(std::move(layout))) {}

  connector::SinkKind kind() const override { return connector::SinkKind::kLog; }
  connector::SinkMode mode() const override {
    if (layout_->upsert) return connector::SinkMode::kUpsert;
    return layout_->is_changelog ? connector::SinkMode::kRetract : connector::SinkMode::kAppendOnly;
  }
  bool writes_at_once() const override { return layout_->is_at_once; }
  std::string guarantee() const override {
    return layout_->is_at_once ? "at least once (written at once)"
                               : "exactly once (committed with the epoch)";
  }

  Task<std::unique_ptr<connector::LogWriter>> MakeLogWriter() override {
    if (!log_->FindTopic(layout_->topic)) {
      Result<storage::TopicInfo> created =
          co_await log_->CreateTopic(layout_->topic, -1, {}, /*validate_only=*/false);
      if (!created.ok() && !Is(created.status(), ErrorCode::kAlreadyExists)) {
        co_return created.status();
      }
    }
    CO_RETURN_IF_ERROR(CheckKeys());
    std::unique_ptr<format::Encoder> key_encoder;
    if (!layout_->key_format.format.empty()) {
      CO_ASSIGN_OR_RETURN(key_encoder,
                          format::MakeEncoder(layout_->key_format.format, layout_->key_schema,
                                              layout_->key_format.options));
      CO_RETURN_IF_ERROR(co_await key_encoder->Prepare(env_));
    }
    CO_ASSIGN_OR_RETURN(auto value_encoder,
                        format::MakeEncoder(layout_->value_format.format, layout_->value_schema,
                                            layout_->value_format.options));
    CO_RETURN_IF_ERROR(co_await value_encoder->Prepare(env_));
    co_return std::make_unique<KafkaLogWriter>(log_, layout_, std::move(key_encoder),
                                               std::move(value_encoder), writer_count_++);
  }

 private:
  // A table without keys is told at once that its topic is compacted.
  Status CheckKeys() const {
    std::optional<storage::TopicInfo> topic = log_->FindTopic(layout_->topic);
    if (!topic || !layout_->key_format.format.empty()) return Status::OK();
    ASSIGN_OR_RETURN(storage::EffectiveConfig config, storage::ParseTopicConfig(topic->config));
    if (!config.compact_policy) return Status::OK();
    return MakeError(ErrorCode::kInvalidConfig, KeylessText(layout_->topic));
  }

  Env* env_;
  storage::Log* log_;
  std::shared_ptr<const RecordLayout> layout_;
  std::atomic<uint32_t> writer_count_{0};  // writers are made on several shards
};

std::string NormalAddress(std::string address) {
  std::string normal = std::move(address);
  absl::StripAsciiWhitespace(&normal);
  constexpr std::string_view kLocalhost = "localhost:";
  if (normal.starts_with(kLocalhost)) normal = "127.0.0.1:" + normal.substr(kLocalhost.size());
  return normal;
}

Status CheckAddress(const TableDescriptor& table, const ConnectorContext& context) {
  constexpr const char* kOption = "properties.bootstrap.servers";
  auto found = table.options.find(kOption);
  if (context.log == nullptr) {
    return MakeError(ErrorCode::kUnsupported,
                     "table '" + table.name + "': this tool has no log to write topics to");
  }
  if (found == table.options.end()) return Status::OK();  // the registry checks what is required
  std::vector<std::string> addresses = absl::StrSplit(found->second, ',');
  for (const std::string& address : addresses) {
    for (const std::string& own : context.own_addresses) {
      if (NormalAddress(address) == NormalAddress(own)) return Status::OK();
    }
  }
  std::string own = context.own_addresses.empty() ? "" : context.own_addresses.front();
  return MakeError(
      ErrorCode::kUnsupported,
      {.message = "table '" + table.name + "': '" + kOption + "' = '" + found->second +
                  "' is another broker",
       .detail = "writing to foreign Kafka brokers is not supported yet, it comes later",
       .hint = own.empty() ? "" : "this node's own address is '" + own + "'"});
}

Result<std::unique_ptr<connector::TableSink>> MakeKafkaSink(const TableDescriptor& table,
                                                            const ConnectorContext& context,
                                                            KafkaFlavour flavour) {
  RETURN_IF_ERROR(CheckAddress(table, context));
  ASSIGN_OR_RETURN(RecordLayout layout, MakeRecordLayout(table, flavour));
  // Made once here so that wrong formats and types are told at CREATE, not when the job runs.
  RETURN_IF_ERROR(format::MakeEncoder(layout.value_format.format, layout.value_schema,
                                      layout.value_format.options));
  if (!layout.key_format.format.empty()) {
    RETURN_IF_ERROR(format::MakeEncoder(layout.key_format.format, layout.key_schema,
                                        layout.key_format.options));
  }
  return std::make_unique<KafkaSink>(context.env, context.log, std::move(layout));
}

std::vector<connector::OptionSpec> CommonOptions() {
  return {
      {.name = "topic", .documentation = "The topic to write to; made when it does not exist."},
      {.name = "properties.bootstrap.servers",
       .documentation = "Address of the broker; this node's own address means its own log.",
       .required = true},
      {.name = "properties.*",
       .documentation = "Properties of Kafka's clients; without effect on this node's own log."},
      {.name = "key.fields-prefix", .documentation = "Prefix of key columns, absent in the key."},
      {.name = "value.fields-include",
       .default_value = "ALL",
       .documentation = "ALL, or EXCEPT_KEY to leave key columns out of the value."},
      {.name = "sink.partitioner",
       .default_value = "default",
       .documentation = "default (hash of the key, as Kafka's clients), fixed, round-robin."},
      {.name = "sink.delivery-guarantee",
       .default_value = "exactly-once",
       .documentation = "exactly-once: rows are seen when the job's checkpoint commits them; "
                        "at-least-once or none: at once, and again after a restart."},
      {.name = "sink.transactional-id-prefix", .documentation = "Accepted, without effect."},
      {.name = "sink.transaction-naming-strategy", .documentation = "Accepted, without effect."},
  };
}

connector::ConnectorSpec MakeSpec(std::string name, KafkaFlavour flavour) {
  connector::ConnectorSpec spec;
  spec.name = std::move(name);
  spec.options = CommonOptions();
  spec.takes_format = true;
  spec.metadata_keys = {{"timestamp", "TIMESTAMP_LTZ(3)"}, {"headers", "MAP<STRING, BYTES>"}};
  spec.make_sink = [flavour](TableDescriptor table, ConnectorContext context) {
    return MakeKafkaSink(table, context, flavour);
  };
  return spec;
}

}  // namespace

connector::ConnectorSpec KafkaSinkConnector() {
  connector::ConnectorSpec spec = MakeSpec("kafka", KafkaFlavour::kPlain);
  spec.options.push_back(
      {.name = "key.fields", .documentation = "Columns of the record's key: 'a;b'."});
  return spec;
}

connector::ConnectorSpec UpsertKafkaSinkConnector() {
  connector::ConnectorSpec spec = MakeSpec("upsert-kafka", KafkaFlavour::kUpsert);
  spec.options.push_back({.name = "sink.buffer-flush.max-rows",
                          .documentation = "Accepted, without effect: epochs make batches."});
  spec.options.push_back({.name = "sink.buffer-flush.interval",
                          .documentation = "Accepted, without effect: epochs make batches."});
  return spec;
}

}  // namespace mainstem::sink
