#include "sink/http/endpoint_sink.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "sink/http/endpoint_writer.h"

namespace mainstem::sink {
namespace {

// Base64 and the compressed body of a request lie in memory beside its records.
constexpr int64_t kBufferBytesMax = 64 << 20;

class EndpointSink final : public connector::TableSink {
 public:
  EndpointSink(Env* env, EndpointOptions options)
      : env_(env),
        options_(std::make_shared<const EndpointOptions>(std::move(options))),
        progress_(std::make_shared<EndpointProgress>()) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override { return connector::SinkMode::kAppendOnly; }
  std::string guarantee() const override { return "at least once"; }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeEndpointWriter(env_, options_, progress_, MakeHttpEndpointClient(options_->target),
                              std::move(delivery_id), partition);
  }

 private:
  Env* env_;
  std::shared_ptr<const EndpointOptions> options_;
  std::shared_ptr<EndpointProgress> progress_;
};

bool IsOneLine(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

Status CheckEndpointColumns(const connector::TableDescriptor& table) {
  const arrow::Schema& schema = *table.schema;
  if (table.metadata_columns.empty() && table.primary_key.empty() && schema.num_fields() == 2 &&
      schema.field(0)->type()->id() == arrow::Type::BINARY &&
      schema.field(1)->type()->id() == arrow::Type::TIMESTAMP &&
      static_cast<const arrow::TimestampType&>(*schema.field(1)->type()).unit() ==
          arrow::TimeUnit::MILLI) {
    return Status::OK();
  }
  return MakeError(ErrorCode::kSemanticError,
                   {.message = "table '" + table.name +
                               "': connector 'firehose-endpoint' takes a column of BYTES and one "
                               "of TIMESTAMP_LTZ(3), without a key",
                    .hint = "the data, and when it arrived"});
}

Result<std::unique_ptr<connector::TableSink>> MakeEndpointSink(
    connector::TableDescriptor table, connector::ConnectorContext context) {
  RETURN_IF_ERROR(CheckEndpointColumns(table));
  connector::TableOptions given(table);
  EndpointOptions options;
  EndpointTarget& target = options.target;
  target.url = given.Text("url", "");
  target.headers = {"Content-Type: application/json", "X-Amz-Firehose-Protocol-Version: 1.0"};
  const std::pair<const char*, const char*> kLines[] = {
      {"source-arn", "X-Amz-Firehose-Source-Arn"},
      {"access-key", "X-Amz-Firehose-Access-Key"},
      {"common-attributes", "X-Amz-Firehose-Common-Attributes"}};
  for (const auto& [option, header] : kLines) {
    const std::string value = given.Text(option, "");
    if (!IsOneLine(value)) given.Fail(option, "must be one line");
    if (!value.empty()) target.headers.push_back(std::string(header) + ": " + value);
  }
  target.is_gzip = given.Choice("content-encoding", {"none", "gzip"}, 0) == 1;
  if (target.is_gzip) target.headers.push_back("Content-Encoding: gzip");
  const int64_t bytes = given.Bytes("sink.buffer.size", 5 << 20);
  if (bytes < 1 || bytes > kBufferBytesMax) given.Fail("sink.buffer.size", "is 64MB at most");
  options.buffer_bytes = static_cast<size_t>(bytes);
  options.buffer_time = given.Time("sink.buffer.interval", std::chrono::seconds(300));
  options.retry_time = given.Time("sink.retry.duration", std::chrono::seconds(300));
  target.session.ca_file = given.Path("connection.ca-file", context.base_directory);
  target.session.call_timeout = given.Time("request.timeout", std::chrono::minutes(3));
  target.session.answer_bytes_max = size_t{1} << 20;
  RETURN_IF_ERROR(given.status());
  Status url = connector::CheckHttpUrl(target.url).status();
  if (!url.ok()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     "table '" + table.name + "': option 'url': " + TextOf(url).message);
  }
  return std::make_unique<EndpointSink>(context.env, std::move(options));
}

}  // namespace

connector::ConnectorSpec EndpointSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "firehose-endpoint";
  spec.documentation = "requests in the format of Amazon Data Firehose's HTTP endpoints";
  spec.make_sink = MakeEndpointSink;
  spec.options = {
      {.name = "url", .documentation = "Address of the endpoint.", .required = true},
      {.name = "access-key", .documentation = "Sent with each request.", .secret = true},
      {.name = "source-arn", .documentation = "Sent with each request."},
      {.name = "common-attributes", .documentation = "JSON, sent with each request."},
      {.name = "content-encoding", .default_value = "none", .documentation = "none or gzip."},
      {.name = "sink.buffer.size",
       .default_value = "5MB",
       .documentation = "A request is sent when so much data waits."},
      {.name = "sink.buffer.interval",
       .default_value = "300 s",
       .documentation = "Or when the first of it has waited so long."},
      {.name = "sink.retry.duration",
       .default_value = "300 s",
       .documentation = "How long a request is tried before its records are handed over."},
      {.name = "connection.ca-file", .documentation = "PEM of who signs the server's certificate."},
      {.name = "request.timeout", .default_value = "3 min", .documentation = "For an answer."},
  };
  return spec;
}

}  // namespace mainstem::sink
