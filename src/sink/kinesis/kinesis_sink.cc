#include "sink/kinesis/kinesis_sink.h"

#include <arrow/api.h>

#include "connector/kinesis/kinesis_client.h"
#include "connector/kinesis/kinesis_options.h"
#include "sink/kinesis/kinesis_writer.h"

namespace mainstem::sink {
namespace {

// What PutRecords takes in all.
constexpr int64_t kCallBytesMax = 10 << 20;

class KinesisSink final : public connector::TableSink {
 public:
  KinesisSink(Env* env, KinesisSinkOptions options, connector::KinesisOptions access)
      : env_(env),
        options_(std::make_shared<const KinesisSinkOptions>(std::move(options))),
        progress_(std::make_shared<KinesisProgress>()),
        stream_(std::make_shared<connector::KinesisClient>(env, std::move(access))) {}

  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    if (options_->is_upsert) return connector::SinkMode::kUpsert;
    const format::FormatInfo* info = format::FindFormat(options_->format.format);
    return info != nullptr && info->is_changelog ? connector::SinkMode::kRetract
                                                 : connector::SinkMode::kAppendOnly;
  }
  std::string guarantee() const override { return "at least once"; }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeKinesisWriter(env_, options_, progress_, stream_, std::move(delivery_id), partition);
  }

 private:
  Env* env_;
  std::shared_ptr<const KinesisSinkOptions> options_;
  std::shared_ptr<KinesisProgress> progress_;
  std::shared_ptr<connector::KinesisStream> stream_;
};

void ReadPartitioner(const connector::TableDescriptor& table, connector::TableOptions* options,
                     KinesisSinkOptions* result) {
  result->is_upsert = !table.primary_key.empty();
  const std::vector<std::string>& keys =
      table.partition_keys.empty() ? table.primary_key : table.partition_keys;
  for (const std::string& name : keys) {
    result->key_columns.push_back(table.schema->GetFieldIndex(name));
  }
  result->key_delimiter = options->Text("sink.partitioner-field-delimiter", "|");
  const std::string partitioner = options->Text("sink.partitioner", "random");
  result->is_fixed = partitioner == "fixed";
  if (!result->is_fixed && partitioner != "random") {
    options->Fail("sink.partitioner", "must be 'random' or 'fixed'",
                  "classes are not loaded; PARTITIONED BY makes keys of columns");
  } else if (!keys.empty() && options->Has("sink.partitioner")) {
    options->Fail("sink.partitioner", "goes not together with PARTITIONED BY or a PRIMARY KEY");
  }
}

void ReadCalls(connector::TableOptions* options, KinesisSinkOptions* result) {
  const int64_t records = options->Integer("sink.batch.max-size", 500);
  if (records < 1 || records > 500) {
    options->Fail("sink.batch.max-size", "must be between 1 and 500");
  }
  const int64_t bytes = options->Bytes("sink.flush-buffer.size", 5 << 20);
  if (bytes < 1 || bytes > kCallBytesMax) {
    options->Fail("sink.flush-buffer.size", "must be between 1 byte and 10 MiB");
  }
  result->records_max = static_cast<size_t>(records);
  result->bytes_max = static_cast<size_t>(bytes);
  result->fails_at_once = options->Bool("sink.fail-on-error", false);
}

Result<std::unique_ptr<connector::TableSink>> MakeKinesisSink(
    connector::TableDescriptor table, connector::ConnectorContext context,
    const connector::S3Defaults& defaults) {
  if (!table.metadata_columns.empty()) {
    return MakeError(
        ErrorCode::kSemanticError,
        {.message = "table '" + table.name + "': metadata columns of 'kinesis' cannot be written",
         .hint = "declare them VIRTUAL"});
  }
  ASSIGN_OR_RETURN(connector::KinesisOptions access, connector::KinesisOptionsOf(table, defaults));
  connector::TableOptions options(table);
  KinesisSinkOptions result;
  result.table_name = table.name;
  result.stream_name = access.stream;
  result.schema = table.schema;
  result.format = connector::ValueFormatOf(table);
  if (result.format.format.empty()) options.Fail("format", "is needed");
  ReadPartitioner(table, &options, &result);
  ReadCalls(&options, &result);
  RETURN_IF_ERROR(options.status());
  // Made once for its errors.
  RETURN_IF_ERROR(format::MakeEncoder(result.format.format, result.schema, result.format.options));
  return std::make_unique<KinesisSink>(context.env, std::move(result), std::move(access));
}

}  // namespace

connector::ConnectorSpec KinesisSinkConnector(connector::S3Defaults defaults) {
  connector::ConnectorSpec spec;
  spec.name = "kinesis";
  spec.documentation = "records of such a stream";
  spec.takes_format = true;
  spec.make_sink = [defaults](connector::TableDescriptor table,
                              connector::ConnectorContext context) {
    return MakeKinesisSink(std::move(table), std::move(context), defaults);
  };
  spec.options = connector::KinesisOptionSpecs();
  for (connector::OptionSpec option : std::vector<connector::OptionSpec>{
           {.name = "sink.partitioner",
         .default_value = "random",
         .documentation = "Partition keys without PARTITIONED BY: random or fixed."},
           {.name = "sink.partitioner-field-delimiter",
           .default_value = "|",
           .documentation = "Between the columns of PARTITIONED BY."},
           {.name = "sink.batch.max-size",
           .default_value = "500",
           .documentation = "Records of one call at most."},
           {.name = "sink.flush-buffer.size",
           .default_value = "5MB",
           .documentation = "Bytes of one call at most."},
           {.name = "sink.fail-on-error",
           .default_value = "false",
           .documentation = "true: a call that took not everything ends the delivery's attempt."},
           {.name = "sink.flush-buffer.timeout", .documentation = "Accepted, without effect."},
           {.name = "sink.requests.max-inflight", .documentation = "Accepted, without effect."},
           {.name = "sink.requests.max-buffered", .documentation = "Accepted, without effect."},
           {.name = "sink.http-client.*", .documentation = "Accepted, without effect."}}) {
    spec.options.push_back(std::move(option));
  }
  return spec;
}

}  // namespace mainstem::sink
