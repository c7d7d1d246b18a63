#include "sink/opensearch/opensearch_sink.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "connector/position_keeper.h"
#include "format/time_zone.h"
#include "sink/opensearch/delivery_writer.h"
#include "sink/opensearch/index_drift.h"

namespace mainstem::sink {
namespace {

constexpr int64_t kActionsOfRequestMax = 10000;
constexpr int64_t kBytesOfRequestMax = int64_t{64} << 20;

class OpenSearchSink final : public connector::TableSink,
                             public connector::DriftingSink,
                             public connector::PositionKeeper {
 public:
  OpenSearchSink(Env* env, OpenSearchOptions options)
      : env_(env), options_(std::make_shared<const OpenSearchOptions>(std::move(options))) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->key_columns.empty() ? connector::SinkMode::kAppendOnly
                                         : connector::SinkMode::kUpsert;
  }
  std::string guarantee() const override {
    return "exactly once in effect (ids and versions from the log)";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeOpenSearchWriter(env_, options_, std::move(delivery_id), partition);
  }

  connector::DriftPolicy drift_policy() const override { return options_->drift; }
  Task<connector::Differences> FindDifferences() override {
    co_return co_await env_->blocking_pool().Run([this]() -> Result<connector::Differences> {
      ASSIGN_OR_RETURN(auto cluster, SearchCluster::Open(options_->cluster));
      return FindIndexDifferences(cluster.get(), *options_);
    });
  }
  Task<> Evolve() override {
    co_return co_await env_->blocking_pool().Run([this]() -> Status {
      ASSIGN_OR_RETURN(auto cluster, SearchCluster::Open(options_->cluster));
      return EvolveIndex(cluster.get(), *options_);
    });
  }

 private:
  Env* env_;
  std::shared_ptr<const OpenSearchOptions> options_;
};

Status ReadAddress(const connector::TableDescriptor& table, connector::TableOptions* options,
                   ClusterOptions* cluster) {
  for (const std::string& host : options->List("hosts")) {
    Result<std::string> checked = connector::CheckHttpUrl(host);
    if (!checked.ok()) {
      // Without the value: it may hold a password.
      ErrorText text = TextOf(checked.status());
      text.message = "table '" + table.name + "': option 'hosts': " + text.message;
      return MakeError(ErrorCode::kInvalidArgument, std::move(text));
    }
    cluster->hosts.push_back(*checked);
  }
  if (cluster->hosts.empty()) options->Fail("hosts", "must name a server", "'http://host:9200'");
  cluster->path_prefix = options->Text("connection.path-prefix", "");
  while (cluster->path_prefix.ends_with('/')) cluster->path_prefix.pop_back();
  if (!cluster->path_prefix.empty() && cluster->path_prefix[0] != '/') {
    cluster->path_prefix.insert(0, "/");
  }
  return Status::OK();
}

void ReadConnection(const std::string& base_directory, connector::TableOptions* options,
                    ClusterOptions* cluster) {
  connector::HttpSessionOptions* http = &cluster->http;
  http->username = options->Text("username", "");
  http->password = options->Text("password", "");
  cluster->password_file = options->Path("password-file", base_directory);
  bool has_password = !http->password.empty() || !cluster->password_file.empty();
  if (http->username.empty() == has_password) {
    options->Fail("username", "goes together with 'password' or 'password-file'");
  }
  http->ca_file = options->Text("connection.ca-file", "");
  http->certificate_file = options->Text("connection.certificate-file", "");
  http->key_file = options->Text("connection.key-file", "");
  http->verifies_peer = !options->Bool("allow-insecure", false);
  http->connect_timeout = options->Time("connection.timeout", http->connect_timeout);
  http->call_timeout = options->Time("socket.timeout", http->call_timeout);
  if (http->connect_timeout <= Duration::zero()) {
    options->Fail("connection.timeout", "must be longer than nothing");
  }
  if (http->call_timeout <= Duration::zero()) {
    options->Fail("socket.timeout", "must be longer than nothing");
  }
  options->Time("connection.request-timeout", std::chrono::seconds(1));
}

void ReadFlushing(connector::TableOptions* options, OpenSearchOptions* result) {
  int64_t actions = options->Integer("sink.bulk-flush.max-actions", 1000);
  int64_t bytes = options->Bytes("sink.bulk-flush.max-size", int64_t{2} << 20);
  if (actions < -1) options->Fail("sink.bulk-flush.max-actions", "must not be negative");
  // 0 and -1 mean no limit: ours remains.
  result->actions_max = static_cast<size_t>(actions <= 0 ? kActionsOfRequestMax
                                                         : std::min(actions, kActionsOfRequestMax));
  result->bytes_max =
      static_cast<size_t>(bytes <= 0 ? kBytesOfRequestMax : std::min(bytes, kBytesOfRequestMax));
  result->interval = options->Time("sink.bulk-flush.interval", std::chrono::seconds(1));
  options->Choice("sink.bulk-flush.backoff.strategy", {"DISABLED", "CONSTANT", "EXPONENTIAL"}, 0);
  options->Integer("sink.bulk-flush.backoff.max-retries", 8);
  result->pauses.first = options->Time("sink.bulk-flush.backoff.delay", result->pauses.first);
  if (result->pauses.first <= Duration::zero() || result->pauses.first > result->pauses.last) {
    options->Fail("sink.bulk-flush.backoff.delay", "must be between 1 ms and 30 s");
  }
}

Status ReadColumns(const connector::TableDescriptor& table, OpenSearchOptions* result) {
  if (!table.metadata_columns.empty()) {
    return MakeError(ErrorCode::kSemanticError, "table '" + table.name + "': connector '" +
                                                    table.options.at("connector") +
                                                    "' has no metadata columns");
  }
  for (const std::string& name : table.primary_key) {
    int column = table.schema->GetFieldIndex(name);
    const auto& type = table.schema->field(column)->type();
    if (type->id() == arrow::Type::BINARY || arrow::is_nested(type->id())) {
      return MakeError(ErrorCode::kSemanticError, "table '" + table.name + "': the column '" +
                                                      name + "' of type " + type->ToString() +
                                                      " cannot be part of a document's id");
    }
    result->key_columns.push_back(column);
  }
  if (result->is_data_stream && !table.primary_key.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     {.message = "table '" + table.name +
                                 "': documents of a data stream are only ever created, so the "
                                 "table must not have a PRIMARY KEY"});
  }
  return Status::OK();
}

Result<std::unique_ptr<connector::TableSink>> MakeOpenSearchSink(
    connector::TableDescriptor table, connector::ConnectorContext context) {
  connector::TableOptions options(table);
  OpenSearchOptions result;
  result.connector = table.options.at("connector");
  result.table_name = table.name;
  result.schema = table.schema;
  RETURN_IF_ERROR(ReadAddress(table, &options, &result.cluster));
  ReadConnection(context.base_directory, &options, &result.cluster);
  ReadFlushing(&options, &result);
  result.drift = connector::DriftPolicyOf(&options);
  result.is_data_stream = options.Bool("sink.data-stream", false);
  result.key_delimiter = options.Text("document-id.key-delimiter", "_");
  result.template_file = options.Path("sink.index-template-file", context.base_directory);
  RETURN_IF_ERROR(options.status());
  RETURN_IF_ERROR(ReadColumns(table, &result));
  ASSIGN_OR_RETURN(absl::TimeZone zone, format::ParseTimeZone(context.time_zone));
  Result<IndexPattern> index =
      IndexPattern::Compile(options.Text("index", ""), *table.schema, zone);
  if (!index.ok())
    options.Fail("index", TextOf(index.status()).message, TextOf(index.status()).hint);
  RETURN_IF_ERROR(options.status());
  result.index = std::move(*index);
  result.format = connector::ValueFormatOf(table);
  if (result.format.format.empty()) result.format.format = "json";
  if (result.format.format != "json") {
    return MakeError(ErrorCode::kInvalidArgument,
                     "table '" + table.name + "': documents are JSON: 'format' can only be 'json'");
  }
  // Made here once to say what is wrong with it at the start.
  RETURN_IF_ERROR(
      format::MakeEncoder(result.format.format, table.schema, result.format.options).status());
  return std::make_unique<OpenSearchSink>(context.env, std::move(result));
}

std::vector<connector::OptionSpec> OpenSearchOptionSpecs() {
  return {
      {.name = "hosts", .documentation = "'http://a:9200;https://b:9200'.", .required = true},
      {.name = "index",
       .documentation = "Name of the index; '{column}' and '{column|yyyy-MM-dd}' are replaced.",
       .required = true},
      {.name = "document-id.key-delimiter",
       .default_value = "_",
       .documentation = "Between the columns of the key in a document's id."},
      {.name = "username", .documentation = "User, for basic authentication.", .secret = false},
      {.name = "password", .documentation = "Its password.", .secret = true},
      {.name = "password-file",
       .documentation =
           "The file that holds the password, read at each start of a delivery (ours)."},
      {.name = "allow-insecure",
       .default_value = "false",
       .documentation = "true: the server's certificate is not checked."},
      {.name = "connection.ca-file", .documentation = "PEM of who signs the server's certificate."},
      {.name = "connection.certificate-file", .documentation = "PEM of the client's certificate."},
      {.name = "connection.key-file", .documentation = "PEM of its key."},
      {.name = "connection.path-prefix", .documentation = "Before all paths: '/search'."},
      {.name = "connection.timeout", .default_value = "10 s", .documentation = "To connect."},
      {.name = "socket.timeout", .default_value = "1 min", .documentation = "For an answer."},
      {.name = "connection.request-timeout", .documentation = "Accepted, without effect."},
      {.name = "sink.bulk-flush.max-actions",
       .default_value = "1000",
       .documentation = "Documents of one request at most."},
      {.name = "sink.bulk-flush.max-size",
       .default_value = "2mb",
       .documentation = "Bytes of one request at most, unless one document is longer."},
      {.name = "sink.bulk-flush.interval",
       .default_value = "1s",
       .documentation = "How long rows wait for others while input does not pause."},
      {.name = "sink.bulk-flush.backoff.delay",
       .default_value = "100 ms",
       .documentation = "First pause before documents are sent again; it grows to 30 s."},
      {.name = "sink.bulk-flush.backoff.strategy", .documentation = "Accepted, without effect."},
      {.name = "sink.bulk-flush.backoff.max-retries", .documentation = "Accepted, without effect."},
      connector::DriftOptionSpec(),
      {.name = "sink.data-stream",
       .default_value = "false",
       .documentation = "true: 'index' is a data stream, documents are only created."},
      {.name = "sink.index-template-file",
       .documentation =
           "JSON of an index template, put as 'mainstem-<table>' before the first row."},
      {.name = "sink.delivery-guarantee", .documentation = "Accepted, without effect."},
      {.name = "sink.flush-on-checkpoint", .documentation = "Accepted, without effect."},
      {.name = "failure-handler", .documentation = "Accepted: see 'sink.bad-records'."},
      {.name = "document-type", .documentation = "Accepted, without effect."},
  };
}

}  // namespace

std::vector<connector::ConnectorSpec> OpenSearchSinkConnectors() {
  std::vector<connector::ConnectorSpec> specs;
  for (const char* name : {"opensearch", "opensearch-2", "elasticsearch-7", "elasticsearch-8"}) {
    connector::ConnectorSpec spec;
    spec.name = name;
    spec.documentation = "documents of an index, by _bulk over HTTP";
    spec.options = OpenSearchOptionSpecs();
    spec.takes_format = true;
    spec.make_sink = MakeOpenSearchSink;
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace mainstem::sink
