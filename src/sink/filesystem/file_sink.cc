#include "sink/filesystem/file_sink.h"

#include <absl/strings/str_split.h>
#include <arrow/api.h>
#include <simdjson.h>

#include "connector/options.h"
#include "connector/overwrite.h"
#include "connector/position_keeper.h"
#include "connector/s3/s3_store.h"
#include "core/error_context.h"
#include "format/time_zone.h"
#include "sink/filesystem/file_encoder.h"
#include "sink/filesystem/file_writer.h"

namespace mainstem::sink {
namespace {

using connector::TableDescriptor;

constexpr std::string_view kTimestampMetadata = "timestamp";

class FileSink final : public connector::TableSink, public connector::PositionKeeper {
 public:
  FileSink(Env* env, FileSinkOptions options)
      : env_(env), options_(std::make_shared<const FileSinkOptions>(std::move(options))) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->encoders->takes_changes() ? connector::SinkMode::kRetract
                                               : connector::SinkMode::kAppendOnly;
  }
  std::string guarantee() const override {
    return options_->store == nullptr ? "exactly once (files and position in one manifest)"
                                      : "exactly once (uploads and position in one object)";
  }
  Result<std::unique_ptr<connector::DeliveryWriter>> MakeDeliveryWriter(
      std::string delivery_id, PartitionId partition) override {
    return MakeFileWriter(env_, options_, std::move(delivery_id), partition);
  }

 private:
  Env* env_;
  std::shared_ptr<const FileSinkOptions> options_;
};

Status InTable(const TableDescriptor& table, const Status& status) {
  return InContext("table '" + table.name + "': ", status);
}

// "file:///a/b", "/a/b" or relative to the base folder; without a slash at the end.
Result<std::string> LocalPath(std::string path, const std::string& base_directory) {
  size_t scheme = path.find("://");
  if (path.starts_with("file:")) {
    path = path.substr(path.starts_with("file://") ? 7 : 5);
  } else if (scheme != std::string::npos) {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "'path' on '" + path.substr(0, scheme) + "' cannot be written",
                      .hint = "use a folder of the local disk, or s3://bucket/folder"});
  }
  if (path.empty()) return MakeError(ErrorCode::kInvalidArgument, "'path' is empty");
  if (path[0] != '/' && !base_directory.empty()) path = base_directory + "/" + path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// 'sink.partition-commit.*': the name of the success file, empty for none.
std::string SuccessFileOf(connector::TableOptions* options) {
  const std::string kPolicy = "sink.partition-commit.policy.kind";
  std::string name = options->Text("sink.partition-commit.success-file.name", "_SUCCESS");
  if (name.empty() || name.find('/') != std::string::npos) {
    options->Fail("sink.partition-commit.success-file.name", "is not the name of a file");
  }
  if (!options->Has(kPolicy)) return "";
  std::vector<std::string> policies =
      absl::StrSplit(options->Text(kPolicy, ""), absl::ByAnyChar(",; "), absl::SkipEmpty());
  if (policies != std::vector<std::string>{"success-file"}) {
    options->Fail(kPolicy, "is not supported", "use 'success-file'");
  }
  if (options->Choice("sink.partition-commit.trigger", {"process-time", "partition-time"}, 0) !=
      0) {
    options->Fail("sink.partition-commit.trigger", "is not supported: it needs the watermark",
                  "use 'process-time': a folder is marked at each commit of files in it");
  }
  if (options->Time("sink.partition-commit.delay", Duration::zero()) != Duration::zero()) {
    options->Fail("sink.partition-commit.delay", "is not supported",
                  "leave it at 0 s: a folder is marked at each commit of files in it");
  }
  return name;
}

// connector/overwrite.h.
Status SetOverwrite(const std::string& values, FileSinkOptions* result) {
  result->overwrites = true;
  if (result->store != nullptr) {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "INSERT OVERWRITE of s3:// is not available yet",
                      .hint = "write into another folder, and read that"});
  }
  if (values.empty()) return Status::OK();
  simdjson::dom::parser parser;
  simdjson::dom::array parts;
  if (parser.parse(values).get(parts)) {
    return MakeError(ErrorCode::kInternal, "'sink.overwrite' is set by the planner only");
  }
  std::vector<std::optional<std::string>> keys;
  for (simdjson::dom::element part : parts) {
    std::string_view text;
    keys.push_back(part.get(text) ? std::nullopt : std::optional(std::string(text)));
  }
  result->overwritten_folder = result->layout.FolderOf(keys);
  return Status::OK();
}

struct Place {
  Env* env;
  std::string base_directory;
  connector::S3Options s3;
};
Status SetPlace(const std::string& path, Place place, FileSinkOptions* result) {
  if (!connector::IsS3Path(path)) {
    ASSIGN_OR_RETURN(result->path, LocalPath(path, place.base_directory));
    return Status::OK();
  }
  ASSIGN_OR_RETURN(connector::S3Location location, connector::ParseS3Path(path));
  result->bucket = location.bucket;
  result->prefix = location.key.empty() ? "" : location.key + "/";
  result->store = std::make_shared<connector::S3Store>(place.env, std::move(place.s3),
                                                       std::move(location.bucket));
  return Status::OK();
}

// How files are called and what is in them beside the format's own.
Status SetFiles(connector::TableOptions* options, FileSinkOptions* result) {
  const std::string kName = "sink.file-name";
  const std::string kZone = "sink.file-name.time-zone";
  const std::string kQuery = "sink.record-query";
  result->compression = static_cast<FileCompression>(options->Choice(
      "sink.compression", {std::begin(kFileCompressionNames), std::end(kFileCompressionNames)}, 0));
  RETURN_IF_ERROR(options->status());
  if (!options->Has(kName)) {
    if (options->Has(kQuery)) options->Fail(kQuery, "gives keys for 'sink.file-name'");
    return options->status();
  }
  auto zone = format::ParseTimeZone(options->Text(kZone, "UTC"));
  if (!zone.ok()) options->Fail(kZone, TextOf(zone.status()).message);
  RETURN_IF_ERROR(options->status());
  FileNamePattern::Options naming{.zone = *zone};
  if (options->Has(kQuery)) {
    auto query = format::RecordQuery::Compile(options->Text(kQuery, ""));
    if (!query.ok()) options->Fail(kQuery, TextOf(query.status()).message);
    RETURN_IF_ERROR(options->status());
    naming.keys = query->keys();
    const bool splits = options->Choice("sink.record-split", {"none", "json"}, 0) == 1;
    result->records = RecordPartitions(*std::move(query), {.splits_json = splits});
  }
  auto names = FileNamePattern::Compile(options->Text(kName, ""), std::move(naming));
  if (names.ok()) {
    result->names = std::move(*names);
  } else {
    options->Fail(kName, TextOf(names.status()).message, TextOf(names.status()).hint);
  }
  return options->status();
}

// With a query rows must be bytes that stand in files as they are.
Status CheckRecords(const TableDescriptor& table, const connector::FormatChoice& format,
                    const FileSinkOptions& options) {
  if (!options.records) return Status::OK();
  const arrow::Schema& columns = *options.layout.file_schema();
  const bool is_bytes = format.format == "raw" && columns.num_fields() == 1 &&
                        columns.field(0)->type()->id() == arrow::Type::BINARY &&
                        table.schema->field(0)->name() == columns.field(0)->name();
  if (is_bytes && !options.layout.has_keys() && !options.overwrites) return Status::OK();
  return MakeError(
      ErrorCode::kSemanticError,
      {.message = "'sink.record-query' is for tables of one column BYTES, the first, "
                  "with 'format' = 'raw', and not PARTITIONED BY",
       .hint = "beside it may be a column TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'"});
}

// The column that tells the time of a row for the name of its file; empty when there is none.
Result<std::string> TimeColumnOf(const TableDescriptor& table) {
  std::string found;
  for (const connector::MetadataColumn& metadata : table.metadata_columns) {
    const auto field = table.schema->GetFieldByName(metadata.column);
    const bool is_time = metadata.key == kTimestampMetadata && !metadata.is_virtual &&
                         field->type()->id() == arrow::Type::TIMESTAMP;
    if (!is_time || !found.empty()) {
      return MakeError(ErrorCode::kSemanticError,
                       {.message = "table '" + table.name +
                                   "': metadata of files cannot be written, but 'timestamp'",
                        .hint = "one column TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' may give "
                                "the time for 'sink.file-name'"});
    }
    found = metadata.column;
  }
  return found;
}

Result<std::unique_ptr<connector::TableSink>> MakeFileSink(
    const TableDescriptor& table, const connector::ConnectorContext& context,
    const connector::S3Defaults& defaults) {
  connector::TableOptions options(table);
  FileSinkOptions result;
  result.table_name = table.name;
  result.file_bytes = options.Bytes("sink.rolling-policy.file-size", result.file_bytes);
  result.rollover = options.Time("sink.rolling-policy.rollover-interval", result.rollover);
  result.inactivity = options.Time("sink.rolling-policy.inactivity-interval", result.inactivity);
  if (options.Bool("auto-compaction", false)) {
    options.Fail("auto-compaction", "is not supported", "let files grow by the rolling policy");
  }
  // As in Flink, only folders of partitions are marked.
  std::string success_file = SuccessFileOf(&options);
  if (!table.partition_keys.empty()) result.success_file = std::move(success_file);
  RETURN_IF_ERROR(options.status());
  RETURN_IF_ERROR(SetFiles(&options, &result));
  ASSIGN_OR_RETURN(std::string time_column, TimeColumnOf(table));
  Place place{.env = context.env, .base_directory = context.base_directory, .s3 = {}};
  ASSIGN_OR_RETURN(place.s3, connector::S3OptionsOf(table, defaults));
  Status placed = SetPlace(options.Text("path", ""), std::move(place), &result);
  if (!placed.ok()) return InTable(table, placed);
  auto layout = PartitionLayout::Make(
      *table.schema, table.partition_keys,
      options.Text("partition.default-name", "__DEFAULT_PARTITION__"), std::move(time_column));
  if (!layout.ok()) return InTable(table, layout.status());
  result.layout = std::move(*layout);
  const std::string overwrite(connector::kOverwriteOption);
  if (options.Has(overwrite)) {
    const Status set = SetOverwrite(options.Text(overwrite, ""), &result);
    if (!set.ok()) return InTable(table, set);
  }
  connector::FormatChoice choice = connector::ValueFormatOf(table);
  if (choice.format.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "table '" + table.name + "': a format is needed",
                      .hint = "for example 'format' = 'parquet'"});
  }
  const Status records = CheckRecords(table, choice, result);
  if (!records.ok()) return InTable(table, records);
  if (choice.format == "avro-confluent") {
    options.Fail("format", "is of messages, not of files", "use 'avro'");
    return options.status();
  }
  FileEncoderFactory::Options encoding{.file_bytes = result.file_bytes,
                                       .delimiter = options.Find("sink.record-delimiter")};
  const bool is_for_text =
      encoding.delimiter.has_value() || result.compression != FileCompression::kNone;
  auto encoders =
      FileEncoderFactory::Make(choice, result.layout.file_schema(), std::move(encoding));
  if (!encoders.ok()) return InTable(table, encoders.status());
  result.encoders = std::move(*encoders);
  if (is_for_text && result.encoders->is_binary()) {
    options.Fail("format",
                 "takes neither 'sink.compression' nor 'sink.record-delimiter': its files are "
                 "binary",
                 "use the format's own compression");
    return options.status();
  }
  return std::make_unique<FileSink>(context.env, std::move(result));
}

}  // namespace

connector::ConnectorSpec FileSinkConnector(connector::S3Defaults defaults) {
  connector::ConnectorSpec spec;
  spec.name = "filesystem";
  spec.documentation = "files of a folder, written exactly once";
  spec.options = {
      {.name = "path", .documentation = "Folder, file:// or s3:// address.", .required = true},
      {.name = "partition.default-name",
       .default_value = "__DEFAULT_PARTITION__",
       .documentation = "Folder value for NULL or empty partition columns."},
      {.name = "sink.rolling-policy.file-size",
       .default_value = "128MB",
       .documentation = "A file that has reached this size is ended."},
      {.name = "sink.rolling-policy.rollover-interval",
       .default_value = "30 min",
       .documentation = "Rows become visible at the latest after this time."},
      {.name = "sink.rolling-policy.inactivity-interval",
       .default_value = "30 min",
       .documentation = "Rows become visible when none came for this time."},
      {.name = "sink.rolling-policy.check-interval",
       .documentation = "Accepted, without effect: checked at every flush."},
      {.name = "sink.file-name",
       .documentation =
           "Name of each file below 'path', with !{timestamp:yyyy/MM/dd} (of its first "
           "row), !{firehose:random-string} and !{random:uuid} (ours)."},
      {.name = "sink.record-query",
       .documentation = "Of rows that are JSON: an object of keys in a part of jq's language, for "
                        "!{partitionKeyFromQuery:key} in 'sink.file-name' (ours)."},
      {.name = "sink.record-split",
       .default_value = "none",
       .documentation = "json: a row may hold several JSON objects, each of which is one (ours)."},
      {.name = "sink.file-name.time-zone",
       .default_value = "UTC",
       .documentation = "Zone of the times in 'sink.file-name' (ours)."},
      {.name = "sink.compression",
       .default_value = "none",
       .documentation = "Of whole text files: gzip, zip, snappy, hadoop-snappy (ours)."},
      {.name = "sink.record-delimiter",
       .documentation = "Stands behind each row of a text file, a newline unless given; may be "
                        "empty (ours)."},
      {.name = "sink.partition-commit.policy.kind",
       .documentation = "'success-file': marks folders of partitions whose files are committed."},
      {.name = "sink.partition-commit.success-file.name",
       .default_value = "_SUCCESS",
       .documentation = "Name of the mark."},
      {.name = "sink.partition-commit.trigger",
       .default_value = "process-time",
       .documentation = "Only 'process-time'."},
      {.name = "sink.partition-commit.delay", .default_value = "0 s", .documentation = "Only 0 s."},
      {.name = "sink.shuffle-by-partition.enable", .documentation = "Accepted, without effect."},
      {.name = std::string(connector::kOverwriteOption),
       .documentation = "Set by INSERT OVERWRITE, not by hand."},
      {.name = "auto-compaction",
       .default_value = "false",
       .documentation = "Not supported: only 'false'."},
  };
  for (connector::OptionSpec& option : connector::S3OptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  spec.takes_format = true;
  spec.metadata_keys = {{std::string(kTimestampMetadata), "TIMESTAMP_LTZ(3)"}};
  spec.make_sink = [defaults = std::move(defaults)](TableDescriptor table,
                                                    connector::ConnectorContext context) {
    return MakeFileSink(table, context, defaults);
  };
  return spec;
}

}  // namespace mainstem::sink
