#include "sink/redshift/redshift_sink.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "connector/position_keeper.h"
#include "connector/s3/s3_store.h"
#include "core/error_context.h"
#include "sink/redshift/copy_file.h"
#include "sink/redshift/redshift_writer.h"

namespace mainstem::sink {
namespace {

constexpr char kCopyPath[] = "sink.copy.path";

class RedshiftSink final : public connector::TableSink,
                           public connector::DriftingSink,
                           public connector::PositionKeeper {
 public:
  RedshiftSink(Env* env, RedshiftSinkOptions options)
      : env_(env), options_(std::make_shared<const RedshiftSinkOptions>(std::move(options))) {}

  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->redshift.table.primary_key.empty() ? connector::SinkMode::kAppendOnly
                                                        : connector::SinkMode::kUpsert;
  }
  std::string guarantee() const override {
    return "exactly once (position in the same transaction)";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeRedshiftWriter(env_, options_, std::move(delivery_id), partition);
  }

  connector::DriftPolicy drift_policy() const override { return options_->drift; }
  Task<connector::Differences> FindDifferences() override {
    co_return co_await env_->blocking_pool().Run(
        [this] { return FindRedshiftDifferences(options_->redshift); });
  }
  Task<> Evolve() override {
    co_return co_await env_->blocking_pool().Run(
        [this] { return EvolveRedshift(options_->redshift); });
  }

 private:
  Env* env_;
  std::shared_ptr<const RedshiftSinkOptions> options_;
};

Status CheckRedshiftColumns(const connector::TableDescriptor& table) {
  if (!table.metadata_columns.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     "table '" + table.name + "': connector 'redshift' has no metadata columns");
  }
  for (const auto& field : table.schema->fields()) {
    if (IsCopyValue(*field->type())) continue;
    return MakeError(
        ErrorCode::kUnsupported,
        {.message = "table '" + table.name + "': column '" + field->name() + "' of type " +
                    field->type()->ToString() + " cannot be written by connector 'redshift'",
         .hint = "turn it into STRING, for a column of type varchar or super"});
  }
  return Status::OK();
}

Status SetCopyPlace(Env* env, const connector::TableDescriptor& table,
                    const connector::S3Defaults& defaults, connector::TableOptions* options,
                    RedshiftSinkOptions* result) {
  const std::string path = options->Text(kCopyPath, "");
  Result<connector::S3Location> location = connector::ParseS3Path(path);
  if (!connector::IsS3Path(path) || !location.ok()) {
    options->Fail(kCopyPath, "must be a folder of a bucket", "write it as s3://bucket/folder");
    return options->status();
  }
  ASSIGN_OR_RETURN(connector::S3Options s3, connector::S3OptionsOf(table, defaults));
  result->bucket = location->bucket;
  result->prefix = location->key.empty() ? "" : location->key + "/";
  result->store = std::make_shared<connector::S3Store>(env, std::move(s3), location->bucket);
  return Status::OK();
}

Result<std::unique_ptr<connector::TableSink>> MakeRedshiftSink(
    const connector::TableDescriptor& table, const connector::ConnectorContext& context,
    const connector::S3Defaults& defaults) {
  RETURN_IF_ERROR(CheckRedshiftColumns(table));
  connector::TableOptions options(table);
  RedshiftSinkOptions result;
  result.table_name = table.name;
  RedshiftOptions& redshift = result.redshift;
  Result<connector::PostgresTarget> server = connector::ParseRedshiftUrl(options.Text("url", ""));
  if (!server.ok()) return InContext("table '" + table.name + "': ", server.status());
  redshift.server = std::move(*server);
  for (const auto& [option, parameter] :
       {std::pair("username", "user"), {"password", "password"}}) {
    if (auto value = options.Find(option)) {
      redshift.server.parameters.emplace_back(parameter, *value);
    }
  }
  redshift.server.password_file = options.Path("password-file", context.base_directory);
  redshift.table = {.name = options.Text("table-name", ""),
                    .schema = table.schema,
                    .primary_key = table.primary_key};
  redshift.iam_role = options.Text("sink.copy.iam-role", "default");
  redshift.copy_region = options.Text("sink.copy.region", "");
  for (const char* option : {"sink.copy.iam-role", "sink.copy.region", kCopyPath}) {
    // They stand in statements as literals, in which a backslash may begin an escape.
    const std::string text = options.Text(option, "");
    if (text.find_first_of("'\\") != std::string::npos) {
      options.Fail(option, "must have neither quotes nor backslashes");
    }
  }
  result.max_rows = options.Integer("sink.buffer-flush.max-rows", 500'000);
  result.interval = options.Time("sink.buffer-flush.interval", std::chrono::seconds(10));
  result.drift = connector::DriftPolicyOf(&options);
  if (result.max_rows < 1) options.Fail("sink.buffer-flush.max-rows", "must be at least 1");
  if (result.interval <= Duration::zero()) {
    options.Fail("sink.buffer-flush.interval", "must be longer than nothing");
  }
  RETURN_IF_ERROR(options.status());
  RETURN_IF_ERROR(SetCopyPlace(context.env, table, defaults, &options, &result));
  return std::make_unique<RedshiftSink>(context.env, std::move(result));
}

}  // namespace

connector::ConnectorSpec RedshiftSinkConnector(connector::S3Defaults defaults) {
  connector::ConnectorSpec spec;
  spec.name = "redshift";
  spec.documentation =
      "tables of Amazon Redshift, by files in S3 and COPY; with a PRIMARY KEY rows are upserted "
      "and deleted";
  spec.options = {
      {.name = "url", .documentation = "jdbc:redshift://host:5439/database", .required = true},
      {.name = "table-name",
       .documentation = "table or schema.table; it must exist.",
       .required = true},
      {.name = "username", .documentation = "The database user."},
      {.name = "password", .documentation = "Its password.", .secret = true},
      {.name = "password-file",
       .documentation = "The file that holds the password, read for each connection."},
      {.name = kCopyPath,
       .documentation = "s3://bucket/folder: where files lie while they are loaded.",
       .required = true},
      {.name = "sink.copy.iam-role",
       .default_value = "default",
       .documentation = "The role by which the cluster reads them: an ARN, or the cluster's own."},
      {.name = "sink.copy.region", .documentation = "Of the bucket, when it is not the cluster's."},
      {.name = "sink.buffer-flush.max-rows",
       .default_value = "500000",
       .documentation = "Rows of one load, about."},
      {.name = "sink.buffer-flush.interval",
       .default_value = "10 s",
       .documentation = "How long rows wait for others."},
      connector::DriftOptionSpec(),
  };
  for (connector::OptionSpec& option : connector::S3OptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  spec.make_sink = [defaults = std::move(defaults)](connector::TableDescriptor table,
                                                    connector::ConnectorContext context) {
    return MakeRedshiftSink(table, context, defaults);
  };
  return spec;
}

}  // namespace mainstem::sink
