#include "sink/clickhouse/clickhouse_sink.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "connector/position_keeper.h"
#include "sink/clickhouse/clickhouse_drift.h"
#include "sink/clickhouse/clickhouse_writer.h"

namespace mainstem::sink {
namespace {

constexpr size_t kClickhouseAnswerBytesMax = size_t{16} << 20;

class ClickhouseSink final : public connector::TableSink,
                             public connector::DriftingSink,
                             public connector::PositionKeeper {
 public:
  ClickhouseSink(Env* env, ClickhouseOptions options)
      : env_(env), options_(std::make_shared<const ClickhouseOptions>(std::move(options))) {}

  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->key.empty() ? connector::SinkMode::kAppendOnly : connector::SinkMode::kUpsert;
  }
  std::string guarantee() const override {
    bool is_idempotent = !options_->key.empty() || !options_->place.row_id.empty();
    return is_idempotent ? "exactly once in effect (rows that come twice are one with FINAL)"
                         : "at least once (no 'sink.row-id-column')";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeClickhouseWriter(env_, options_, std::move(delivery_id), partition);
  }

  connector::DriftPolicy drift_policy() const override { return options_->drift; }
  Task<connector::Differences> FindDifferences() override {
    CO_ASSIGN_OR_RETURN(auto session, co_await OpenClickhouse(env_, options_));
    CO_ASSIGN_OR_RETURN(ClickhouseInspection found, co_await env_->blocking_pool().Run([&] {
      return InspectClickhouse(session.get(), *options_);
    }));
    co_return std::move(found.differences);
  }
  Task<> Evolve() override {
    CO_ASSIGN_OR_RETURN(auto session, co_await OpenClickhouse(env_, options_));
    co_return co_await env_->blocking_pool().Run(
        [&] { return EvolveClickhouse(session.get(), *options_); });
  }

 private:
  Env* env_;
  std::shared_ptr<const ClickhouseOptions> options_;
};

class ClickhouseOptionReader {
 public:
  ClickhouseOptionReader(const connector::TableDescriptor& table, std::string base_directory)
      : table_(table), options_(table), base_directory_(std::move(base_directory)) {}

  Result<ClickhouseOptions> Read() {
    result_.table_name = table_.name;
    result_.schema = table_.schema;
    result_.key = table_.primary_key;
    for (const std::string& name : table_.primary_key) {
      result_.key_columns.push_back(table_.schema->GetFieldIndex(name));
    }
    ReadServer();
    ReadPlaceColumns();
    result_.rows_max = options_.Integer("sink.batch-size", 20000);
    result_.interval = options_.Time("sink.flush-interval", std::chrono::seconds(1));
    result_.drift = connector::DriftPolicyOf(&options_);
    if (result_.rows_max < 1) options_.Fail("sink.batch-size", "must be at least 1");
    RETURN_IF_ERROR(options_.status());
    return std::move(result_);
  }

 private:
  void ReadServer() {
    ClickhouseServer& server = result_.server;
    Result<std::string> url = connector::CheckHttpUrl(options_.Text("url", ""));
    if (url.ok()) {
      server.url = *url;
    } else {
      options_.Fail("url", TextOf(url.status()).message, "for example 'http://localhost:8123'");
    }
    server.database = options_.Text("database-name", "default");
    result_.table = options_.Text("table-name", "");
    server.username = options_.Text("username", "");
    server.password = options_.Text("password", "");
    result_.password_file = options_.Path("password-file", base_directory_);
    bool has_password = !server.password.empty() || !result_.password_file.empty();
    if (server.username.empty() && has_password) {
      options_.Fail("username", "is needed with a password");
    }
    server.http.ca_file = options_.Path("connection.ca-file", base_directory_);
    server.http.connect_timeout = options_.Time("connection.timeout", std::chrono::seconds(10));
    server.http.call_timeout = options_.Time("request.timeout", std::chrono::seconds(60));
    server.http.answer_bytes_max = kClickhouseAnswerBytesMax;
  }

  void ReadPlaceColumns() {
    ClickhousePlaceColumns& place = result_.place;
    place.version = options_.Text("sink.version-column", "");
    place.deleted = options_.Text("sink.deleted-column", "");
    place.row_id = options_.Text("sink.row-id-column", "");
    bool has_key = !result_.key.empty();
    if (has_key && place.version.empty()) {
      options_.Fail("sink.version-column", "is needed with a PRIMARY KEY",
                    "the UInt64 column of ReplacingMergeTree(..), by which the newest row counts");
    }
    if (has_key && !place.row_id.empty()) {
      options_.Fail("sink.row-id-column", "is for tables without a PRIMARY KEY");
    }
    if (!has_key && !place.deleted.empty()) {
      options_.Fail("sink.deleted-column", "needs a PRIMARY KEY");
    }
    for (const std::string& name : {place.version, place.deleted, place.row_id}) {
      if (name.empty() || table_.schema->GetFieldByName(name) == nullptr) continue;
      options_.Fail(
          "sink.version-column",
          "and its like name columns that the SQL table must not have, '" + name + "' is one");
    }
  }

  const connector::TableDescriptor& table_;
  connector::TableOptions options_;
  std::string base_directory_;
  ClickhouseOptions result_;
};

}  // namespace

connector::ConnectorSpec ClickhouseSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "clickhouse";
  spec.documentation = "tables of ClickHouse, by HTTP";
  spec.options = {
      {.name = "url", .documentation = "'http://host:8123'", .required = true},
      {.name = "database-name",
       .default_value = "default",
       .documentation = "where the table and that of positions are"},
      {.name = "table-name", .documentation = "the table, which must exist", .required = true},
      {.name = "username", .documentation = "the server's default user without it"},
      {.name = "password", .documentation = "of that user", .secret = true},
      {.name = "password-file", .documentation = "the file that holds the password"},
      {.name = "sink.version-column",
       .documentation = "UInt64 column, the version of ReplacingMergeTree: needed with a PRIMARY "
                        "KEY"},
      {.name = "sink.deleted-column",
       .documentation = "UInt8 column, 1 in the row that deletes its key"},
      {.name = "sink.row-id-column",
       .documentation = "String column in the sorting key of a table without PRIMARY KEY: tells "
                        "rows that come twice"},
      connector::DriftOptionSpec(),
      {.name = "sink.batch-size",
       .default_value = "20000",
       .documentation = "rows of one INSERT, about"},
      {.name = "sink.flush-interval",
       .default_value = "1 s",
       .documentation = "how long rows wait while input does not pause"},
      {.name = "connection.ca-file", .documentation = "PEM file for https"},
      {.name = "connection.timeout", .default_value = "10 s", .documentation = "to connect"},
      {.name = "request.timeout", .default_value = "60 s", .documentation = "for an answer"},
  };
  spec.make_sink =
      [](connector::TableDescriptor table,
         connector::ConnectorContext context) -> Result<std::unique_ptr<connector::TableSink>> {
    ASSIGN_OR_RETURN(ClickhouseOptions options,
                     ClickhouseOptionReader(table, context.base_directory).Read());
    return std::make_unique<ClickhouseSink>(context.env, std::move(options));
  };
  return spec;
}

}  // namespace mainstem::sink
