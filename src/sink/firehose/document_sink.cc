#include "sink/firehose/document_sink.h"

#include "sink/firehose/document_client.h"
#include "sink/firehose/record_sink.h"

namespace mainstem::sink {
namespace {

constexpr int64_t kDocumentBufferBytesMax = 100 << 20;
// The server's limit is 512 bytes; three numbers stand behind it.
constexpr size_t kIdPrefixBytesMax = 400;

Result<std::unique_ptr<connector::TableSink>> MakeDocumentSink(
    connector::TableDescriptor table, connector::ConnectorContext context) {
  RETURN_IF_ERROR(CheckRecordColumns(table));
  connector::TableOptions given(table);
  ClusterOptions cluster;
  DocumentNames names;
  names.index = given.Text("index", "");
  if (names.index.empty()) given.Fail("index", "must not be empty");
  names.rotation = static_cast<IndexRotation>(
      given.Choice("index.rotation", {"none", "hour", "day", "week", "month"}, 0));
  names.id_prefix = given.Text("document-id.prefix", "");
  if (names.id_prefix.size() > kIdPrefixBytesMax) {
    given.Fail("document-id.prefix", "may have at most 400 bytes");
  }
  cluster.http.username = given.Text("username", "");
  cluster.http.password = given.Text("password", "");
  if (cluster.http.username.empty() != cluster.http.password.empty()) {
    given.Fail("username", "goes together with 'password'");
  }
  cluster.http.ca_file = given.Path("connection.ca-file", context.base_directory);
  cluster.http.call_timeout = given.Time("request.timeout", std::chrono::minutes(1));
  const RecordBuffering buffering = ReadBuffering(&given, kDocumentBufferBytesMax);
  ASSIGN_OR_RETURN(std::string url, ReadUrl(table, &given));
  RETURN_IF_ERROR(given.status());
  cluster.hosts.push_back(std::move(url));
  const bool has_ids = !names.id_prefix.empty();
  return MakeRecordSink(
      {.env = context.env,
       .connector = table.options.at("connector"),
       .guarantee =
           has_ids ? "at least once, by ids from the log: once in effect" : "at least once",
       .buffering = buffering,
       .make_client = [cluster = std::move(cluster), names](PartitionId partition) {
         DocumentNames of_partition = names;
         of_partition.partition = partition;
         return MakeDocumentClient(cluster, std::move(of_partition));
       }});
}

}  // namespace

connector::ConnectorSpec DocumentSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "firehose-opensearch";
  spec.documentation = "JSON objects into OpenSearch, as Amazon Data Firehose delivers them";
  spec.make_sink = MakeDocumentSink;
  spec.options = {
      {.name = "url", .documentation = "Address of the cluster.", .required = true},
      {.name = "index", .documentation = "Name of the index.", .required = true},
      {.name = "index.rotation",
       .default_value = "none",
       .documentation = "hour, day, week or month: the arrival's stands behind the name."},
      {.name = "document-id.prefix",
       .documentation = "Before the row's place in the log, as the document's id; empty: the "
                        "server gives ids, and what is sent again is there twice."},
      {.name = "username", .documentation = "User, for basic authentication.", .secret = false},
      {.name = "password", .documentation = "Its password.", .secret = true},
      {.name = "connection.ca-file", .documentation = "PEM of who signs the server's certificate."},
      {.name = "request.timeout", .default_value = "1 min", .documentation = "For an answer."},
  };
  for (connector::OptionSpec& option : BufferingOptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  return spec;
}

}  // namespace mainstem::sink
