// sink_delivery_driver: delivers a known changelog through a real sink, as a job's delivery task
// would, and may be killed at any moment. tests/integration/sink starts it again until it ends by
// itself, then compares the destination with the model (the same formula in Python).
//
//   sink_delivery_driver [--key a,b] [--partition-by a] [--partitions N] [--records N] [--rows N]
//     [--keys N] [--append] [--reject-file PATH] [--crash POINT:N] [--flush-every N]
//     [--max-failures N] [--keep-trying] [--vary-keys] [--wide N] [--make-only] option=value ...
//
// --keep-trying: no error ends it, as none ends the delivery of a job.
// --vary-keys: two thirds of the rows spell their key otherwise, with a blank behind it or in
// capitals.
// --wide: a third of the rows have so many bytes in "part".
// --make-only delivers nothing: what making the rows costs, for benches.
// Ends with 0 when everything is delivered, 2 with the error on standard error when it cannot be.
// Standard output: one line "ready" at the start, then "delivered <partition> <position>".
#include <cstdio>

#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "connector/drift.h"
#include "connector/registry.h"
#include "core/config.h"
#include "core/sync.h"
#include "sink/blackhole/blackhole_sink.h"
#include "sink/clickhouse/clickhouse_sink.h"
#include "sink/filesystem/file_sink.h"
#include "sink/http/http_sink.h"
#include "sink/iceberg/iceberg_sink.h"
#include "sink/jdbc/jdbc_sink.h"
#include "sink/kafka/kafka_sink.h"
#include "sink/opensearch/opensearch_sink.h"
#include "sink/print/print_sink.h"
#include "sink/redis/redis_sink.h"
#include "sink/redshift/redshift_sink.h"

namespace mainstem::sink {
namespace {

struct DriverOptions {
  int64_t partition_count = 1;
  int64_t record_count = 100;
  int64_t rows_per_record = 10;
  int64_t key_count = 50;
  int64_t flush_every = 3;      // records
  int64_t max_failures = 1000;  // of a kind that may pass
  int64_t wide_bytes = 0;       // 0: no row is wide
  bool append = false;
  bool keep_trying = false;
  bool vary_keys = false;
  bool make_only = false;
  std::string reject_file;
  std::string crash_point;
  std::vector<std::string> key;
  std::vector<std::string> partition_by;
  std::map<std::string, std::string> table_options;
};

std::shared_ptr<arrow::Schema> DriverSchema() {
  return arrow::schema({arrow::field("k", arrow::utf8(), false), arrow::field("n", arrow::int64()),
                        arrow::field("amount", arrow::decimal128(10, 2)),
                        arrow::field("at", arrow::timestamp(arrow::TimeUnit::MILLI)),
                        arrow::field("part", arrow::utf8())});
}

// Row `row` of record `record` in `partition`: everything follows from one number.
uint32_t Mix(int64_t partition, int64_t record, int64_t row) {
  auto x = static_cast<uint32_t>(record * 1000003 + row * 7919 + partition * 104729 + 17);
  x *= 2654435761u;
  return x ^ (x >> 15);
}

Result<ChangelogBatch> MakeRecord(const DriverOptions& options, int64_t partition, int64_t record) {
  arrow::StringBuilder k, part;
  arrow::Int64Builder n;
  arrow::Decimal128Builder amount(arrow::decimal128(10, 2));
  arrow::TimestampBuilder at(arrow::timestamp(arrow::TimeUnit::MILLI),
                             arrow::default_memory_pool());
  ChangelogBatch batch;
  for (int64_t row = 0; row < options.rows_per_record; ++row) {
    uint32_t mix = Mix(partition, record, row);
    int64_t number = record * options.rows_per_record + row;
    std::string key = fmt::format("p{}-{}", partition, mix % options.key_count);
    if (options.vary_keys && mix / 1024 % 3 == 1) key += ' ';
    if (options.vary_keys && mix / 1024 % 3 == 2) key[0] = 'P';
    RETURN_IF_ERROR(k.Append(key));
    RETURN_IF_ERROR(n.Append(number));
    RETURN_IF_ERROR(amount.Append(arrow::Decimal128(mix % 100000)));
    RETURN_IF_ERROR(at.Append(1767225600000 + number));
    std::string text = fmt::format("d/{}", mix % 3);
    if (options.wide_bytes > 0 && mix % 3 == 1) {
      text.resize(static_cast<size_t>(options.wide_bytes), 'w');
    }
    RETURN_IF_ERROR(mix % 7 == 0 ? part.AppendNull() : part.Append(text));
    if (options.append) continue;
    bool is_delete = mix / 64 % 5 == 0;
    batch.kinds.push_back(is_delete ? RowKind::kDelete : RowKind::kUpdateAfter);
  }
  arrow::ArrayVector columns(5);
  RETURN_IF_ERROR(k.Finish(&columns[0]));
  RETURN_IF_ERROR(n.Finish(&columns[1]));
  RETURN_IF_ERROR(amount.Finish(&columns[2]));
  RETURN_IF_ERROR(at.Finish(&columns[3]));
  RETURN_IF_ERROR(part.Finish(&columns[4]));
  batch.rows = arrow::RecordBatch::Make(DriverSchema(), options.rows_per_record, columns);
  return batch;
}

// Appends what was refused to a file, durably.
class RejectFile final : public connector::RejectHandler {
 public:
  explicit RejectFile(std::string path) : path_(std::move(path)) {}
  Task<> OnRejected(std::vector<connector::RejectedRecord> records) override {
    std::FILE* file = std::fopen(path_.c_str(), "a");
    CHECK(file != nullptr);
    for (const auto& record : records) {
      std::fprintf(file, "%s\t%s\t%s\n", record.origin.c_str(), record.raw_bytes.c_str(),
                   Describe(record.cause).c_str());
    }
    CHECK(std::fflush(file) == 0 && std::fclose(file) == 0);
    co_return Status::OK();
  }

 private:
  std::string path_;
};

class Driver {
 public:
  Driver(Env* env, DriverOptions options)
      : env_(env), options_(std::move(options)), rejects_(options_.reject_file) {}

  Task<> Run() {
    connector::ConnectorRegistry registry;
    for (auto* make : {&BlackholeConnector, &PrintConnector, &JdbcSinkConnector, &HttpSinkConnector,
                       &RedisSinkConnector, &DuckdbSinkConnector, &KafkaSinkConnector,
                       &UpsertKafkaSinkConnector, &ClickhouseSinkConnector}) {
      registry.Add(make());
    }
    connector::S3Defaults s3;
    s3.environment = connector::S3Environment(EnvironmentVariable);
    registry.Add(IcebergSinkConnector(s3));
    registry.Add(RedshiftSinkConnector(s3));
    registry.Add(FileSinkConnector(std::move(s3)));
    for (connector::ConnectorSpec& spec : OpenSearchSinkConnectors()) registry.Add(std::move(spec));
    connector::TableDescriptor table{.name = "driver",
                                     .schema = DriverSchema(),
                                     .metadata_columns = {},
                                     .primary_key = options_.key,
                                     .partition_keys = options_.partition_by,
                                     .options = options_.table_options};
    connector::ConnectorContext context;
    context.env = env_;
    context.base_directory = ".";
    CO_ASSIGN_OR_RETURN(sink_, registry.MakeSink(table, context));
    Say("ready\n");
    for (int64_t partition = 0; partition < options_.partition_count; ++partition) {
      CO_RETURN_IF_ERROR(co_await DeliverWithRetries(partition));
    }
    co_return Status::OK();
  }

 private:
  static void Say(const std::string& line) {
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }

  Task<> DeliverWithRetries(int64_t partition) {
    if (options_.make_only) {
      for (int64_t record = 0; record < options_.record_count; ++record) {
        CO_RETURN_IF_ERROR(MakeRecord(options_, partition, record).status());
      }
      co_return Status::OK();
    }
    for (int64_t failures = 0;; ++failures) {
      Status status = co_await DeliverAll(partition);
      if (status.ok()) co_return status;
      bool may_pass = IsRetriable(status) || options_.keep_trying;
      if (!may_pass || failures >= options_.max_failures) co_return status;
      std::fprintf(stderr, "retrying: %s\n", Describe(status).c_str());
      CO_RETURN_IF_ERROR(co_await Sleep(std::chrono::milliseconds(50)));
    }
  }

  Task<> DeliverAll(int64_t partition) {
    CO_RETURN_IF_ERROR(co_await connector::EvolveDestination(sink_.get()));
    CO_ASSIGN_OR_RETURN(auto writer, sink_->MakeDeliveryWriter(
                                         "driver/sink", PartitionId(static_cast<int>(partition))));
    if (!options_.reject_file.empty()) writer->set_reject_handler(&rejects_);
    CO_ASSIGN_OR_RETURN(std::optional<Offset> stored, co_await writer->Open());
    int64_t begin = stored ? stored->value() : 0;
    for (int64_t record = begin; record < options_.record_count; ++record) {
      CO_ASSIGN_OR_RETURN(ChangelogBatch batch, MakeRecord(options_, partition, record));
      CO_RETURN_IF_ERROR(co_await writer->Deliver(std::move(batch), Offset(record + 1)));
      if ((record + 1) % options_.flush_every != 0) continue;
      CO_ASSIGN_OR_RETURN(Offset position, co_await writer->Flush({}));
      Say(fmt::format("delivered {} {}\n", partition, position.value()));
    }
    CO_ASSIGN_OR_RETURN(Offset end, co_await writer->Flush({.final = true}));
    Say(fmt::format("delivered {} {}\n", partition, end.value()));
    CHECK(end == Offset(options_.record_count));
    co_return Status::OK();
  }

  Env* env_;
  DriverOptions options_;
  RejectFile rejects_;
  std::unique_ptr<connector::TableSink> sink_;
};

DriverOptions ReadArguments(int argument_count, char** arguments) {
  DriverOptions options;
  std::map<std::string, int64_t*> numbers = {{"--partitions", &options.partition_count},
                                             {"--records", &options.record_count},
                                             {"--rows", &options.rows_per_record},
                                             {"--keys", &options.key_count},
                                             {"--flush-every", &options.flush_every},
                                             {"--max-failures", &options.max_failures},
                                             {"--wide", &options.wide_bytes}};
  std::map<std::string, bool*> flags = {{"--append", &options.append},
                                        {"--keep-trying", &options.keep_trying},
                                        {"--vary-keys", &options.vary_keys},
                                        {"--make-only", &options.make_only}};
  for (int i = 1; i < argument_count; ++i) {
    std::string name = arguments[i];
    if (flags.count(name) > 0) {
      *flags[name] = true;
    } else if (!name.starts_with("--")) {
      size_t equals = name.find('=');
      CHECK(equals != std::string::npos);
      options.table_options[name.substr(0, equals)] = name.substr(equals + 1);
    } else {
      CHECK(i + 1 < argument_count);
      std::string value = arguments[++i];
      if (name == "--key") options.key = absl::StrSplit(value, ',');
      if (name == "--partition-by") options.partition_by = absl::StrSplit(value, ',');
      if (name == "--reject-file") options.reject_file = value;
      if (name == "--crash") options.crash_point = value;
      if (numbers.count(name) > 0) CHECK(absl::SimpleAtoi(value, numbers[name]));
    }
  }
  return options;
}

}  // namespace
}  // namespace mainstem::sink

int main(int argument_count, char** arguments) {
  using namespace mainstem;
  sink::DriverOptions options = sink::ReadArguments(argument_count, arguments);
  std::unique_ptr<Env> env = MakeRealEnv({.shard_count = 1, .crash_point = options.crash_point});
  sink::Driver driver(env.get(), options);
  Status status = RunBlocking(env->shard(0), driver.Run());
  if (!status.ok()) std::fprintf(stderr, "%s\n", Describe(status).c_str());
  return status.ok() ? 0 : 2;
}
