#include "source/filesystem/file_source.h"

#include <charconv>

#include <arrow/api.h>
#include <re2/re2.h>

#include "connector/options.h"
#include "connector/restored_source.h"
#include "connector/s3/s3_store.h"
#include "core/error_context.h"
#include "format/text_column.h"
#include "format/utf8.h"
#include "source/filesystem/avro_split_reader.h"
#include "source/filesystem/file_split_reader.h"
#include "source/filesystem/known_files.h"
#include "source/filesystem/object_files.h"
#include "source/filesystem/parquet_split_reader.h"

namespace mainstem::source {
namespace {

using connector::SourceSplit;

constexpr int64_t kQuietMs = 2000;

struct FileSourcePlan {
  connector::TableDescriptor table;
  Env* env = nullptr;
  std::string path;                      // resolved; in a bucket: what follows its name
  std::shared_ptr<ObjectFiles> objects;  // null: the local disk
  std::string name_pattern;
  std::string default_partition;
  connector::FormatChoice format;
  FileReadOptions read;
  Duration monitor_interval{};  // zero: read once
};

// Folder names hold special characters as %XX.
std::string DecodePercent(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    bool is_code = text[i] == '%' && i + 2 < text.size();
    if (is_code) {
      auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      is_code = error == std::errc() && end == text.data() + i + 3;
    }
    out.push_back(is_code ? static_cast<char>(byte) : text[i]);
    if (is_code) i += 2;
  }
  return out;
}

// "k=v" folders of a path as text.
std::map<std::string, std::string> PartitionsOf(const std::string& path) {
  std::map<std::string, std::string> values;
  size_t begin = 0;
  for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', begin)) {
    std::string part = path.substr(begin, end - begin);
    size_t equals = part.find('=');
    if (equals != std::string::npos) {
      values[DecodePercent(part.substr(0, equals))] = DecodePercent(part.substr(equals + 1));
    }
    begin = end + 1;
  }
  return values;
}

// The text as one value of the type, by the rules of csv fields.
Result<std::shared_ptr<arrow::Array>> ParsePartition(const FileSourcePlan& plan,
                                                     const std::string& column,
                                                     const std::string& path) {
  auto field = plan.table.schema->GetFieldByName(column);
  std::map<std::string, std::string> values = PartitionsOf(path);
  auto found = values.find(column);
  if (found == values.end()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "table '" + plan.table.name + "': '" + path +
                                 "' is in no folder '" + column + "=...'",
                      .hint = "columns of PARTITIONED BY come from the folders' names"});
  }
  if (found->second == plan.default_partition || found->second.empty()) {
    return arrow::MakeArrayOfNull(field->type(), 1);
  }
  std::unique_ptr<arrow::ArrayBuilder> builder;
  RETURN_IF_ERROR(arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builder));
  ASSIGN_OR_RETURN(auto appender, format::MakeTextAppender(column, builder.get(), {}));
  std::string scratch;
  std::string_view text = format::ReplaceInvalidUtf8(found->second, &scratch);
  if (!appender->Append(text)) {
    return MakeError(ErrorCode::kDecodeError,
                     {.message = "table '" + plan.table.name + "': '" + path + "': folder '" +
                                 column + "=...': '" + std::string(text.substr(0, 80)) +
                                 "' is not " + std::string(appender->expected())});
  }
  return builder->Finish();
}

// Files of a form of their own, not of lines.
bool IsWholeFile(const FileSourcePlan& plan) {
  const format::FormatInfo* info = format::FindFormat(plan.format.format);
  return info != nullptr && info->has_own_files;
}

// Tells EndedFiles where the reader's split has ended.
class EndNotingReader final : public connector::SplitReader {
 public:
  EndNotingReader(std::unique_ptr<connector::SplitReader> reader, FileSplitId id,
                  std::shared_ptr<EndedFiles> ended)
      : reader_(std::move(reader)), id_(std::move(id)), ended_(std::move(ended)) {}

  Task<connector::SourceBatch> Read(size_t max_rows, TimePoint deadline) override {
    CO_ASSIGN_OR_RETURN(connector::SourceBatch batch, co_await reader_->Read(max_rows, deadline));
    if (batch.end_of_split) {
      CO_ASSIGN_OR_RETURN(FilePosition end, FilePosition::Parse(batch.position));
      ended_->Add(id_, std::move(end));
    }
    co_return batch;
  }

 private:
  std::unique_ptr<connector::SplitReader> reader_;
  FileSplitId id_;
  std::shared_ptr<EndedFiles> ended_;
};

class FileSource final : public connector::TableSource, public connector::RestoredSource {
 public:
  explicit FileSource(FileSourcePlan plan)
      : plan_(std::move(plan)),
        outside_(plan_.table.partition_keys.begin(), plan_.table.partition_keys.end()) {}

  bool bounded() const override { return plan_.monitor_interval == Duration::zero(); }
  bool insert_only() const override {
    const format::FormatInfo* info = format::FindFormat(plan_.format.format);
    return info == nullptr || !info->is_changelog;
  }
  bool reads_rows_by_name() const override {
    const format::FormatInfo* info = format::FindFormat(plan_.format.format);
    return info != nullptr && info->reads_rows_by_name;
  }
  Duration discovery_interval() const override { return plan_.monitor_interval; }

  Status SetRestored(std::vector<connector::RestoredSplit> splits) override {
    return known_.SetRestored(splits);
  }

  Task<std::vector<SourceSplit>> DiscoverSplits() override {
    Result<std::vector<FoundFile>> found = std::vector<FoundFile>();
    if (plan_.objects != nullptr) {
      found = co_await plan_.objects->Find(plan_.path);
    } else {
      found = co_await FindFiles(&plan_.env->files(), plan_.path);
    }
    if (Is(found.status(), ErrorCode::kNotFound) && !bounded()) {
      co_return std::vector<SourceSplit>();  // it may still come
    }
    if (!found.ok()) {
      co_return InContext("table '" + plan_.table.name + "': ", found.status());
    }
    std::vector<SourceSplit> splits;
    for (const FoundFile& file : *found) {
      if (!plan_.name_pattern.empty() && !re2::RE2::FullMatch(file.path, plan_.name_pattern)) {
        continue;
      }
      if (file.identity.size == 0) continue;
      Result<std::string> fingerprint = co_await FingerprintOf(file);
      if (Is(fingerprint.status(), ErrorCode::kNotFound)) continue;
      CO_RETURN_IF_ERROR(fingerprint);
      if (fingerprint->empty()) continue;
      Result<KnownFiles::Split> split = co_await SplitOf(file, *fingerprint);
      if (Is(split.status(), ErrorCode::kNotFound)) continue;
      CO_RETURN_IF_ERROR(split);
      splits.push_back({.id = split->id.ToString(), .position = split->start.ToString()});
    }
    co_return splits;
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenSplit(SourceSplit split,
                                                          std::vector<int> projection) override {
    Result<std::unique_ptr<connector::SplitReader>> reader =
        co_await Open(split, std::move(projection));
    if (Is(reader.status(), ErrorCode::kNotFound)) {
      co_return InContext("table '" + plan_.table.name + "': ", reader.status());
    }
    CO_RETURN_IF_ERROR(reader);
    if (!plan_.read.tail) co_return reader;
    CO_ASSIGN_OR_RETURN(FileSplitId id, FileSplitId::Parse(split.id));
    co_return std::make_unique<EndNotingReader>(std::move(*reader), std::move(id), known_.ended());
  }

 private:
  Files* files() const {
    return plan_.objects != nullptr ? plan_.objects.get() : &plan_.env->files();
  }

  Task<std::unique_ptr<connector::SplitReader>> Open(SourceSplit split,
                                                     std::vector<int> projection) {
    CO_ASSIGN_OR_RETURN(FileSplitId id, FileSplitId::Parse(split.id));
    CO_ASSIGN_OR_RETURN(FilePosition position, FilePosition::Parse(split.position));
    ScanLayout layout = ScanLayout::Make(plan_.table, projection, outside_);
    std::map<std::string, std::shared_ptr<arrow::Array>> outside;
    for (const std::string& column : outside_) {
      CO_ASSIGN_OR_RETURN(outside[column], ParsePartition(plan_, column, position.path));
    }
    if (IsWholeFile(plan_)) {
      co_return co_await OpenWholeFile(std::move(id), std::move(position), std::move(layout),
                                       std::move(outside));
    }
    CO_ASSIGN_OR_RETURN(auto decoder,
                        format::MakeDecoder(plan_.format.format, layout.message_schema(),
                                            layout.message_projection(), plan_.format.options));
    auto reader = std::make_unique<FileSplitReader>(plan_.env, files(), plan_.read,
                                                    std::move(layout), std::move(decoder));
    CO_RETURN_IF_ERROR(
        co_await reader->Open(std::move(id), std::move(position), std::move(outside)));
    co_return reader;
  }

  Task<KnownFiles::Split> SplitOf(FoundFile file, std::string fingerprint) {
    FileSplitId id{.device = file.identity.device,
                   .inode = file.identity.inode,
                   .fingerprint = std::move(fingerprint)};
    if (plan_.objects != nullptr) {
      KnownFiles::Split split{.id = std::move(id), .start = FilePosition::BeginningOf(file.path)};
      co_return split;
    }
    KnownFiles::IsSame is_same;
    if (plan_.read.tail) {
      is_same = [this](std::string path, FilePosition position) {
        return IsSame(std::move(path), std::move(position));
      };
    }
    co_return co_await known_.Recognize(std::move(file), std::move(id), std::move(is_same));
  }

  // Where the fingerprint does not say so already.
  Task<bool> IsSame(std::string path, FilePosition position) {
    Files* files = &plan_.env->files();
    if (position.tail_hash == "-" || plan_.format.format == "avro") co_return true;
    if (plan_.format.format != "parquet") co_return co_await HoldsTail(files, path, position);
    CO_ASSIGN_OR_RETURN(std::string hash, co_await ReadParquetFooterHash(files, path));
    co_return hash == position.tail_hash;
  }

  // Empty: not to be read yet.
  Task<std::string> FingerprintOf(FoundFile file) {
    // Objects come whole, and their identity has what tells them apart.
    if (plan_.objects != nullptr) co_return std::string("0");
    Files* files = &plan_.env->files();
    FingerprintOptions options;
    options.growing = plan_.read.tail;
    options.compressed = MakeDecompressorFor(file.path) != nullptr;
    options.quiet = plan_.env->WallTime().value() - file.identity.modified_ms > kQuietMs;
    if (plan_.format.format == "parquet") {
      options.at_end = true;
      // Its end comes last: until then it is not there.
      CO_ASSIGN_OR_RETURN(bool complete, co_await IsCompleteParquet(files, file.path));
      if (plan_.read.tail && !complete) co_return std::string();
    }
    if (plan_.format.format == "avro") {
      CO_ASSIGN_OR_RETURN(AvroHeaderState header, co_await ReadAvroHeaderState(files, file.path));
      if (header.is_avro) co_return header.marker;
      options.at_end = true;
    }
    co_return co_await Fingerprint(files, file.path, options);
  }

  Task<std::unique_ptr<connector::SplitReader>> OpenWholeFile(
      FileSplitId id, FilePosition position, ScanLayout layout,
      std::map<std::string, std::shared_ptr<arrow::Array>> outside) {
    if (plan_.format.format == "avro") {
      auto reader = std::make_unique<AvroSplitReader>(plan_.env, files(), plan_.read,
                                                      std::move(layout), plan_.format.options);
      CO_RETURN_IF_ERROR(
          co_await reader->Open(std::move(id), std::move(position), std::move(outside)));
      co_return reader;
    }
    auto reader = std::make_unique<ParquetSplitReader>(plan_.env, files(), plan_.read.when_gone,
                                                       std::move(layout));
    CO_RETURN_IF_ERROR(
        co_await reader->Open(std::move(id), std::move(position), std::move(outside)));
    co_return reader;
  }

  FileSourcePlan plan_;
  std::set<std::string> outside_;
  KnownFiles known_;
};

Status SetPlace(const connector::ConnectorContext& context, const connector::S3Defaults& defaults,
                FileSourcePlan* plan) {
  ASSIGN_OR_RETURN(connector::S3Options s3, connector::S3OptionsOf(plan->table, defaults));
  std::string path = plan->table.options["path"];
  if (!connector::IsS3Path(path)) {
    plan->path = ResolvePath(path, context.base_directory);
    return Status::OK();
  }
  ASSIGN_OR_RETURN(connector::S3Location location, connector::ParseS3Path(path));
  plan->path = std::move(location.key);
  auto store = std::make_shared<connector::S3Store>(context.env, std::move(s3), location.bucket);
  plan->objects = std::make_shared<ObjectFiles>(std::move(store), std::move(location.bucket));
  return Status::OK();
}

Result<std::unique_ptr<connector::TableSource>> MakeFileSource(
    connector::TableDescriptor table, const connector::ConnectorContext& context,
    const connector::S3Defaults& defaults) {
  FileSourcePlan plan;
  plan.env = context.env;
  plan.table = std::move(table);
  connector::TableOptions options(plan.table);
  RETURN_IF_ERROR(SetPlace(context, defaults, &plan));
  if (plan.path.empty() && plan.objects == nullptr) options.Fail("path", "must not be empty");
  for (const connector::MetadataColumn& metadata : plan.table.metadata_columns) {
    if (metadata.key != "timestamp") continue;
    return MakeError(ErrorCode::kSemanticError,
                     {.message = "table '" + plan.table.name + "': column '" + metadata.column +
                                 "' ('timestamp') can be written, not read",
                      .hint = "read the files through a table without it"});
  }
  plan.name_pattern = options.Text("source.path.regex-pattern", "");
  if (!plan.name_pattern.empty()) {
    re2::RE2::Options quiet;
    quiet.set_log_errors(false);
    re2::RE2 pattern(plan.name_pattern, quiet);
    if (!pattern.ok()) {
      options.Fail("source.path.regex-pattern", "is no regular expression: " + pattern.error());
    }
  }
  plan.default_partition = options.Text("partition.default-name", "__DEFAULT_PARTITION__");
  bool monitors = options.Has("source.monitor-interval");
  plan.read.tail = monitors && plan.objects == nullptr;  // objects do not grow
  plan.read.when_gone = monitors ? WhenGone::kEnds : WhenGone::kFails;
  plan.monitor_interval = options.Time("source.monitor-interval", Duration::zero());
  if (monitors && plan.monitor_interval <= Duration::zero()) {
    options.Fail("source.monitor-interval", "must be above 0");
  }
  int64_t max_line = options.Bytes("source.max-line-bytes", int64_t{1} << 20);
  if (max_line < 1 || max_line > (int64_t{256} << 20)) {
    options.Fail("source.max-line-bytes", "must be from 1 byte to 256 MB");
  }
  plan.read.max_line_bytes = static_cast<size_t>(max_line);
  plan.format = connector::ValueFormatOf(plan.table);
  if (plan.format.format.empty()) options.Fail("format", "is needed");
  const format::FormatInfo* info = format::FindFormat(plan.format.format);
  if (info != nullptr && !info->is_for_files) {
    options.Fail("format", "is of messages, not of files", "use 'avro', 'parquet' or 'json'");
  }
  // The format csv itself knows which lines are empty: blanks and tabs may be values or delimiters.
  plan.read.skip_blank_lines = plan.format.format != "raw" && plan.format.format != "csv";
  plan.read.skip_byte_order_mark = plan.format.format != "raw";
  RETURN_IF_ERROR(options.status());
  // Made once for its errors: they belong to CREATE TABLE's time, not to the first read.
  std::set<std::string> outside(plan.table.partition_keys.begin(), plan.table.partition_keys.end());
  ScanLayout layout = ScanLayout::Make(plan.table, {}, outside);
  RETURN_IF_ERROR(format::CheckFormatOptions(plan.format.format, plan.format.options));
  if (plan.format.format == "csv") {
    ASSIGN_OR_RETURN(plan.read.csv_quoting, format::CsvQuotingOf(plan.format.options));
  }
  if (plan.format.format != "parquet") {
    RETURN_IF_ERROR(
        format::MakeDecoder(plan.format.format, layout.message_schema(), plan.format.options));
  }
  return std::make_unique<FileSource>(std::move(plan));
}

}  // namespace

connector::ConnectorSpec FileSourceConnector(connector::S3Defaults defaults) {
  connector::ConnectorSpec spec = {
      .name = "filesystem",
      .documentation = "files of this machine or of a bucket: a file, a folder or a glob",
      .options = {{.name = "path", .documentation = "file, folder or glob", .required = true},
                  {.name = "source.monitor-interval",
                   .documentation = "set: files are tailed and new ones found; absent: read once"},
                  {.name = "source.path.regex-pattern",
                   .documentation = "only files whose whole path matches"},
                  {.name = "source.max-line-bytes",
                   .default_value = "1MB",
                   .documentation = "a longer line is rejected (ours)"},
                  {.name = "partition.default-name",
                   .default_value = "__DEFAULT_PARTITION__",
                   .documentation = "folder name that stands for NULL"}},
      .takes_format = true,
      .metadata_keys = {{"file.path", "STRING NOT NULL"},
                        {"file.name", "STRING NOT NULL"},
                        {"file.size", "BIGINT NOT NULL"},
                        {"file.modification-time", "TIMESTAMP_LTZ(3) NOT NULL"}},
      .make_source = [defaults = std::move(defaults)](connector::TableDescriptor table,
                                                      connector::ConnectorContext context) {
        return MakeFileSource(std::move(table), context, defaults);
      }};
  for (connector::OptionSpec& option : connector::S3OptionSpecs()) {
    spec.options.push_back(std::move(option));
  }
  return spec;
}

}  // namespace mainstem::source
