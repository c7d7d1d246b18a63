#include "sink/redis/redis_sink.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "connector/position_keeper.h"
#include "sink/redis/redis_writer.h"

namespace mainstem::sink {
namespace {

const std::vector<std::string> kRedisTypes = {"hash", "string", "sorted-set", "stream"};

class RedisSink final : public connector::TableSink, public connector::PositionKeeper {
 public:
  RedisSink(Env* env, RedisOptions options)
      : env_(env), options_(std::make_shared<const RedisOptions>(std::move(options))) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->key_columns.empty() ? connector::SinkMode::kAppendOnly
                                         : connector::SinkMode::kUpsert;
  }
  std::string guarantee() const override {
    return "exactly once (position in the same transaction)";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeRedisWriter(env_, options_, std::move(delivery_id), partition);
  }

 private:
  Env* env_;
  std::shared_ptr<const RedisOptions> options_;
};

class RedisOptionReader {
 public:
  RedisOptionReader(const connector::TableDescriptor& table, const std::string& base_directory)
      : table_(table), base_directory_(base_directory), options_(table) {}

  Result<RedisOptions> Read() {
    result_.table_name = table_.name;
    for (const std::string& name : table_.primary_key) {
      result_.key_columns.push_back(table_.schema->GetFieldIndex(name));
    }
    ReadServer();
    ReadLayout();
    ReadBatches();
    RETURN_IF_ERROR(options_.status());
    const RedisServer& server = result_.server;
    // The address may hold a secret by mistake: said without the value.
    Status url = ParseRedisUrl(options_.Text("url", ""), &result_.server);
    if (!url.ok()) {
      ErrorText text = TextOf(url);
      text.message = "table '" + table_.name + "': option 'url' " + text.message;
      return MakeError(ErrorCode::kInvalidArgument, std::move(text));
    }
    if (!server.uses_tls && !(server.ca_file + server.certificate_file).empty()) {
      options_.Fail("connection.ca-file", "and its like are for TLS", "write the url as rediss://");
      return options_.status();
    }
    return std::move(result_);
  }

 private:
  void ReadServer() {
    RedisServer& server = result_.server;
    server.username = options_.Text("username", "");
    server.password = options_.Text("password", "");
    server.password_file = options_.Path("password-file", base_directory_);
    server.ca_file = options_.Path("connection.ca-file", base_directory_);
    server.certificate_file = options_.Path("connection.certificate-file", base_directory_);
    server.key_file = options_.Path("connection.key-file", base_directory_);
    if (server.certificate_file.empty() != server.key_file.empty()) {
      options_.Fail("connection.certificate-file", "goes together with 'connection.key-file'");
    }
    bool has_password = !server.password.empty() || !server.password_file.empty();
    if (!server.username.empty() && !has_password) {
      options_.Fail("username", "goes together with 'password' or 'password-file'");
    }
    server.connect_timeout = options_.Time("connection.timeout", server.connect_timeout);
    server.reply_timeout = options_.Time("request.timeout", server.reply_timeout);
    if (server.connect_timeout <= Duration::zero() || server.reply_timeout <= Duration::zero()) {
      options_.Fail("request.timeout", "and 'connection.timeout' must be longer than nothing");
    }
  }

  void ReadLayout() {
    RedisLayout& layout = result_.layout;
    layout.schema = table_.schema;
    layout.type = static_cast<RedisType>(options_.Choice("data-type", kRedisTypes, 0));
    layout.format = connector::ValueFormatOf(table_);
    if (layout.format.format.empty()) layout.format.format = "json";
    if (layout.format.format != "json") options_.Fail("format", "can only be 'json'");
    CheckPrimaryKey();
    ReadTemplates();
    ReadScore();
    layout.stream_length_max = options_.Integer("stream.max-length", 0);
    if (layout.stream_length_max < 0) options_.Fail("stream.max-length", "must not be negative");
    layout.time_to_live = options_.Time("ttl", Duration::zero());
    if (layout.time_to_live < Duration::zero()) options_.Fail("ttl", "must not be negative");
    Only("stream.max-length", RedisType::kStream);
    Only("sorted-set.member", RedisType::kSortedSet);
    Only("sorted-set.score", RedisType::kSortedSet);
    Only("value", RedisType::kString);
    bool may_end = layout.type == RedisType::kHash || layout.type == RedisType::kString;
    if (options_.Has("ttl") && !may_end) {
      options_.Fail("ttl", "is for hashes and strings: members and entries do not expire");
    }
  }

  void Only(const std::string& option, RedisType type) {
    if (!options_.Has(option) || result_.layout.type == type) return;
    options_.Fail(option, "is for 'data-type' = '" + kRedisTypes[static_cast<size_t>(type)] + "'");
  }

  void CheckPrimaryKey() {
    bool has_key = !table_.primary_key.empty();
    bool is_stream = result_.layout.type == RedisType::kStream;
    if (has_key != is_stream) return;
    options_.Fail("data-type", is_stream
                                   ? "cannot be 'stream' for a table with a PRIMARY KEY: entries "
                                     "of a stream are not changed"
                                   : "needs a PRIMARY KEY, which tells one key from another; only "
                                     "'stream' takes a table without one");
  }

  // Of KeyPlaces: with two columns of any text one row's key could be another's.
  char KeySeparator() const {
    int text_count = 0;
    for (int column : result_.key_columns) {
      const arrow::DataType& type = *table_.schema->field(column)->type();
      text_count += arrow::is_primitive(type.id()) || arrow::is_decimal(type.id()) ? 0 : 1;
    }
    return text_count > 1 ? ':' : '\0';
  }

  // "{{id}}:{{day}}"
  std::string KeyPlaces() const {
    std::string places;
    for (const std::string& name : table_.primary_key) {
      places += (places.empty() ? "{{" : ":{{") + name + "}}";
    }
    return places;
  }

  void ReadTemplates() {
    RedisLayout& layout = result_.layout;
    bool is_row = layout.type == RedisType::kHash || layout.type == RedisType::kString;
    std::string own_name = table_.name.substr(table_.name.rfind('.') + 1);  // without the catalog
    std::string key = options_.Text("key", own_name + (is_row ? ":" + KeyPlaces() : ""));
    if (key.empty()) options_.Fail("key", "must not be empty");
    char separator = options_.Has("key") ? '\0' : KeySeparator();
    std::optional<RowTemplate> compiled = Compile("key", key, RowTemplate::Use::kPlain, separator);
    if (compiled) layout.key = std::move(*compiled);
    if (layout.type == RedisType::kSortedSet) {
      separator = options_.Has("sorted-set.member") ? '\0' : KeySeparator();
      layout.member = Compile("sorted-set.member", options_.Text("sorted-set.member", KeyPlaces()),
                              RowTemplate::Use::kPlain, separator);
    }
    if (layout.type == RedisType::kString) {
      layout.value = Compile("value", options_.Text("value", "{{*}}"), RowTemplate::Use::kJson);
    }
    if (layout.type == RedisType::kStream) return;
    CheckColumns("key", layout.key, is_row);
    if (layout.member) CheckColumns("sorted-set.member", *layout.member, false);
  }

  // nullopt after a failure, of which the options know.
  std::optional<RowTemplate> Compile(const std::string& option, const std::string& text,
                                     RowTemplate::Use use, char separator = '\0') {
    Result<RowTemplate> compiled =
        RowTemplate::Compile(text, {table_.schema, result_.layout.format, use, separator});
    if (compiled.ok()) return std::move(compiled).ValueUnsafe();
    options_.Fail(option, TextOf(compiled.status()).message);
    return std::nullopt;
  }

  // Where a row lies must follow from its PRIMARY KEY: deletions have no other columns.
  void CheckColumns(const std::string& option, const RowTemplate& text, bool needs_all) {
    std::vector<int> columns = text.columns();
    const std::vector<int>& keys = result_.key_columns;
    auto holds = [](const std::vector<int>& all, int column) {
      return std::find(all.begin(), all.end(), column) != all.end();
    };
    for (int column : columns) {
      if (holds(keys, column)) continue;
      options_.Fail(option, "uses the column '" + table_.schema->field(column)->name() +
                                "', which is not in the PRIMARY KEY");
    }
    if (!needs_all) return;
    for (int column : keys) {
      if (holds(columns, column)) continue;
      options_.Fail(option, "must use every column of the PRIMARY KEY, but '" +
                                table_.schema->field(column)->name() + "' is missing: two rows " +
                                "would be one key");
    }
  }

  void ReadScore() {
    RedisLayout& layout = result_.layout;
    if (layout.type != RedisType::kSortedSet) return;
    std::string name = options_.Text("sorted-set.score", "");
    layout.score_column = table_.schema->GetFieldIndex(name);
    if (layout.score_column < 0) {
      options_.Fail("sorted-set.score", name.empty() ? "must name the column of the score"
                                                     : "names a column that the table lacks");
      layout.score_column = 0;
      return;
    }
    const arrow::DataType& type = *table_.schema->field(layout.score_column)->type();
    if (!arrow::is_numeric(type.id()) && !arrow::is_decimal(type.id())) {
      options_.Fail("sorted-set.score", "must name a column of numbers");
    }
  }

  void ReadBatches() {
    result_.rows_max = options_.Integer("sink.buffer-flush.max-rows", 1000);
    if (result_.rows_max < 1) options_.Fail("sink.buffer-flush.max-rows", "must be at least 1");
    result_.interval = options_.Time("sink.buffer-flush.interval", std::chrono::seconds(1));
  }

  const connector::TableDescriptor& table_;
  const std::string& base_directory_;
  connector::TableOptions options_;
  RedisOptions result_;
};

Result<std::unique_ptr<connector::TableSink>> MakeRedisSink(connector::TableDescriptor table,
                                                            connector::ConnectorContext context) {
  if (!table.metadata_columns.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     "table '" + table.name + "': connector 'redis' has no metadata columns");
  }
  ASSIGN_OR_RETURN(RedisOptions options, RedisOptionReader(table, context.base_directory).Read());
  return std::make_unique<RedisSink>(context.env, std::move(options));
}

}  // namespace

connector::ConnectorSpec RedisSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "redis";
  spec.documentation = "hashes, strings, sorted sets and streams of Redis, written exactly once";
  spec.takes_format = true;
  spec.make_sink = MakeRedisSink;
  spec.options = {
      {.name = "url", .documentation = "'redis://host:6379/0'.", .required = true},
      {.name = "username", .documentation = "User of the server's access list."},
      {.name = "password", .documentation = "Its password.", .secret = true},
      {.name = "password-file", .documentation = "The file that holds the password."},
      {.name = "data-type",
       .default_value = "hash",
       .documentation = "hash, string or sorted-set (tables with a PRIMARY KEY), or stream."},
      {.name = "key",
       .documentation = "Template of the key: 'user:{{id}}'. By default the table's name, for "
                        "hashes and strings with the PRIMARY KEY behind it."},
      {.name = "value",
       .default_value = "{{*}}",
       .documentation = "Template of a string: {{column}}, {{column|text}}, {{*}}."},
      {.name = "sorted-set.score", .documentation = "The column that holds the score."},
      {.name = "sorted-set.member",
       .documentation = "Template of the member, by default the PRIMARY KEY."},
      {.name = "stream.max-length",
       .default_value = "0",
       .documentation = "Old entries of a stream are trimmed to about so many; 0: never."},
      {.name = "ttl",
       .default_value = "0 s",
       .documentation = "Hashes and strings end so long after they were last written."},
      {.name = "sink.buffer-flush.max-rows",
       .default_value = "1000",
       .documentation = "Rows that a transaction takes at least when input does not pause."},
      {.name = "sink.buffer-flush.interval",
       .default_value = "1 s",
       .documentation = "Longest time that rows wait for others while input does not pause."},
      {.name = "connection.ca-file",
       .documentation = "PEM of who signs the server's certificate (rediss://)."},
      {.name = "connection.certificate-file", .documentation = "PEM of the client's certificate."},
      {.name = "connection.key-file", .documentation = "PEM of its key."},
      {.name = "connection.timeout", .default_value = "10 s", .documentation = "To connect."},
      {.name = "request.timeout", .default_value = "30 s", .documentation = "For replies."},
  };
  return spec;
}

}  // namespace mainstem::sink
