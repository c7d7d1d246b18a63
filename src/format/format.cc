#include "format/format.h"

#include <numeric>

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include "core/suggest.h"
#include "format/formats.h"

namespace mainstem::format {
namespace {

const std::vector<std::string> kJsonOptions = {
    "fail-on-missing-field",     "ignore-parse-errors",       "timestamp-format.standard",
    "map-null-key.mode",         "map-null-key.literal",      "encode.decimal-as-plain-number",
    "encode.ignore-null-fields", "decode.json-parser.enabled"};

std::vector<std::string> With(std::vector<std::string> names, std::vector<std::string> more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

}  // namespace

const std::vector<FormatInfo>& ListFormats() {
  static const std::vector<FormatInfo> formats = {
      {.name = "avro",
       .option_names = {"codec", "encoding", "timestamp_mapping.legacy", "open.fastread"},
       .has_own_files = true,
       .reads_rows_by_name = false},
      {.name = "avro-confluent",
       .option_names = {"url", "subject", "schema", "schema-registry.url",
                        "schema-registry.subject", "schema-registry.schema",
                        "auto.register.schemas", "timestamp_mapping.legacy",
                        "basic-auth.credentials-source", "basic-auth.user-info",
                        "bearer-auth.credentials-source", "bearer-auth.token",
                        "ssl.truststore.location", "ssl.truststore.password",
                        "ssl.keystore.location", "ssl.keystore.password"},
       .is_for_files = false},
      {.name = "canal-json",
       .option_names = With(kJsonOptions, {"database.include", "table.include"}),
       .is_changelog = true,
       .reads_rows_by_name = true,
       .metadata_keys = {{"database", "STRING"},
                         {"table", "STRING"},
                         {"sql-type", "MAP<STRING, INT>"},
                         {"pk-names", "ARRAY<STRING>"},
                         {"ingestion-timestamp", "TIMESTAMP_LTZ(3)"},
                         {"event-timestamp", "TIMESTAMP_LTZ(3)"}}},
      {.name = "csv",
       .option_names = {"field-delimiter", "disable-quote-character", "quote-character",
                        "allow-comments", "ignore-parse-errors", "array-element-delimiter",
                        "escape-character", "null-literal",
                        "write-bigdecimal-in-scientific-notation", "trim-spaces",
                        "allow-trailing-comma", "ignore-trailing-unmappable",
                        "fail-on-missing-columns", "empty-string-as-null"}},
      {.name = "debezium-json",
       .option_names = With(kJsonOptions, {"schema-include"}),
       .is_changelog = true,
       .reads_rows_by_name = true,
       .metadata_keys = {{"schema", "STRING"},
                         {"ingestion-timestamp", "TIMESTAMP_LTZ(3)"},
                         {"source.timestamp", "TIMESTAMP_LTZ(3)"},
                         {"source.database", "STRING"},
                         {"source.schema", "STRING"},
                         {"source.table", "STRING"},
                         {"source.properties", "MAP<STRING, STRING>"}}},
      {.name = "json", .option_names = kJsonOptions, .reads_rows_by_name = true},
      {.name = "maxwell-json",
       .option_names = kJsonOptions,
       .is_changelog = true,
       .reads_rows_by_name = true,
       .metadata_keys = {{"database", "STRING"},
                         {"table", "STRING"},
                         {"primary-key-columns", "ARRAY<STRING>"},
                         {"ingestion-timestamp", "TIMESTAMP_LTZ(3)"}}},
      {.name = "parquet",
       .option_names = {"compression", "utc-timezone", "timestamp.time.unit",
                        "write.int64.timestamp"},
       .has_own_files = true},
      {.name = "protobuf",
       .option_names = {"message-class-name", "ignore-parse-errors", "read-default-values",
                        "write-null-string-literal", "proto", "proto-file", "descriptor-file"},
       .is_for_files = false,
       .file_options = {"proto-file", "descriptor-file"}},
      {.name = "raw", .option_names = {"charset", "endianness"}},
      {.name = "regex",
       .option_names = {"pattern", "timestamp-format", "null-literal", "ignore-parse-errors"},
       .can_encode = false},
  };
  return formats;
}

Status RefuseChanges(const std::string& format, const ChangelogBatch& batch) {
  for (RowKind kind : batch.kinds) {
    if (kind == RowKind::kInsert || kind == RowKind::kUpdateAfter) continue;
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "format '" + format + "' cannot write updates and deletes",
                      .hint = "use 'debezium-json', or 'upsert-kafka' with a primary key"});
  }
  return Status::OK();
}

const FormatInfo* FindFormat(const std::string& name) {
  for (const FormatInfo& info : ListFormats()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

Status CheckFormatOptions(const std::string& format, const FormatOptions& options) {
  const FormatInfo* info = FindFormat(format);
  if (info == nullptr) {
    std::vector<std::string> names;
    for (const FormatInfo& each : ListFormats()) names.push_back(each.name);
    return MakeError(ErrorCode::kInvalidArgument, {.message = "there is no format '" + format + "'",
                                                   .hint = SuggestionFor(format, names)});
  }
  const std::vector<std::string>& known = info->option_names;
  for (const auto& [name, value] : options) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = "format '" + format + "' has no option '" + format + "." + name + "'",
         .hint = SuggestionFor(name, known)});
  }
  return Status::OK();
}

Result<std::unique_ptr<Decoder>> MakeDecoder(const std::string& format, DecodeTarget target,
                                             const FormatOptions& options) {
  RETURN_IF_ERROR(CheckFormatOptions(format, options));
  for (const std::string& key : target.metadata) {
    CHECK(FindFormat(format)->metadata_keys.count(key) > 0);
  }
  if (format == "avro") return MakeAvroDecoder(std::move(target), options);
  if (format == "avro-confluent") return MakeAvroConfluentDecoder(std::move(target), options);
  if (format == "json") return MakeJsonDecoder(std::move(target), options);
  if (format == "csv") return MakeCsvDecoder(std::move(target), options);
  if (format == "protobuf") return MakeProtobufDecoder(std::move(target), options);
  if (format == "raw") return MakeRawDecoder(std::move(target), options);
  if (format == "regex") return MakeRegexDecoder(std::move(target), options);
  if (format == "debezium-json") return MakeDebeziumDecoder(std::move(target), options);
  if (format == "parquet") {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "format 'parquet' is of whole files, not of messages",
                      .hint = "use it with the filesystem connector"});
  }
  if (format == "maxwell-json") return MakeMaxwellDecoder(std::move(target), options);
  return MakeCanalDecoder(std::move(target), options);
}

Result<std::unique_ptr<Decoder>> MakeDecoder(const std::string& format,
                                             std::shared_ptr<arrow::Schema> schema,
                                             const std::vector<int>& projection,
                                             const FormatOptions& options) {
  return MakeDecoder(format, DecodeTarget{.schema = std::move(schema), .projection = projection},
                     options);
}

Result<std::unique_ptr<Decoder>> MakeDecoder(const std::string& format,
                                             std::shared_ptr<arrow::Schema> schema,
                                             const FormatOptions& options) {
  std::vector<int> all(schema->num_fields());
  std::iota(all.begin(), all.end(), 0);
  return MakeDecoder(format, std::move(schema), all, options);
}

Result<std::unique_ptr<Encoder>> MakeEncoder(const std::string& format,
                                             std::shared_ptr<arrow::Schema> schema,
                                             const FormatOptions& options) {
  RETURN_IF_ERROR(CheckFormatOptions(format, options));
  if (format == "avro") return MakeAvroEncoder(std::move(schema), options);
  if (format == "avro-confluent") return MakeAvroConfluentEncoder(std::move(schema), options);
  if (format == "json") return MakeJsonEncoder(std::move(schema), options);
  if (format == "csv") return MakeCsvEncoder(std::move(schema), options);
  if (format == "protobuf") return MakeProtobufEncoder(std::move(schema), options);
  if (format == "raw") return MakeRawEncoder(std::move(schema), options);
  if (format == "debezium-json") return MakeDebeziumEncoder(std::move(schema), options);
  if (format == "canal-json") return MakeCanalEncoder(std::move(schema), options);
  if (format == "maxwell-json") return MakeMaxwellEncoder(std::move(schema), options);
  if (format == "parquet") {
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "format 'parquet' makes files, not messages",
                      .hint = "use it with the filesystem connector"});
  }
  return MakeError(ErrorCode::kUnsupported, {.message = "format '" + format + "' cannot be written",
                                             .hint = "it is for sources only"});
}

std::shared_ptr<arrow::Schema> DecodeTarget::OutputSchema() const {
  arrow::FieldVector fields;
  for (int column : projection) fields.push_back(schema->field(column));
  return arrow::schema(std::move(fields));
}

RowSet::RowSet(std::shared_ptr<arrow::Schema> schema) : schema_(std::move(schema)) {
  for (const auto& field : schema_->fields()) {
    std::unique_ptr<arrow::ArrayBuilder> builder;
    CHECK_OK(arrow::MakeBuilder(arrow::default_memory_pool(), field->type(), &builder));
    builders_.push_back(std::move(builder));
  }
}
RowSet::~RowSet() = default;

void RowSet::Reserve(size_t row_count) {
  for (auto& builder : builders_) CHECK_OK(builder->Reserve(static_cast<int64_t>(row_count)));
}

void RowSet::EndRow(uint32_t message, RowKind kind, bool keep) {
  messages_.push_back(message);
  kinds_.push_back(kind);
  keep_.push_back(keep);
  if (!keep) {
    ++dropped_;
  } else if (kind != RowKind::kInsert) {
    insert_only_ = false;
  }
}

Status RowSet::Finish(DecodedMessages* out) {
  arrow::ArrayVector columns;
  for (auto& builder : builders_) {
    ASSIGN_OR_RETURN(auto column, builder->Finish());
    columns.push_back(std::move(column));
  }
  auto rows =
      arrow::RecordBatch::Make(schema_, static_cast<int64_t>(messages_.size()), std::move(columns));
  if (dropped_ > 0) {
    arrow::Int64Builder kept;
    size_t n = 0;
    for (size_t i = 0; i < keep_.size(); ++i) {
      if (!keep_[i]) continue;
      RETURN_IF_ERROR(kept.Append(static_cast<int64_t>(i)));
      messages_[n] = messages_[i];
      kinds_[n++] = kinds_[i];
    }
    messages_.resize(n);
    kinds_.resize(n);
    ASSIGN_OR_RETURN(auto indices, kept.Finish());
    arrow::ArrayVector taken;
    for (const auto& column : rows->columns()) {
      ASSIGN_OR_RETURN(auto array, arrow::compute::Take(*column, *indices));
      taken.push_back(std::move(array));
    }
    rows = arrow::RecordBatch::Make(schema_, static_cast<int64_t>(n), std::move(taken));
  }
  out->batch.rows = std::move(rows);
  out->message_of_row = std::exchange(messages_, {});
  out->batch.kinds = insert_only_ ? std::vector<RowKind>() : std::exchange(kinds_, {});
  kinds_.clear();
  keep_.clear();
  dropped_ = 0;
  insert_only_ = true;
  return Status::OK();
}

}  // namespace mainstem::format
