#include "server/settings.h"

#include <charconv>

#include <fmt/format.h>

#include "core/net/loopback.h"

namespace mainstem::server {

const std::vector<ConfigOption>& SettingTable() {
  static const std::vector<ConfigOption> table = {
      {"data", ConfigType::kString, ".data",
       "folder that holds everything durable; remove it to start afresh"},
      {"kafka.listen", ConfigType::kString, "127.0.0.1:9092",
       "address of the Kafka protocol; port 0 picks a free one"},
      {"kafka.advertised", ConfigType::kString, "",
       "host:port told to Kafka clients; empty: the address that the client used"},
      {"http.listen", ConfigType::kString, "127.0.0.1:8080",
       "address of console, HTTP events, admin API and metrics"},
      {"http.allow-remote-admin", ConfigType::kBoolean, "false",
       "let other hosts than loopback change things through the admin API; the node then answers "
       "to any name, so that a foreign web page may reach it by one, too: only where no browser "
       "can"},
      {"http.cors-origin", ConfigType::kString, "",
       "origin (or *) whose pages may post events from a browser; empty: same origin only"},
      {"tls.certificate", ConfigType::kString, "",
       "PEM file with the certificate (and those between it and the authority's) that the HTTP and "
       "AWS ports show; they take clear text from loopback only then. Empty: no TLS"},
      {"tls.key", ConfigType::kString, "", "PEM file with the certificate's key, without password"},
      {"aws.listen", ConfigType::kString, "127.0.0.1:4567",
       "address of the AWS services (Kinesis Data Streams, CloudWatch Logs, EventBridge, Firehose, "
       "DynamoDB "
       "for KCL), for "
       "AWS_ENDPOINT_URL; "
       "none: no such door"},
      {"aws.credentials", ConfigType::kString, "",
       "file with the access keys that may call, written like ~/.aws/credentials; empty: "
       "signatures "
       "are not checked, and only loopback can be listened on"},
      {"aws.limits", ConfigType::kBoolean, "false",
       "hold Kinesis clients to Amazon's limits of a shard: 1,000 records and 1 MiB a second in, 5 "
       "reads "
       "and 2 MiB out"},
      {"s3.endpoint", ConfigType::kString, "",
       "server that s3:// paths of tables mean, unless the table names one; empty: Amazon's, or "
       "AWS_ENDPOINT_URL"},
      {"s3.region", ConfigType::kString, "",
       "region of buckets, unless the table names one; empty: AWS_REGION, else as the bucket says"},
      {"s3.path-style-access", ConfigType::kString, "",
       "true: the bucket stands in the path; false: before the host's name; empty: as the endpoint "
       "needs it"},
      {"memory", ConfigType::kBytes, "1GB",
       "what the process is meant to fit into: 70% of it is the limit of caches, state, rows on "
       "their way and requests; the rest is for what is not accounted (docs/status.md)"},
      {"shards", ConfigType::kInteger, "0", "threads that own partitions; 0: one for each core"},
      {"topics.auto-create", ConfigType::kBoolean, "true",
       "create a topic when a client asks for one that does not exist"},
      {"topics.default-partitions", ConfigType::kInteger, "1",
       "partitions of a topic whose creator names no number"},
      {"transactions.max-timeout", ConfigType::kDuration, "15m",
       "longest timeout that a producer may ask for its transactions (Flink's sink asks for 1h)"},
      {"journal.limit", ConfigType::kBytes, "1GB",
       "most journal that is not yet in segments; bounds the time of recovery"},
      {"journal.checkpoint-interval", ConfigType::kDuration, "60s",
       "longest time that records lie in the journal only, before they are in segment files"},
      {"sql.parallelism", ConfigType::kInteger, "1",
       "subtasks of an operator unless SET says more"},
      {"sql.checkpoint-interval", ConfigType::kDuration, "1s",
       "time between checkpoints of a job; its outputs become visible at each"},
      {"log.level", ConfigType::kString, "info", "debug, info, warning or error"},
      {"log.json", ConfigType::kBoolean, "false", "log JSON lines instead of text"},
      {"log.file", ConfigType::kString, "",
       "file to log to; empty: standard error. It is only appended to: rotate it by copytruncate"},
  };
  return table;
}

Result<HostPort> ParseHostPort(const std::string& text) {
  size_t colon = text.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error != std::errc() || rest != end) port = -1;
  }
  if (port < 0 || port > 65535 || colon == 0) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = fmt::format("'{}' is not an address", text),
                      .hint = "write it as host:port, e.g. 127.0.0.1:9092"});
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return HostPort{std::move(host), static_cast<uint16_t>(port)};
}

std::string Joined(const HostPort& address, uint16_t port) {
  bool is_v6 = address.host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", address.host, port)
               : fmt::format("{}:{}", address.host, port);
}

namespace {

Result<LogLevel> ParseLevel(const std::string& text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warning") return LogLevel::kWarning;
  if (text == "error") return LogLevel::kError;
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("setting 'log.level': '{}' is no level", text),
                    .hint = "use debug, info, warning or error"});
}

Result<int64_t> InRange(const Config& config, const std::string& key, int64_t least, int64_t most) {
  int64_t value = config.GetInteger(key);
  if (value >= least && value <= most) return value;
  return MakeError(ErrorCode::kInvalidArgument,
                   fmt::format("setting '{}': {} is not in {}..{}", key, value, least, most));
}

// A loop that does something at each interval needs time between.
Result<int64_t> Interval(const Config& config, const std::string& key) {
  constexpr int64_t kLeastMs = 10;
  int64_t value_ms = config.GetDurationMs(key);
  if (value_ms >= kLeastMs && value_ms <= INT32_MAX) return value_ms;
  return MakeError(ErrorCode::kInvalidArgument, fmt::format("setting '{}': {} ms is not in {}..{}",
                                                            key, value_ms, kLeastMs, INT32_MAX));
}

// Kafka's clients and tools know it as 32 bits of milliseconds.
Result<int64_t> TransactionTimeoutMax(const Config& config) {
  int64_t value_ms = config.GetDurationMs("transactions.max-timeout");
  if (value_ms >= 1 && value_ms <= INT32_MAX) return value_ms;
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = fmt::format("setting 'transactions.max-timeout': {} ms is not in "
                                           "1..{}",
                                           value_ms, INT32_MAX),
                    .hint = "Kafka's default is 15m, the longest is 24d"});
}

// TLS is for both doors of HTTP or for none.
Status TakeTlsSettings(const Config& config, Settings* settings) {
  settings->tls_certificate = config.GetString("tls.certificate");
  settings->tls_key = config.GetString("tls.key");
  if (settings->tls_certificate.empty() == settings->tls_key.empty()) return Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "settings 'tls.certificate' and 'tls.key' go together",
                    .hint = "'mainstem certificate create' makes both"});
}

Status TakeAwsSettings(const Config& config, Settings* settings) {
  settings->aws_credentials = config.GetString("aws.credentials");
  settings->aws_limits = config.GetBoolean("aws.limits");
  if (config.GetString("aws.listen") == "none") return Status::OK();
  ASSIGN_OR_RETURN(settings->aws_listen, ParseHostPort(config.GetString("aws.listen")));
  if (!settings->aws_credentials.empty() || net::IsLoopbackHost(settings->aws_listen->host)) {
    return Status::OK();
  }
  return MakeError(
      ErrorCode::kInvalidArgument,
      {.message = fmt::format("setting 'aws.listen': {} is open to other machines",
                              settings->aws_listen->host),
       .hint = "set aws.credentials to a file of access keys, or listen on 127.0.0.1"});
}

Status TakeS3Settings(const Config& config, Settings* settings) {
  settings->s3.endpoint = config.GetString("s3.endpoint");
  settings->s3.region = config.GetString("s3.region");
  const std::string& path_style = config.GetString("s3.path-style-access");
  if (path_style.empty()) return Status::OK();
  settings->s3.path_style = path_style == "true";
  if (path_style == "true" || path_style == "false") return Status::OK();
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "setting 's3.path-style-access': '" + path_style +
                               "' is neither true nor false"});
}

}  // namespace

Result<Settings> MakeSettings(const Config& config) {
  constexpr int64_t kLeastMemory = int64_t{256} << 20;
  constexpr int64_t kLeastJournal = int64_t{64} << 20;
  Settings settings;
  settings.data_dir = config.GetString("data");
  if (settings.data_dir.empty()) {
    return MakeError(ErrorCode::kInvalidArgument, {.message = "setting 'data' is empty",
                                                   .hint = "name the folder for the data"});
  }
  ASSIGN_OR_RETURN(settings.kafka_listen, ParseHostPort(config.GetString("kafka.listen")));
  settings.kafka_advertised = config.GetString("kafka.advertised");
  if (!settings.kafka_advertised.empty()) RETURN_IF_ERROR(ParseHostPort(settings.kafka_advertised));
  ASSIGN_OR_RETURN(settings.http_listen, ParseHostPort(config.GetString("http.listen")));
  RETURN_IF_ERROR(TakeTlsSettings(config, &settings));
  RETURN_IF_ERROR(TakeAwsSettings(config, &settings));
  RETURN_IF_ERROR(TakeS3Settings(config, &settings));
  settings.memory_bytes = config.GetBytes("memory");
  if (settings.memory_bytes < kLeastMemory) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = fmt::format("setting 'memory': {} bytes are too few", settings.memory_bytes),
         .hint = "a node starts with 256MB or more"});
  }
  ASSIGN_OR_RETURN(int64_t shards, InRange(config, "shards", 0, 256));
  settings.shard_count = static_cast<size_t>(shards);
  settings.auto_create_topics = config.GetBoolean("topics.auto-create");
  ASSIGN_OR_RETURN(int64_t partitions, InRange(config, "topics.default-partitions", 1, 10'000));
  settings.default_partitions = static_cast<int32_t>(partitions);
  ASSIGN_OR_RETURN(settings.transaction_timeout_max_ms, TransactionTimeoutMax(config));
  settings.journal_limit_bytes = config.GetBytes("journal.limit");
  if (settings.journal_limit_bytes < kLeastJournal) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = fmt::format("setting 'journal.limit': {} bytes are too few",
                                             settings.journal_limit_bytes),
                      .hint = "give it 64MB or more"});
  }
  ASSIGN_OR_RETURN(settings.journal_checkpoint_interval_ms,
                   Interval(config, "journal.checkpoint-interval"));
  ASSIGN_OR_RETURN(int64_t parallelism, InRange(config, "sql.parallelism", 1, 128));
  settings.default_parallelism = static_cast<int32_t>(parallelism);
  ASSIGN_OR_RETURN(settings.checkpoint_interval_ms, Interval(config, "sql.checkpoint-interval"));
  settings.allow_remote_admin = config.GetBoolean("http.allow-remote-admin");
  settings.cors_origin = config.GetString("http.cors-origin");
  ASSIGN_OR_RETURN(settings.logging.level, ParseLevel(config.GetString("log.level")));
  settings.logging.json = config.GetBoolean("log.json");
  settings.logging.file = config.GetString("log.file");
  return settings;
}

std::string SettingsAsMarkdown() {
  std::string out = "| key | default | environment | meaning |\n| --- | --- | --- | --- |\n";
  for (const ConfigOption& option : SettingTable()) {
    out += fmt::format("| `{}` | {} | `{}` | {} |\n", option.key,
                       option.default_value.empty() ? "" : "`" + option.default_value + "`",
                       EnvironmentName(option.key), option.help);
  }
  return out;
}

}  // namespace mainstem::server
