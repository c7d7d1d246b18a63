#include "sink/iceberg/iceberg_sink.h"

#include <filesystem>

#include <absl/strings/str_split.h>
#include <arrow/api.h>

#include "connector/iceberg/column_types.h"
#include "connector/iceberg/hadoop_catalog.h"
#include "connector/iceberg/rest_catalog.h"
#include "connector/iceberg/schema_drift.h"
#include "connector/options.h"
#include "connector/position_keeper.h"
#include "core/error_context.h"
#include "sink/iceberg/file_rewriter.h"
#include "sink/iceberg/iceberg_writer.h"

namespace mainstem::sink {

namespace iceberg = connector::iceberg;
using connector::TableDescriptor;
using connector::TableOptions;

namespace {

constexpr const char* kPartitionedBy = "partitioned-by";
// Options that are properties of the table that is made.
constexpr const char* kTableProperties[] = {"write.", "commit.", "history.", "read."};

class IcebergSink final : public connector::TableSink,
                          public connector::DriftingSink,
                          public connector::PositionKeeper {
 public:
  IcebergSink(Env* env, IcebergSinkOptions options,
              std::shared_ptr<iceberg::TableCommitter> committer,
              std::shared_ptr<iceberg::LakeFiles> files,
              std::shared_ptr<iceberg::TableMaintenance> maintenance)
      : env_(env),
        options_(std::make_shared<const IcebergSinkOptions>(std::move(options))),
        committer_(std::move(committer)),
        files_(std::move(files)),
        maintenance_(std::move(maintenance)) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->upserts ? connector::SinkMode::kUpsert : connector::SinkMode::kAppendOnly;
  }
  std::string guarantee() const override {
    return "exactly once (files and position in one commit of the table)";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    iceberg::DeliveryPlace place{.delivery_id = std::move(delivery_id), .partition = partition};
    return MakeIcebergWriter(env_, options_, committer_, files_, maintenance_, std::move(place));
  }

  connector::DriftPolicy drift_policy() const override { return options_->drift; }

  Task<connector::Differences> FindDifferences() override {
    CO_ASSIGN_OR_RETURN(std::optional<iceberg::MetadataPtr> table, co_await committer_->Load());
    const std::string name = committer_->TableName();
    if (table) co_return iceberg::CompareColumns(name, (*table)->schema, *options_->columns);
    connector::Differences differences(1);
    differences[0] = {.kind = connector::DifferenceKind::kTable,
                      .problem = "table '" + name + "' does not exist: it is made with its columns",
                      .statement = "CREATE TABLE " + name,
                      .blocks = false};
    co_return differences;
  }

  Task<> Evolve() override {
    CO_ASSIGN_OR_RETURN(std::optional<iceberg::MetadataPtr> found, co_await committer_->Load());
    if (!found) co_return Status::OK();
    iceberg::MetadataPtr table = std::move(*found);
    int32_t last_column_id = table->last_column_id, schema_id = 0;
    for (const iceberg::NumberedText& schema : table->schemas) {
      schema_id = std::max(schema_id, schema.id);
    }
    Result<std::optional<iceberg::Schema>> grown =
        iceberg::GrowSchema(table->schema, *options_->columns, schema_id + 1, &last_column_id);
    CO_RETURN_IF_ERROR(grown);
    if (!*grown) co_return Status::OK();
    CO_RETURN_IF_ERROR(
        (co_await committer_->ChangeSchema(table, std::move(**grown), last_column_id)).status());
    co_return Status::OK();
  }

 private:
  Env* env_;
  std::shared_ptr<const IcebergSinkOptions> options_;
  std::shared_ptr<iceberg::TableCommitter> committer_;
  std::shared_ptr<iceberg::LakeFiles> files_;
  std::shared_ptr<iceberg::TableMaintenance> maintenance_;
};

Status InSqlTable(const TableDescriptor& table, const Status& status) {
  return InContext("table '" + table.name + "': ", status);
}

// As metadata names it: whole, so that readers find it from anywhere.
Result<std::string> WarehouseOf(const std::string& warehouse, const std::string& base_directory) {
  std::string path = warehouse;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.find(':') == std::string::npos) {
    std::filesystem::path local(path);
    if (local.is_relative() && !base_directory.empty()) local = base_directory / local;
    std::error_code error;
    local = std::filesystem::absolute(local, error).lexically_normal();
    path = local.string();
    while (path.size() > 1 && path.back() == '/') path.pop_back();
  }
  RETURN_IF_ERROR(iceberg::LakeFiles::CheckLocation(path));
  return path;
}

struct CatalogName {
  std::string database;
  std::string table;
};

CatalogName NameOf(const TableDescriptor& table, const TableOptions& options) {
  // The last part of the name in SQL.
  std::string name = table.name.substr(table.name.rfind('.') + 1);
  return {.database = options.Text("catalog-database", "default"),
          .table = options.Text("catalog-table", name)};
}

Result<std::unique_ptr<iceberg::Catalog>> MakeRest(const TableDescriptor& table,
                                                   const connector::ConnectorContext& context,
                                                   TableOptions* options) {
  iceberg::RestCatalogOptions rest;
  CatalogName name = NameOf(table, *options);
  rest.database = absl::StrSplit(name.database, '.');
  rest.table = name.table;
  rest.warehouse = options->Text("warehouse", "");
  rest.token = options->Text("token", "");
  rest.token_file = options->Text("token-file", "");
  rest.credential = options->Text("credential", "");
  rest.credential_file = options->Text("credential-file", "");
  rest.scope = options->Text("scope", rest.scope);
  rest.token_uri = options->Text("oauth2-server-uri", "");
  rest.session.ca_file = options->Text("connection.ca-file", "");
  rest.wants_vended_keys = !options->Has("s3.access-key");
  if (!options->Has("uri")) {
    options->Fail("uri", "is missing", "give the catalog's address, as http://host:8181");
    return options->status();
  }
  // Without the value in messages: it may hold a password.
  Result<std::string> uri = connector::CheckHttpUrl(options->Text("uri", ""));
  if (!uri.ok()) {
    return InSqlTable(
        table, MakeError(ErrorCode::kInvalidArgument, "'uri': " + TextOf(uri.status()).message));
  }
  rest.uri = std::move(*uri);
  if (rest.uri.ends_with("/v1")) rest.uri.resize(rest.uri.size() - 3);
  RETURN_IF_ERROR(options->status());
  return iceberg::MakeRestCatalog(context.env, std::move(rest));
}

Result<std::unique_ptr<iceberg::Catalog>> MakeHadoop(const TableDescriptor& table,
                                                     const connector::ConnectorContext& context,
                                                     std::shared_ptr<iceberg::LakeFiles> files,
                                                     TableOptions* options) {
  if (!options->Has("warehouse")) {
    options->Fail("warehouse", "is missing", "give a folder, or s3://bucket/folder");
    return options->status();
  }
  Result<std::string> warehouse =
      WarehouseOf(options->Text("warehouse", ""), context.base_directory);
  if (!warehouse.ok()) return InSqlTable(table, warehouse.status());
  CatalogName name = NameOf(table, *options);
  iceberg::HadoopCatalogOptions hadoop{
      .warehouse = std::move(*warehouse), .database = name.database, .table = name.table};
  return iceberg::MakeHadoopCatalog(context.env, std::move(files), std::move(hadoop));
}

iceberg::Properties TablePropertiesOf(const TableDescriptor& table) {
  iceberg::Properties properties;
  for (const auto& [name, value] : table.options) {
    for (std::string_view prefix : kTableProperties) {
      if (name.starts_with(prefix)) properties[name] = value;
    }
  }
  return properties;
}

Result<std::vector<iceberg::PartitionTerm>> PartitionTermsOf(const TableDescriptor& table,
                                                             TableOptions* options) {
  std::string text = options->Text(kPartitionedBy, "");
  if (!text.empty() && !table.partition_keys.empty()) {
    options->Fail(kPartitionedBy, "cannot stand beside PARTITIONED BY",
                  "name all partitions in one of the two");
    return options->status();
  }
  if (!text.empty()) return iceberg::ParsePartitionTerms(text);
  std::vector<iceberg::PartitionTerm> terms;
  for (const std::string& key : table.partition_keys) {
    terms.push_back({.column = key, .transform = {}});
  }
  return terms;
}

// What is not supported is told with what to do instead.
void CheckSupported(TableOptions* options) {
  if (options->Text("write.format.default", "parquet") != "parquet") {
    options->Fail("write.format.default", "is not supported", "use 'parquet'");
  }
}

Status SetUpserts(const TableDescriptor& table, TableOptions* options, IcebergSinkOptions* result) {
  result->upserts = options->Bool("write.upsert.enabled", false);
  result->key = table.primary_key;
  int64_t version = options->Integer("format-version", result->upserts ? 3 : 2);
  if (version != 2 && version != 3) {
    options->Fail("format-version", "is not supported", "use '2' or '3'");
  } else if (result->upserts && version != 3) {
    options->Fail("format-version", "has no deletion vectors, with which rows are replaced",
                  "use '3', or leave it out");
  } else if (result->upserts && result->key.empty()) {
    options->Fail("write.upsert.enabled", "needs a PRIMARY KEY, by which rows are replaced",
                  "declare PRIMARY KEY (..) NOT ENFORCED");
  }
  result->new_table.format_version = version;
  return options->status();
}

Status SetTable(const TableDescriptor& table, TableOptions* options, IcebergSinkOptions* result) {
  result->table = table.name;
  result->columns = table.schema;
  result->drift = connector::DriftPolicyOf(options);
  result->commit_interval = options->Time("sink.commit-interval", result->commit_interval);
  result->file_bytes = options->Bytes("write.target-file-size-bytes", 0);
  result->compression = options->Text("write.parquet.compression-codec", "");
  result->maintains = options->Bool("sink.maintenance", true);
  // Files are there before the commit that names them, those of other writers, too. Tables that
  // were declared before may say less.
  result->orphan_age = std::max(options->Time("sink.orphan-age", result->orphan_age),
                                result->commit_interval + std::chrono::hours(1));
  CheckSupported(options);
  RETURN_IF_ERROR(SetUpserts(table, options, result));
  iceberg::NewTable& made = result->new_table;
  made.properties = TablePropertiesOf(table);
  if (result->maintains) {
    // At a commit every ten seconds five days, which is what tables say that say nothing, would be
    // 43,000 snapshots in the metadata that each commit writes and each reader reads.
    made.properties.emplace("history.expire.max-snapshot-age-ms", "7200000");
    made.properties.emplace("write.metadata.delete-after-commit.enabled", "true");
  }
  if (result->file_bytes > 0) {
    made.properties["write.target-file-size-bytes"] = std::to_string(result->file_bytes);
  }
  Result<iceberg::Schema> schema = iceberg::SchemaOfColumns(*table.schema, table.primary_key);
  if (!schema.ok()) return InSqlTable(table, schema.status());
  made.schema = std::move(*schema);
  Result<std::vector<iceberg::PartitionTerm>> terms = PartitionTermsOf(table, options);
  if (!terms.ok()) return InSqlTable(table, terms.status());
  Result<iceberg::PartitionSpec> spec = iceberg::MakePartitionSpec(*terms, made.schema);
  if (!spec.ok()) return InSqlTable(table, spec.status());
  made.spec = std::move(*spec);
  result->has_partitions = !terms->empty();
  return Status::OK();
}

std::vector<std::string> KeyOfUpserts(const IcebergSinkOptions& options) {
  return options.upserts ? options.key : std::vector<std::string>();
}

Result<std::unique_ptr<connector::TableSink>> MakeIcebergSink(
    const TableDescriptor& table, const connector::ConnectorContext& context,
    const connector::S3Defaults& defaults) {
  if (!table.metadata_columns.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     "table '" + table.name + "': Iceberg tables have no metadata to be written");
  }
  TableOptions options(table);
  IcebergSinkOptions result;
  RETURN_IF_ERROR(SetTable(table, &options, &result));
  iceberg::LakeFilesOptions lake;
  ASSIGN_OR_RETURN(lake.s3, connector::S3OptionsOf(table, defaults));
  lake.has_own_keys = options.Has("s3.access-key");
  lake.has_own_endpoint = options.Has("s3.endpoint");
  auto files = std::make_shared<iceberg::LakeFiles>(context.env, std::move(lake));
  std::string type = options.Text("catalog-type", "");
  std::unique_ptr<iceberg::Catalog> catalog;
  if (type == "rest") {
    ASSIGN_OR_RETURN(catalog, MakeRest(table, context, &options));
  } else if (type == "hadoop") {
    ASSIGN_OR_RETURN(catalog, MakeHadoop(table, context, files, &options));
  } else {
    options.Fail("catalog-type", type.empty() ? "is missing" : "is not supported",
                 "use 'rest', or 'hadoop': files alone");
    return options.status();
  }
  auto committer =
      std::make_shared<iceberg::TableCommitter>(context.env, std::move(catalog), files);
  std::shared_ptr<iceberg::TableMaintenance> maintenance;
  if (result.maintains) {
    auto rewriter = MakeParquetRewriter(
        context.env, files,
        {.compression = result.compression, .key_columns = KeyOfUpserts(result)});
    iceberg::MaintenanceOptions of_table{.file_bytes = result.file_bytes};
    of_table.cleanup.orphan_age = result.orphan_age;
    maintenance = std::make_shared<iceberg::TableMaintenance>(context.env, committer, files,
                                                              std::move(rewriter), of_table);
  }
  return std::make_unique<IcebergSink>(context.env, std::move(result), std::move(committer),
                                       std::move(files), std::move(maintenance));
}

std::vector<connector::OptionSpec> IcebergOptionSpecs() {
  return {
      {.name = "catalog-type",
       .documentation = "'rest', or 'hadoop': a catalog that is nothing but files.",
       .required = true},
      {.name = "catalog-name", .documentation = "Accepted, without effect."},
      {.name = "warehouse",
       .documentation =
           "Folder or s3:// address of a hadoop catalog; a REST catalog's name of it."},
      {.name = "uri", .documentation = "Address of a REST catalog."},
      {.name = "catalog-database",
       .default_value = "default",
       .documentation = "Namespace, with dots between its parts."},
      {.name = "catalog-table", .documentation = "Name of the table; default: as in SQL."},
      {.name = "token", .documentation = "Bearer token for a REST catalog.", .secret = true},
      {.name = "token-file", .documentation = "A file that holds it (ours)."},
      {.name = "credential",
       .documentation = "'id:secret', for which a REST catalog gives a token.",
       .secret = true},
      {.name = "credential-file", .documentation = "A file that holds it (ours)."},
      {.name = "scope", .default_value = "catalog", .documentation = "Asked for with it."},
      {.name = "oauth2-server-uri", .documentation = "Who gives the token; default: the catalog."},
      {.name = "connection.ca-file", .documentation = "PEM file for https to the catalog (ours)."},
      {.name = kPartitionedBy,
       .documentation = "Partitions of a table that is made, as 'day(at), bucket(16, id)' (ours)."},
      connector::DriftOptionSpec(),
      {.name = "sink.commit-interval",
       .default_value = "10 s",
       .documentation = "Rows become visible at the latest after this time (ours)."},
      {.name = "sink.maintenance",
       .default_value = "true",
       .documentation = "Small files and manifests are merged, old snapshots expired, what crashes "
                        "have left removed (ours)."},
      {.name = "sink.orphan-age",
       .default_value = "72 h",
       .documentation =
           "So old a file must be that no snapshot names before it is removed; at least an hour "
           "more than 'sink.commit-interval' (ours)."},
      {.name = "format-version",
       .default_value = "2",
       .documentation = "Of a table that is made: 2 or 3; upserts need, and make, 3."},
      {.name = "write.upsert.enabled",
       .default_value = "false",
       .documentation = "Rows replace those with the same PRIMARY KEY, deletions delete."},
      {.name = "write.*",
       .documentation = "Properties of a table that is made; "
                        "'write.target-file-size-bytes' and 'write.parquet.compression-codec' "
                        "count for this sink in any case."},
      {.name = "commit.*", .documentation = "Properties of a table that is made."},
      {.name = "history.*", .documentation = "Properties of a table that is made."},
      {.name = "read.*", .documentation = "Properties of a table that is made."},
  };
}

}  // namespace

connector::ConnectorSpec IcebergSinkConnector(connector::S3Defaults defaults) {
  connector::ConnectorSpec spec;
  spec.name = "iceberg";
  spec.documentation = "tables of Apache Iceberg, appended or upserted to exactly once";
  spec.options = IcebergOptionSpecs();
  for (connector::OptionSpec& option : connector::S3OptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  spec.make_sink = [defaults = std::move(defaults)](TableDescriptor table,
                                                    connector::ConnectorContext context) {
    return MakeIcebergSink(table, context, defaults);
  };
  return spec;
}

}  // namespace mainstem::sink
