// protobuf: a message is one protobuf message, without any header. Flink finds its type in a Java
// class on the class path; here it comes from a .proto text, a .proto file or a descriptor set, and
// the class's name says which message it is.
#include <numeric>
#include <optional>

#include <arrow/api.h>

#include "core/env.h"
#include "format/format_options.h"
#include "format/formats.h"
#include "format/protobuf/protobuf_reader.h"
#include "format/protobuf/protobuf_writer.h"

namespace mainstem::format {
namespace {

constexpr size_t kSchemaFileMax = 16u << 20;

struct ProtobufOptions {
  std::string class_name;
  std::string proto;            // the text itself
  std::string proto_file;       // or a file with it
  std::string descriptor_file;  // or a file that protoc has made
  bool ignore_parse_errors = false;
  bool read_default_values = false;
  std::string null_text;
};

Result<ProtobufOptions> ReadProtobufOptions(const FormatOptions& options) {
  OptionReader reader("protobuf", options);
  ProtobufOptions result;
  result.class_name = reader.Text("message-class-name", "");
  result.proto = reader.Text("proto", "");
  result.proto_file = reader.Text("proto-file", "");
  result.descriptor_file = reader.Text("descriptor-file", "");
  result.ignore_parse_errors = reader.Bool("ignore-parse-errors", false);
  result.read_default_values = reader.Bool("read-default-values", false);
  result.null_text = reader.Text("write-null-string-literal", "");
  if (result.class_name.empty()) reader.Fail("message-class-name", "must name the message");
  const int given = static_cast<int>(!result.proto.empty()) +
                    static_cast<int>(!result.proto_file.empty()) +
                    static_cast<int>(!result.descriptor_file.empty());
  RETURN_IF_ERROR(reader.status());
  if (given != 1) {
    return MakeError(
        ErrorCode::kInvalidArgument,
        {.message = "format 'protobuf' needs one of 'protobuf.proto' (the text of a .proto file), "
                    "'protobuf.proto-file' and 'protobuf.descriptor-file'",
         .hint =
             "Flink finds the message in a Java class; here the options of ours say what it is"});
  }
  return result;
}

// The schema, as soon as it can be had.
class SchemaSource {
 public:
  explicit SchemaSource(ProtobufOptions options) : options_(std::move(options)) {}

  // Of a text in the options; null when a file has to be read.
  Result<std::shared_ptr<const ProtobufSchema>> WithoutFiles() const {
    if (options_.proto.empty()) return std::shared_ptr<const ProtobufSchema>();
    return ProtobufSchema::FromText(options_.proto, options_.class_name);
  }

  Task<std::shared_ptr<const ProtobufSchema>> Fetch(Env* env) const {
    const bool is_text = !options_.proto_file.empty();
    std::string path = is_text ? options_.proto_file : options_.descriptor_file;
    auto bytes = co_await env->files().ReadAll(path, kSchemaFileMax);
    if (!bytes.ok()) {
      ErrorText text = TextOf(bytes.status());
      text.message = "the protobuf schema can't be read: " + text.message;
      co_return MakeError(ErrorCode::kInvalidArgument, std::move(text));
    }
    co_return is_text ? ProtobufSchema::FromText(*bytes, options_.class_name)
                      : ProtobufSchema::FromDescriptorSet(*bytes, options_.class_name);
  }

 private:
  const ProtobufOptions options_;
};

Status NotFetched() {
  return MakeError(ErrorCode::kUnsupported,
                   {.message = "the schema of format 'protobuf' can't be read from a file here",
                    .hint = "give it as text: 'protobuf.proto'"});
}

class ProtobufDecoder final : public Decoder {
 public:
  ProtobufDecoder(std::shared_ptr<arrow::Schema> output, const ProtobufOptions& options)
      : output_(output), options_(options), source_(options), rows_(std::move(output)) {}

  Status Open(std::shared_ptr<const ProtobufSchema> schema) {
    ASSIGN_OR_RETURN(auto columns, schema->Fit(*output_));
    const ProtobufReadRules rules{
        .default_scalars = options_.read_default_values || schema->is_proto3(),
        .default_nested = options_.read_default_values};
    reader_.emplace(std::move(schema), std::move(columns), rules);
    return Status::OK();
  }

  Task<> Prepare(Env* env, std::span<const std::string_view>) override {
    if (reader_) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(auto schema, co_await source_.Fetch(env));
    co_return Open(std::move(schema));
  }

  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override {
    if (!reader_) return NotFetched();
    DecodedMessages out;
    rows_.Reserve(messages.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].data() == nullptr) continue;
      Status status = reader_->Parse(messages[i]);
      if (status.ok()) {
        for (int column = 0; column < output_->num_fields(); ++column) {
          RETURN_IF_ERROR(reader_->Append(static_cast<size_t>(column), rows_.builder(column)));
        }
        rows_.EndRow(static_cast<uint32_t>(i), RowKind::kInsert, true);
      } else if (options_.ignore_parse_errors) {
        ++out.skipped;
      } else {
        out.rejected.push_back({.index = i, .cause = std::move(status)});
      }
    }
    RETURN_IF_ERROR(rows_.Finish(&out));
    return out;
  }

 private:
  std::shared_ptr<arrow::Schema> output_;
  const ProtobufOptions options_;
  SchemaSource source_;
  RowSet rows_;
  std::optional<ProtobufReader> reader_;
};

class ProtobufEncoder final : public Encoder {
 public:
  ProtobufEncoder(std::shared_ptr<arrow::Schema> columns, const ProtobufOptions& options)
      : columns_(std::move(columns)), null_text_(options.null_text), source_(options) {}

  Status Open(std::shared_ptr<const ProtobufSchema> schema) {
    ASSIGN_OR_RETURN(auto columns, schema->Fit(*columns_));
    writer_.emplace(std::move(schema), std::move(columns), null_text_);
    return Status::OK();
  }

  Task<> Prepare(Env* env) override {
    if (writer_) co_return Status::OK();
    CO_ASSIGN_OR_RETURN(auto schema, co_await source_.Fetch(env));
    co_return Open(std::move(schema));
  }

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    if (!writer_) return NotFetched();
    RETURN_IF_ERROR(RefuseChanges("protobuf", batch));
    std::vector<std::string> messages(static_cast<size_t>(batch.rows->num_rows()));
    for (size_t row = 0; row < messages.size(); ++row) {
      RETURN_IF_ERROR(writer_->Write(*batch.rows, static_cast<int64_t>(row), &messages[row]));
    }
    return messages;
  }

 private:
  std::shared_ptr<arrow::Schema> columns_;
  const std::string null_text_;
  SchemaSource source_;
  std::optional<ProtobufWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> MakeProtobufDecoder(DecodeTarget target,
                                                     const FormatOptions& options) {
  ASSIGN_OR_RETURN(ProtobufOptions read, ReadProtobufOptions(options));
  ASSIGN_OR_RETURN(auto schema, SchemaSource(read).WithoutFiles());
  auto decoder = std::make_unique<ProtobufDecoder>(target.OutputSchema(), read);
  if (schema) {
    // All columns of the table, wanted or not.
    RETURN_IF_ERROR(schema->Fit(*target.schema));
    RETURN_IF_ERROR(decoder->Open(std::move(schema)));
  }
  return decoder;
}

Result<std::unique_ptr<Encoder>> MakeProtobufEncoder(std::shared_ptr<arrow::Schema> columns,
                                                     const FormatOptions& options) {
  ASSIGN_OR_RETURN(ProtobufOptions read, ReadProtobufOptions(options));
  ASSIGN_OR_RETURN(auto schema, SchemaSource(read).WithoutFiles());
  auto encoder = std::make_unique<ProtobufEncoder>(std::move(columns), read);
  if (schema) RETURN_IF_ERROR(encoder->Open(std::move(schema)));
  return encoder;
}

}  // namespace mainstem::format
