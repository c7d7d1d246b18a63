#include "sink/kafka/kafka_sink.h"

#include <atomic>

#include <arrow/api.h>
#include <fmt/format.h>

#include "connector/kafka/client_config.h"
#include "connector/options.h"
#include "connector/remark.h"
#include "sink/kafka/cluster_writer.h"
#include "sink/kafka/record_layout.h"
#include "sink/kafka/row_encoder.h"
#include "sink/refused_row.h"
#include "storage/batch_builder.h"
#include "storage/topic_config.h"

namespace mainstem::sink {
namespace {

using connector::ConnectorContext;
using connector::LogRecord;
using connector::RejectedRecord;
using connector::TableDescriptor;

connector::SinkMode ModeOf(const RecordLayout& layout) {
  if (layout.upsert) return connector::SinkMode::kUpsert;
  return layout.is_changelog ? connector::SinkMode::kRetract : connector::SinkMode::kAppendOnly;
}

class KafkaLogWriter final : public connector::LogWriter {
 public:
  KafkaLogWriter(storage::Log* log, std::shared_ptr<const RecordLayout> layout,
                 std::unique_ptr<RowEncoder> encoder, uint32_t writer_index)
      : log_(log),
        layout_(std::move(layout)),
        encoder_(std::move(encoder)),
        partitioner_(layout_->partitioner, writer_index) {}

  Result<std::vector<LogRecord>> Encode(const ChangelogBatch& batch,
                                        std::vector<RejectedRecord>* refused) override {
    ASSIGN_OR_RETURN(std::vector<LogRecord> records, encoder_->Encode(batch));
    // Looked up each time: a topic may get more partitions or another limit while the job runs.
    std::optional<storage::TopicInfo> topic = log_->FindTopic(layout_->topic);
    if (!topic) {
      return MakeError(ErrorCode::kUnknownTopic,
                       {.message = "topic '" + layout_->topic + "' does not exist any more",
                        .hint = "create it again, or restart the job to have it created"});
    }
    partitioner_.NextBatch();
    for (LogRecord& record : records) {
      record.partition.topic_id = topic->id;
      record.partition.partition =
          PartitionId(partitioner_.Choose(record.key, topic->partition_count));
    }
    RETURN_IF_ERROR(TakeOutRefused(batch, *topic, &records, refused));
    return records;
  }
  size_t max_batch_bytes() const override { return max_batch_bytes_; }

 private:
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

  storage::Log* log_;
  std::shared_ptr<const RecordLayout> layout_;
  size_t max_batch_bytes_ = SIZE_MAX;
  std::unique_ptr<RowEncoder> encoder_;
  Partitioner partitioner_;
};

class KafkaSink final : public connector::TableSink, public connector::RemarkingPart {
 public:
  KafkaSink(Env* env, storage::Log* log, RecordLayout layout)
      : env_(env), log_(log), layout_(std::make_shared<const RecordLayout>(std::move(layout))) {}

  connector::SinkKind kind() const override { return connector::SinkKind::kLog; }
  connector::SinkMode mode() const override { return ModeOf(*layout_); }
  bool writes_at_once() const override { return layout_->is_at_once; }
  std::string guarantee() const override {
    return layout_->is_at_once ? "at least once (written at once)"
                               : "exactly once (committed with the epoch)";
  }

  Task<std::unique_ptr<connector::LogWriter>> MakeLogWriter() override {
    if (!log_->FindTopic(layout_->topic)) {
      storage::TopicConfig config;
      // Else a key that is not written for as long as records are kept would be gone.
      if (layout_->upsert) config["cleanup.policy"] = "compact";
      Result<storage::TopicInfo> created = co_await log_->CreateTopic(
          layout_->topic, -1, std::move(config), /*validate_only=*/false);
      if (!created.ok() && !Is(created.status(), ErrorCode::kAlreadyExists)) {
        co_return created.status();
      }
    }
    CO_RETURN_IF_ERROR(CheckKeys());
    CO_ASSIGN_OR_RETURN(auto encoder, co_await RowEncoder::Make(env_, layout_));
    co_return std::make_unique<KafkaLogWriter>(log_, layout_, std::move(encoder), writer_count_++);
  }

  std::string Remark() const override {
    if (!layout_->upsert) return "";
    std::optional<storage::TopicInfo> topic = log_->FindTopic(layout_->topic);
    if (!topic) return "";
    Result<storage::EffectiveConfig> config = storage::ParseTopicConfig(topic->config);
    if (!config.ok() || !config->delete_policy) return "";
    return DeletingTopicText(layout_->topic);
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

// Into a cluster that is not this node.
class ClusterSink final : public connector::TableSink {
 public:
  ClusterSink(Env* env, ClusterSinkOptions options)
      : env_(env), options_(std::make_shared<const ClusterSinkOptions>(std::move(options))) {}

  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override { return ModeOf(options_->layout); }
  std::string guarantee() const override {
    return options_->layout.is_at_once ? "at least once"
                                       : "exactly once (position in the same transaction)";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeClusterWriter(env_, options_, std::move(delivery_id), partition);
  }

 private:
  Env* env_;
  std::shared_ptr<const ClusterSinkOptions> options_;
};

Result<std::unique_ptr<connector::TableSink>> MakeClusterSink(const TableDescriptor& table,
                                                              const ConnectorContext& context,
                                                              RecordLayout layout) {
  ClusterSinkOptions options;
  options.table_name = table.name;
  ASSIGN_OR_RETURN(options.client,
                   connector::ReadKafkaClientOptions(table, context.base_directory));
  connector::TableOptions given(table);
  options.id_prefix = given.Text("sink.transactional-id-prefix", "mainstem");
  options.layout = std::move(layout);
  return std::make_unique<ClusterSink>(context.env, std::move(options));
}

Result<std::unique_ptr<connector::TableSink>> MakeKafkaSink(const TableDescriptor& table,
                                                            const ConnectorContext& context,
                                                            KafkaFlavour flavour) {
  ASSIGN_OR_RETURN(RecordLayout layout, MakeRecordLayout(table, flavour));
  // Made once here so that wrong formats and types are told at CREATE, not when the job runs.
  RETURN_IF_ERROR(format::MakeEncoder(layout.value_format.format, layout.value_schema,
                                      layout.value_format.options));
  if (!layout.key_format.format.empty()) {
    RETURN_IF_ERROR(format::MakeEncoder(layout.key_format.format, layout.key_schema,
                                        layout.key_format.options));
  }
  connector::TableOptions options(table);
  std::string servers = options.Text("properties.bootstrap.servers", "");
  if (!connector::IsOwnAddress(servers, context.own_addresses)) {
    return MakeClusterSink(table, context, std::move(layout));
  }
  if (context.log == nullptr) {
    return MakeError(ErrorCode::kUnsupported,
                     "table '" + table.name + "': this tool has no log to write topics to");
  }
  Status allowed = storage::CheckClientUse(layout.topic, storage::ClientUse::kWrite);
  if (!allowed.ok()) {
    return MakeError(CodeOf(allowed), "table '" + table.name + "': " + TextOf(allowed).message);
  }
  return std::make_unique<KafkaSink>(context.env, context.log, std::move(layout));
}

std::vector<connector::OptionSpec> CommonOptions() {
  std::vector<connector::OptionSpec> options = {
      {.name = "topic",
       .documentation = "The topic to write to; made when it does not exist, in another cluster "
                        "if its brokers make topics by themselves."},
      {.name = "key.fields-prefix", .documentation = "Prefix of key columns, absent in the key."},
      {.name = "value.fields-include",
       .default_value = "ALL",
       .documentation = "ALL, or EXCEPT_KEY to leave key columns out of the value."},
      {.name = "sink.partitioner",
       .default_value = "default",
       .documentation = "default (hash of the key, as Kafka's clients), fixed, round-robin."},
      {.name = "sink.delivery-guarantee",
       .default_value = "exactly-once",
       .documentation = "exactly-once: rows are seen when the job's checkpoint commits them, in "
                        "another cluster by a transaction; at-least-once or none: at once, without "
                        "transactions, and again after a restart."},
      {.name = "sink.transactional-id-prefix",
       .default_value = "mainstem",
       .documentation = "Of the transactional ids and groups in another cluster; without effect on "
                        "this node's own log."},
      {.name = "sink.transaction-naming-strategy", .documentation = "Accepted, without effect."},
  };
  std::vector<connector::OptionSpec> client = connector::KafkaClientOptionSpecs();
  options.insert(options.end(), client.begin(), client.end());
  return options;
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
