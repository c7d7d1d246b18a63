#include "sink/firehose/record_sink.h"

#include <arrow/api.h>
#include <fmt/format.h>

namespace mainstem::sink {
namespace {

class RecordSink final : public connector::TableSink {
 public:
  explicit RecordSink(RecordSinkParts parts)
      : parts_(std::move(parts)), progress_(std::make_shared<RecordProgress>()) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override { return connector::SinkMode::kAppendOnly; }
  std::string guarantee() const override { return parts_.guarantee; }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeRecordWriter({.env = parts_.env,
                             .connector = parts_.connector,
                             .buffering = parts_.buffering,
                             .progress = progress_,
                             .client = parts_.make_client(partition),
                             .delivery_id = std::move(delivery_id),
                             .partition = partition});
  }

 private:
  RecordSinkParts parts_;
  std::shared_ptr<RecordProgress> progress_;
};

}  // namespace

Status CheckRecordColumns(const connector::TableDescriptor& table) {
  const arrow::Schema& schema = *table.schema;
  if (table.metadata_columns.empty() && table.primary_key.empty() && schema.num_fields() == 2 &&
      schema.field(0)->type()->id() == arrow::Type::BINARY &&
      schema.field(1)->type()->id() == arrow::Type::TIMESTAMP &&
      static_cast<const arrow::TimestampType&>(*schema.field(1)->type()).unit() ==
          arrow::TimeUnit::MILLI) {
    return Status::OK();
  }
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = "table '" + table.name + "': connector '" + table.options.at("connector") +
                  "' takes a column of BYTES and one of TIMESTAMP_LTZ(3), without a "
                  "key",
       .hint = "the data, and when it arrived"});
}

RecordBuffering ReadBuffering(connector::TableOptions* options, int64_t bytes_max) {
  RecordBuffering buffering;
  const int64_t bytes = options->Bytes("sink.buffer.size", 5 << 20);
  if (bytes < 1 || bytes > bytes_max) {
    options->Fail("sink.buffer.size", fmt::format("is {}MB at most", bytes_max >> 20));
  }
  buffering.bytes = static_cast<size_t>(bytes);
  buffering.time = options->Time("sink.buffer.interval", std::chrono::seconds(300));
  buffering.retry_time = options->Time("sink.retry.duration", std::chrono::seconds(300));
  return buffering;
}

std::vector<connector::OptionSpec> BufferingOptionSpecs() {
  return {{.name = "sink.buffer.size",
           .default_value = "5MB",
           .documentation = "A request is sent when so much data waits."},
          {.name = "sink.buffer.interval",
           .default_value = "300 s",
           .documentation = "Or when the first of it has waited so long."},
          {.name = "sink.retry.duration",
           .default_value = "300 s",
           .documentation = "How long a request is tried before its records are handed over."}};
}

Result<std::string> ReadUrl(const connector::TableDescriptor& table,
                            connector::TableOptions* options) {
  Result<std::string> checked = connector::CheckHttpUrl(options->Text("url", ""));
  if (checked.ok()) return checked;
  return MakeError(ErrorCode::kInvalidArgument,
                   "table '" + table.name + "': option 'url': " + TextOf(checked.status()).message);
}

std::unique_ptr<connector::TableSink> MakeRecordSink(RecordSinkParts parts) {
  return std::make_unique<RecordSink>(std::move(parts));
}

}  // namespace mainstem::sink
