#include "sink/filesystem/file_encoder.h"

#include <algorithm>
#include <map>

#include <absl/strings/ascii.h>
#include <arrow/api.h>
#include <parquet/arrow/writer.h>

#include "core/suggest.h"
#include "format/avro/avro_file.h"
#include "format/format.h"
#include "sink/parquet_output.h"

namespace mainstem::sink {
namespace {

// ---- lines

class LineEncoder final : public FileEncoder {
 public:
  LineEncoder(std::unique_ptr<format::Encoder> encoder, std::string delimiter)
      : encoder_(std::move(encoder)), delimiter_(std::move(delimiter)) {}
  Status Write(const ChangelogBatch& rows) override {
    ASSIGN_OR_RETURN(auto messages, encoder_->Encode(rows));
    for (const std::string& message : messages) {
      bytes_ += message;
      bytes_ += delimiter_;
    }
    return Status::OK();
  }
  Status Finish() override { return Status::OK(); }
  std::string TakeBytes() override { return std::exchange(bytes_, {}); }

 private:
  std::unique_ptr<format::Encoder> encoder_;
  std::string delimiter_;
  std::string bytes_;
};

class LineEncoderFactory final : public FileEncoderFactory {
 public:
  struct Rules {
    bool takes_changes = false;
    std::string delimiter;
  };
  LineEncoderFactory(connector::FormatChoice choice, std::shared_ptr<arrow::Schema> schema,
                     Rules rules)
      : choice_(std::move(choice)), schema_(std::move(schema)), rules_(std::move(rules)) {}
  Result<std::unique_ptr<FileEncoder>> MakeEncoder() const override {
    ASSIGN_OR_RETURN(auto encoder, format::MakeEncoder(choice_.format, schema_, choice_.options));
    return std::make_unique<LineEncoder>(std::move(encoder), rules_.delimiter);
  }
  std::string suffix() const override {
    if (choice_.format == "csv") return ".csv";
    return choice_.format == "raw" ? ".txt" : ".json";
  }
  bool is_binary() const override { return false; }
  bool takes_changes() const override { return rules_.takes_changes; }

 private:
  connector::FormatChoice choice_;
  std::shared_ptr<arrow::Schema> schema_;
  Rules rules_;
};

// ---- Parquet

class ParquetEncoder final : public FileEncoder {
 public:
  ParquetEncoder(std::shared_ptr<TakenStream> stream, std::shared_ptr<arrow::Schema> schema,
                 std::unique_ptr<parquet::arrow::FileWriter> writer, int64_t row_group_bytes)
      : stream_(std::move(stream)),
        schema_(std::move(schema)),
        writer_(std::move(writer)),
        row_group_bytes_(row_group_bytes) {}

  Status Write(const ChangelogBatch& rows) override {
    // The declared schema: a query's own may name columns otherwise.
    auto batch = arrow::RecordBatch::Make(schema_, rows.rows->num_rows(), rows.rows->columns());
    if (group_bytes_ >= row_group_bytes_) {
      RETURN_IF_ERROR(writer_->NewBufferedRowGroup());
      group_bytes_ = 0;
    }
    for (const auto& column : batch->columns()) {
      for (const auto& buffer : column->data()->buffers) {
        if (buffer) group_bytes_ += buffer->size();
      }
    }
    return writer_->WriteRecordBatch(*batch);
  }
  Status Finish() override { return writer_->Close(); }
  std::string TakeBytes() override { return stream_->Take(); }

 private:
  std::shared_ptr<TakenStream> stream_;
  std::shared_ptr<arrow::Schema> schema_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  int64_t row_group_bytes_;
  int64_t group_bytes_ = 0;  // before encoding
};

class ParquetEncoderFactory final : public FileEncoderFactory {
 public:
  ParquetEncoderFactory(arrow::Compression::type compression, std::shared_ptr<arrow::Schema> schema,
                        int64_t row_group_bytes)
      : compression_(compression), schema_(std::move(schema)), row_group_bytes_(row_group_bytes) {}
  Result<std::unique_ptr<FileEncoder>> MakeEncoder() const override {
    parquet::WriterProperties::Builder builder;
    builder.compression(compression_)->created_by("mainstem");
    auto stream = std::make_shared<TakenStream>();
    ASSIGN_OR_RETURN(auto writer,
                     parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(),
                                                      stream, builder.build()));
    return std::make_unique<ParquetEncoder>(std::move(stream), schema_, std::move(writer),
                                            row_group_bytes_);
  }
  std::string suffix() const override { return ".parquet"; }
  bool takes_changes() const override { return false; }

 private:
  arrow::Compression::type compression_;
  std::shared_ptr<arrow::Schema> schema_;
  int64_t row_group_bytes_;
};

// ---- Avro

class AvroEncoder final : public FileEncoder {
 public:
  explicit AvroEncoder(std::unique_ptr<format::AvroFileEncoder> encoder)
      : encoder_(std::move(encoder)) {}
  Status Write(const ChangelogBatch& rows) override { return encoder_->Write(*rows.rows); }
  Status Finish() override { return encoder_->Finish(); }
  std::string TakeBytes() override { return encoder_->TakeBytes(); }

 private:
  std::unique_ptr<format::AvroFileEncoder> encoder_;
};

class AvroEncoderFactory final : public FileEncoderFactory {
 public:
  AvroEncoderFactory(format::FormatOptions options, std::shared_ptr<arrow::Schema> schema)
      : options_(std::move(options)), schema_(std::move(schema)) {}
  Result<std::unique_ptr<FileEncoder>> MakeEncoder() const override {
    ASSIGN_OR_RETURN(auto encoder, format::AvroFileEncoder::Make(*schema_, options_));
    return std::make_unique<AvroEncoder>(std::move(encoder));
  }
  std::string suffix() const override { return ".avro"; }
  bool takes_changes() const override { return false; }

 private:
  format::FormatOptions options_;
  std::shared_ptr<arrow::Schema> schema_;
};

// ---- which one

Result<arrow::Compression::type> ReadCompression(const std::string& value) {
  static const std::map<std::string, arrow::Compression::type> kinds = {
      {"UNCOMPRESSED", arrow::Compression::UNCOMPRESSED},
      {"SNAPPY", arrow::Compression::SNAPPY},
      {"GZIP", arrow::Compression::GZIP},
      {"ZSTD", arrow::Compression::ZSTD},
      {"LZ4", arrow::Compression::LZ4},
      {"LZ4_RAW", arrow::Compression::LZ4},
      {"BROTLI", arrow::Compression::BROTLI}};
  auto found = kinds.find(absl::AsciiStrToUpper(value));
  if (found != kinds.end() && arrow::util::Codec::IsAvailable(found->second)) {
    return found->second;
  }
  std::vector<std::string> names;
  for (const auto& [name, kind] : kinds) names.push_back(name);
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "'parquet.compression' = '" + value + "' is not known",
                    .hint = SuggestionFor(value, names)});
}

Result<std::shared_ptr<const FileEncoderFactory>> MakeParquetFactory(
    const format::FormatOptions& options, std::shared_ptr<arrow::Schema> schema,
    int64_t file_bytes) {
  RETURN_IF_ERROR(format::CheckFormatOptions("parquet", options));
  arrow::Compression::type compression = arrow::Compression::SNAPPY;
  if (auto found = options.find("compression"); found != options.end()) {
    ASSIGN_OR_RETURN(compression, ReadCompression(found->second));
  }
  auto factory = std::make_shared<const ParquetEncoderFactory>(compression, std::move(schema),
                                                               RowGroupBytesOf(file_bytes));
  RETURN_IF_ERROR(factory->MakeEncoder());  // tells types that cannot be stored
  return factory;
}

}  // namespace

Result<std::shared_ptr<const FileEncoderFactory>> FileEncoderFactory::Make(
    const connector::FormatChoice& choice, std::shared_ptr<arrow::Schema> schema, Options options) {
  if (choice.format == "parquet") {
    return MakeParquetFactory(choice.options, std::move(schema), options.file_bytes);
  }
  if (choice.format == "avro") {
    auto factory = std::make_shared<const AvroEncoderFactory>(choice.options, std::move(schema));
    RETURN_IF_ERROR(factory->MakeEncoder());
    return factory;
  }
  const format::FormatInfo* info = format::FindFormat(choice.format);
  if (info != nullptr && !info->is_for_files) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "format '" + choice.format + "' is of messages, not of files",
                      .hint = "use 'avro', 'parquet' or 'json'"});
  }
  LineEncoderFactory::Rules rules{.takes_changes = info != nullptr && info->is_changelog,
                                  .delimiter = std::move(options.delimiter).value_or("\n")};
  auto factory =
      std::make_shared<const LineEncoderFactory>(choice, std::move(schema), std::move(rules));
  RETURN_IF_ERROR(factory->MakeEncoder());
  return factory;
}

}  // namespace mainstem::sink
