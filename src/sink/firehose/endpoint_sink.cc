#include "sink/firehose/endpoint_sink.h"

#include "sink/firehose/endpoint_client.h"
#include "sink/firehose/record_sink.h"

namespace mainstem::sink {
namespace {

// Base64 and the compressed body of a request lie in memory beside its records.
constexpr int64_t kEndpointBufferBytesMax = 64 << 20;

bool IsOneLine(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

Result<std::unique_ptr<connector::TableSink>> MakeEndpointSink(
    connector::TableDescriptor table, connector::ConnectorContext context) {
  RETURN_IF_ERROR(CheckRecordColumns(table));
  connector::TableOptions given(table);
  EndpointTarget target;
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
  const RecordBuffering buffering = ReadBuffering(&given, kEndpointBufferBytesMax);
  target.session.ca_file = given.Path("connection.ca-file", context.base_directory);
  target.session.call_timeout = given.Time("request.timeout", std::chrono::minutes(3));
  target.session.answer_bytes_max = size_t{1} << 20;
  target.session.hides_paths = true;
  RETURN_IF_ERROR(given.status());
  RETURN_IF_ERROR(ReadUrl(table, &given).status());  // it counts as it is given
  return MakeRecordSink({.env = context.env,
                         .connector = table.options.at("connector"),
                         .guarantee = "at least once",
                         .buffering = buffering,
                         .make_client = [target = std::move(target)](PartitionId) {
                           return MakeEndpointClient(target);
                         }});
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
      {.name = "connection.ca-file", .documentation = "PEM of who signs the server's certificate."},
      {.name = "request.timeout", .default_value = "3 min", .documentation = "For an answer."},
  };
  for (connector::OptionSpec& option : BufferingOptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  return spec;
}

}  // namespace mainstem::sink
