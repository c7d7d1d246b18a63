#include "sink/filesystem/file_sink.h"

#include <arrow/api.h>

#include "connector/options.h"
#include "sink/filesystem/file_encoder.h"
#include "sink/filesystem/file_writer.h"

namespace mainstem::sink {
namespace {

using connector::TableDescriptor;

class FileSink final : public connector::TableSink {
 public:
  FileSink(Env* env, FileSinkOptions options)
      : env_(env), options_(std::make_shared<const FileSinkOptions>(std::move(options))) {}
  connector::SinkKind kind() const override { return connector::SinkKind::kDelivery; }
  connector::SinkMode mode() const override {
    return options_->encoders->takes_changes() ? connector::SinkMode::kRetract
                                               : connector::SinkMode::kAppendOnly;
  }
  std::string guarantee() const override {
    return "exactly once (files and position in one manifest)";
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
  ErrorText text = TextOf(status);
  text.message = "table '" + table.name + "': " + text.message;
  return MakeError(CodeOf(status), std::move(text));
}

// "file:///a/b", "/a/b" or relative to the base folder; without a slash at the end.
Result<std::string> LocalPath(std::string path, const std::string& base_directory) {
  size_t scheme = path.find("://");
  if (path.starts_with("file:")) {
    path = path.substr(path.starts_with("file://") ? 7 : 5);
  } else if (scheme != std::string::npos) {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "'path' on '" + path.substr(0, scheme) + "' cannot be written yet",
                      .hint = "use a folder of the local disk"});
  }
  if (path.empty()) return MakeError(ErrorCode::kInvalidArgument, "'path' is empty");
  if (path[0] != '/' && !base_directory.empty()) path = base_directory + "/" + path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Result<std::unique_ptr<connector::TableSink>> MakeFileSink(TableDescriptor table,
                                                           connector::ConnectorContext context) {
  connector::TableOptions options(table);
  FileSinkOptions result;
  result.file_bytes = options.Bytes("sink.rolling-policy.file-size", result.file_bytes);
  result.rollover = options.Time("sink.rolling-policy.rollover-interval", result.rollover);
  result.inactivity = options.Time("sink.rolling-policy.inactivity-interval", result.inactivity);
  if (options.Bool("auto-compaction", false)) {
    options.Fail("auto-compaction", "is not supported", "let files grow by the rolling policy");
  }
  RETURN_IF_ERROR(options.status());
  if (!table.metadata_columns.empty()) {
    return MakeError(ErrorCode::kSemanticError,
                     "table '" + table.name + "': metadata of files cannot be written");
  }
  Result<std::string> path = LocalPath(options.Text("path", ""), context.base_directory);
  if (!path.ok()) return InTable(table, path.status());
  result.path = std::move(*path);
  auto layout =
      PartitionLayout::Make(*table.schema, table.partition_keys,
                            options.Text("partition.default-name", "__DEFAULT_PARTITION__"));
  if (!layout.ok()) return InTable(table, layout.status());
  result.layout = std::move(*layout);
  connector::FormatChoice choice = connector::ValueFormatOf(table);
  if (choice.format.empty()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "table '" + table.name + "': a format is needed",
                      .hint = "for example 'format' = 'parquet'"});
  }
  if (choice.format == "avro-confluent") {
    options.Fail("format", "is of messages, not of files", "use 'avro'");
    return options.status();
  }
  auto encoders = FileEncoderFactory::Make(choice, result.layout.file_schema(), result.file_bytes);
  if (!encoders.ok()) return InTable(table, encoders.status());
  result.encoders = std::move(*encoders);
  return std::make_unique<FileSink>(context.env, std::move(result));
}

}  // namespace

connector::ConnectorSpec FileSinkConnector() {
  connector::ConnectorSpec spec;
  spec.name = "filesystem";
  spec.documentation = "files of a folder, written exactly once";
  spec.options = {
      {.name = "path", .documentation = "Folder or file:// address.", .required = true},
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
      {.name = "sink.shuffle-by-partition.enable", .documentation = "Accepted, without effect."},
      {.name = "auto-compaction",
       .default_value = "false",
       .documentation = "Not supported: only 'false'."},
  };
  spec.takes_format = true;
  spec.make_sink = MakeFileSink;
  return spec;
}

}  // namespace mainstem::sink
