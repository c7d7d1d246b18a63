#include "sink/jdbc/jdbc_sink.h"

#include <arrow/api.h>
#include <arrow/util/byte_size.h>

#include "connector/jdbc/jdbc_options.h"
#include "connector/jdbc/sql_values.h"
#include "connector/options.h"
#include "connector/position_keeper.h"
#include "core/error_context.h"
#include "sink/jdbc/jdbc_drift.h"
#include "sink/jdbc/postgres_delivery.h"
#include "sink/jdbc/statement_delivery.h"
#include "sink/refused_row.h"
#include "sink/waiting_rows.h"

namespace mainstem::sink {

namespace {

struct JdbcOptions {
  std::string table_name;  // in SQL
  connector::JdbcServer server;
  DestinationTable table;
  int64_t max_rows = 0;  // 0: no limit by rows
  Duration interval{};   // 0: no limit by time
  connector::DriftPolicy drift = connector::DriftPolicy::kFail;
};

// What one writer may hold back, whatever the options say.
constexpr int64_t kMaxBufferedRows = 50000;
constexpr int64_t kMaxBufferedBytes = int64_t{32} << 20;

// Blocks.
Result<std::unique_ptr<RowDelivery>> OpenDelivery(const connector::JdbcServer& server,
                                                  RowDelivery::Options options) {
  if (const auto* postgres = std::get_if<connector::PostgresTarget>(&server)) {
    return PostgresDelivery::Open(*postgres, std::move(options));
  }
  if (const auto* mysql = std::get_if<connector::MysqlTarget>(&server)) {
    return OpenMysqlDelivery(*mysql, std::move(options));
  }
  if (const auto* duckdb = std::get_if<connector::DuckdbTarget>(&server)) {
    return OpenDuckdbDelivery(*duckdb, std::move(options));
  }
  return OpenSqliteDelivery(std::get<connector::SqliteTarget>(server), std::move(options));
}

class JdbcWriter final : public connector::DeliveryWriter {
 public:
  JdbcWriter(Env* env, std::shared_ptr<const JdbcOptions> options, std::string delivery_id,
             PartitionId partition)
      : env_(env),
        options_(std::move(options)),
        delivery_id_(std::move(delivery_id)),
        partition_(partition) {}

  ~JdbcWriter() override { connector::CloseOnPool(env_, std::move(delivery_)); }

  Task<std::optional<Offset>> Open() override {
    for (const std::string& column : options_->table.primary_key) {
      key_columns_.push_back(options_->table.schema->GetFieldIndex(column));
    }
    CO_RETURN_IF_ERROR(Named(co_await env_->blocking_pool().Run([this] {
      Status opened = OpenNow();
      if (opened.ok()) position_ = delivery_->position();
      if (is_locking_) delivery_.reset();
      return opened;
    })));
    co_return position_;
  }

  Task<> Deliver(ChangelogBatch batch, Offset end) override {
    CO_RETURN_IF_ERROR(CheckColumns(*batch.rows));
    TimePoint now = env_->Now();
    CO_ASSIGN_OR_RETURN(int64_t bytes, arrow::util::ReferencedBufferSize(*batch.rows));
    waiting_.Add(batch.rows->num_rows(), bytes, now);
    if (batch.rows->num_rows() > 0) buffer_.push_back(std::move(batch));
    end_ = end;
    int64_t limit = options_->max_rows > 0 ? options_->max_rows : kMaxBufferedRows;
    bool is_due = waiting_.IsDue(now, options_->interval);
    bool is_full = waiting_.IsFull(std::min(limit, kMaxBufferedRows), kMaxBufferedBytes);
    if (is_due || is_full) co_return Named(co_await Write());
    co_return Status::OK();
  }

  Task<Offset> Flush(FlushOptions) override {
    CO_RETURN_IF_ERROR(Named(co_await Write()));
    co_return position_.value_or(Offset(0));
  }

 private:
  Status Named(const Status& status) const {
    if (status.ok() || Is(status, ErrorCode::kCancelled)) return status;
    return InContext("table '" + options_->table_name + "': ", status);
  }

  Status CheckColumns(const arrow::RecordBatch& rows) const {
    const arrow::Schema& schema = *options_->table.schema;
    bool fits = rows.num_columns() == schema.num_fields();
    for (int i = 0; fits && i < rows.num_columns(); ++i) {
      const arrow::DataType& type = *rows.column(i)->type();
      const arrow::DataType& wanted = *schema.field(i)->type();
      // Elements may be called otherwise and be NULL or not: that does not matter here.
      fits = type.Equals(wanted) || (type.id() == arrow::Type::LIST && wanted.id() == type.id());
    }
    if (fits) return Status::OK();
    return MakeError(ErrorCode::kInternal,
                     {.message = "connector 'jdbc': rows for table '" + options_->table.name +
                                 "' have other columns than the table",
                      .detail = rows.schema()->ToString()});
  }

  Status OpenNow() {
    RowDelivery::Options options{
        .table = options_->table, .delivery_id = delivery_id_, .partition = partition_};
    ASSIGN_OR_RETURN(delivery_, OpenDelivery(options_->server, std::move(options)));
    return Status::OK();
  }

  Task<> Write() {
    CHECK(delivery_ != nullptr || is_locking_);
    if (!end_ || position_ == end_) co_return Status::OK();
    if (failed_) {
      co_return WriterHasFailed();
    }
    // Until it succeeds: the rows it takes out of the buffer must not be passed over.
    failed_ = true;
    std::vector<ChangelogBatch> batches = std::exchange(buffer_, {});
    waiting_.Clear();
    RowChanges changes;
    CO_ASSIGN_OR_RETURN(
        auto refused, co_await env_->blocking_pool().Run([&] { return Apply(batches, &changes); }));
    // Before the commit: what is refused is kept by somebody else before the position passes it.
    if (!refused.empty()) {
      CO_RETURN_IF_ERROR(
          co_await env_->blocking_pool().Run([this] { return delivery_->CheckTable(); }));
      CO_RETURN_IF_ERROR(co_await HandOver(changes, std::move(refused)));
    }
    CO_RETURN_IF_ERROR(co_await env_->blocking_pool().Run([this] {
      Status committed = delivery_->Commit(env_);
      if (is_locking_) delivery_.reset();
      return committed;
    }));
    position_ = end_;
    failed_ = false;
    co_return Status::OK();
  }

  Result<std::vector<RefusedRow>> Apply(const std::vector<ChangelogBatch>& batches,
                                        RowChanges* changes) {
    if (delivery_ == nullptr) {
      RETURN_IF_ERROR(OpenNow());
      if (delivery_->position() != position_) {
        return MakeError(ErrorCode::kUnavailable,
                         "another writer has moved the position of '" + delivery_id_ + "'");
      }
    }
    auto can_store = [this](const arrow::RecordBatch& rows, int64_t row) {
      return delivery_->CanStore(rows, row);
    };
    ASSIGN_OR_RETURN(*changes,
                     FoldChanges(options_->table.schema, batches, key_columns_, can_store));
    return delivery_->Apply(*changes, *end_);
  }

  Task<> HandOver(const RowChanges& changes, std::vector<RefusedRow> refused) {
    RefusedRowPlace place{.delivery_id = delivery_id_, .partition = partition_, .end = *end_};
    auto records = RejectedRecordsOf(changes, std::move(refused), std::move(place));
    co_return co_await KeepRefused(std::move(records));
  }

  Env* env_;
  std::shared_ptr<const JdbcOptions> options_;
  std::string delivery_id_;
  PartitionId partition_;
  std::vector<int> key_columns_;
  // While it is there nobody else can read a DuckDB file: it is there for a transaction only then.
  const bool is_locking_ = std::holds_alternative<connector::DuckdbTarget>(options_->server);
  std::unique_ptr<RowDelivery> delivery_;
  std::optional<Offset> position_;
  std::vector<ChangelogBatch> buffer_;
  WaitingRows waiting_;
  std::optional<Offset> end_;
  bool failed_ = false;
};

class JdbcSink final : public connector::TableSink,
                       public connector::DriftingSink,
                       public connector::PositionKeeper {
 public:
  JdbcSink(Env* env, JdbcOptions options)
      : env_(env), options_(std::make_shared<const JdbcOptions>(std::move(options))) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->table.primary_key.empty() ? connector::SinkMode::kAppendOnly
                                               : connector::SinkMode::kUpsert;
  }
  std::string guarantee() const override {
    return "exactly once (position in the same transaction)";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return std::make_unique<JdbcWriter>(env_, options_, std::move(delivery_id), partition);
  }

  connector::DriftPolicy drift_policy() const override { return options_->drift; }
  Task<connector::Differences> FindDifferences() override {
    co_return co_await env_->blocking_pool().Run(
        [this] { return FindTableDifferences(options_->server, options_->table); });
  }
  Task<> Evolve() override {
    co_return co_await env_->blocking_pool().Run(
        [this] { return EvolveTable(options_->server, options_->table); });
  }

 private:
  Env* env_;
  std::shared_ptr<const JdbcOptions> options_;
};

Result<std::unique_ptr<connector::TableSink>> MakeRowSink(
    const connector::TableDescriptor& table, const connector::ConnectorContext& context,
    connector::JdbcServer server) {
  connector::TableOptions options(table);
  JdbcOptions result;
  result.table_name = table.name;
  result.server = std::move(server);
  std::string connector = options.Text("connector", "jdbc");
  if (!table.metadata_columns.empty()) {
    return MakeError(ErrorCode::kSemanticError, "table '" + table.name + "': connector '" +
                                                    connector + "' has no metadata columns");
  }
  result.table = {.name = options.Text("table-name", ""),
                  .schema = table.schema,
                  .primary_key = table.primary_key};
  result.max_rows = options.Integer("sink.buffer-flush.max-rows", 5000);
  result.interval = options.Time("sink.buffer-flush.interval", std::chrono::seconds(1));
  if (result.max_rows < 0) options.Fail("sink.buffer-flush.max-rows", "must not be negative");
  result.drift = connector::DriftPolicyOf(&options);
  options.Integer("sink.max-retries", 3);
  RETURN_IF_ERROR(options.status());
  for (const auto& field : table.schema->fields()) {
    bool is_postgres = std::holds_alternative<connector::PostgresTarget>(result.server);
    if (is_postgres ? PostgresTypeFor(*field->type()).has_value()
                    : connector::IsSqlValue(*field->type())) {
      continue;
    }
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "table '" + table.name + "': column '" + field->name() +
                                 "' of type " + field->type()->ToString() +
                                 " cannot be written by connector '" + connector + "'",
                      .hint = "turn it into STRING, for a column of type json or text"});
  }
  return std::make_unique<JdbcSink>(context.env, std::move(result));
}

Result<std::unique_ptr<connector::TableSink>> MakeJdbcSink(connector::TableDescriptor table,
                                                           connector::ConnectorContext context) {
  ASSIGN_OR_RETURN(auto server, connector::JdbcServerOf(table, context.base_directory));
  return MakeRowSink(table, context, std::move(server));
}

Result<std::unique_ptr<connector::TableSink>> MakeDuckdbSink(connector::TableDescriptor table,
                                                             connector::ConnectorContext context) {
  connector::TableOptions options(table);
  connector::DuckdbTarget target{.path = options.Text("path", ""),
                                 .creates = options.Bool("create-table", true)};
  target.memory_limit = options.Bytes("memory-limit", target.memory_limit);
  if (target.memory_limit < (1 << 20)) options.Fail("memory-limit", "must be 1MB at least");
  if (target.path.empty() || target.path[0] == ':') {
    options.Fail("path", "must name a file", "write it as /folder/shop.duckdb");
  }
  RETURN_IF_ERROR(options.status());
  if (target.path[0] != '/') target.path = context.base_directory + "/" + target.path;
  return MakeRowSink(table, context, std::move(target));
}

// Of sinks that write rows by transactions.
std::vector<connector::OptionSpec> RowSinkOptionSpecs() {
  return {
      connector::DriftOptionSpec(),
      {.name = "sink.buffer-flush.max-rows",
       .default_value = "5000",
       .documentation = "Rows that a transaction takes at least when input does not pause."},
      {.name = "sink.buffer-flush.interval",
       .default_value = "1 s",
       .documentation = "Longest time that rows wait for others while input does not pause."},
  };
}

}  // namespace

connector::ConnectorSpec JdbcSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "jdbc";
  spec.documentation =
      "writes tables of PostgreSQL, MySQL, MariaDB and SQLite; with a PRIMARY KEY rows are "
      "upserted and deleted";
  spec.options = connector::JdbcServerOptions();
  for (connector::OptionSpec& option : RowSinkOptionSpecs()) spec.options.push_back(option);
  spec.options.push_back(
      {.name = "sink.max-retries",
       .default_value = "3",
       .documentation = "Accepted, without effect: passing faults are retried for ever."});
  spec.make_sink = MakeJdbcSink;
  return spec;
}

connector::ConnectorSpec DuckdbSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "duckdb";
  spec.documentation = "a table in a DuckDB file; with a PRIMARY KEY rows are upserted and deleted";
  spec.options = {
      {.name = "path", .documentation = "The file; it is made if need be.", .required = true},
      {.name = "table-name", .documentation = "table or schema.table.", .required = true},
      {.name = "create-table",
       .default_value = "true",
       .documentation = "Make the table if it is not there."},
      {.name = "memory-limit",
       .default_value = "256MB",
       .documentation = "What DuckDB may take of memory, beyond that of the node."},
  };
  for (connector::OptionSpec& option : RowSinkOptionSpecs()) spec.options.push_back(option);
  spec.make_sink = MakeDuckdbSink;
  return spec;
}

}  // namespace mainstem::sink
