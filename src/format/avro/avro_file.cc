#include "format/avro/avro_file.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include "core/fnv1a.h"
#include "format/avro/avro_binary.h"
#include "format/avro/avro_codec.h"
#include "format/avro/avro_options.h"
#include "format/avro/avro_reader.h"
#include "format/avro/avro_writer.h"
#include "format/formats.h"
#include "format/json_writer.h"

namespace mainstem::format {
namespace {

constexpr std::string_view kMagic = {"Obj\x01", 4};
constexpr size_t kBlockBytes = size_t{64} << 10;

Status BrokenFile(const std::string& problem) {
  return MakeError(ErrorCode::kDecodeError, "not a sound Avro file: " + problem);
}

std::vector<arrow::ArrayBuilder*> BuildersOf(RowSet* rows, int count) {
  std::vector<arrow::ArrayBuilder*> builders;
  for (int i = 0; i < count; ++i) builders.push_back(rows->builder(i));
  return builders;
}

class FileDecoder final : public AvroFileDecoder {
 public:
  FileDecoder(std::string codec, std::shared_ptr<arrow::Schema> schema)
      : codec_(std::move(codec)), schema_(schema), rows_(std::move(schema)) {}

  Status Open(std::shared_ptr<const AvroSchema> writer, const AvroReadRules& rules) {
    ASSIGN_OR_RETURN(
        reader_, AvroRecordReader::Make(std::move(writer), *schema_,
                                        BuildersOf(&rows_, schema_->num_fields()), nullptr, rules));
    return Status::OK();
  }

  Status Begin(std::string_view data, int64_t row_count) override {
    rows_left_ = 0;
    ASSIGN_OR_RETURN(data_, UnpackAvroBlock(codec_, data, kMaxAvroUnpackedBytes));
    int64_t least_bytes = reader_->schema().root().least_bytes;
    if (least_bytes > 0 && row_count > static_cast<int64_t>(data_.size()) / least_bytes) {
      return BrokenFile(
          fmt::format("a block of {} bytes is said to hold {} rows", data_.size(), row_count));
    }
    if (least_bytes == 0 && row_count > kMaxEmptyItems) return BrokenFile("too many empty rows");
    rows_left_ = row_count;
    input_ = std::make_unique<AvroInput>(data_);
    error_ = Status::OK();
    return Status::OK();
  }

  Status Skip(int64_t row_count) override {
    for (int64_t i = 0; i < row_count && rows_left_ > 0; ++i, --rows_left_) {
      if (!input_->Skip(reader_->schema().root(), 0)) return Failed();
    }
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next(int64_t max_rows) override {
    if (!error_.ok()) return std::exchange(error_, Status::OK());
    for (int64_t i = 0; i < max_rows && rows_left_ > 0; ++i) {
      bool good = reader_->Read(input_.get());
      rows_.EndRow(0, RowKind::kInsert, good);
      --rows_left_;
      if (good) continue;
      error_ = Failed();
      break;
    }
    DecodedMessages out;
    RETURN_IF_ERROR(rows_.Finish(&out));
    if (out.batch.rows->num_rows() == 0 && !error_.ok()) return std::exchange(error_, Status::OK());
    return std::move(out.batch.rows);
  }

  int64_t rows_left() const override { return rows_left_ + (error_.ok() ? 0 : 1); }

 private:
  Status Failed() {
    rows_left_ = 0;
    return BrokenFile(input_->error());
  }

  std::string codec_;
  std::shared_ptr<arrow::Schema> schema_;
  RowSet rows_;
  std::unique_ptr<AvroRecordReader> reader_;
  std::string data_;
  std::unique_ptr<AvroInput> input_;
  int64_t rows_left_ = 0;
  Status error_;  // found behind rows that were given out
};

class FileEncoder final : public AvroFileEncoder {
 public:
  FileEncoder(std::string schema_json, std::string codec, std::unique_ptr<AvroRecordWriter> writer)
      : schema_json_(std::move(schema_json)),
        codec_(std::move(codec)),
        writer_(std::move(writer)) {}

  Status Write(const arrow::RecordBatch& rows) override {
    writer_->Bind(rows);
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      RETURN_IF_ERROR(writer_->Write(row, &block_));
      ++block_rows_;
      if (block_.size() >= kBlockBytes) RETURN_IF_ERROR(EndBlock());
    }
    return Status::OK();
  }

  Status Finish() override {
    if (block_rows_ > 0) return EndBlock();
    if (marker_.empty()) WriteHeader();
    return Status::OK();
  }

  std::string TakeBytes() override { return std::exchange(bytes_, {}); }

 private:
  // The marker must be the file's own, not secret: it is told by schema and first block.
  void WriteHeader() {
    uint64_t hash = kFnv1aStart;
    for (int half = 0; half < 2; ++half) {
      hash = Fnv1a(block_, Fnv1a(schema_json_, hash));
      AppendAvroRaw(hash, &marker_);
    }
    const std::pair<std::string_view, std::string_view> metadata[] = {
        {"avro.codec", codec_}, {"avro.schema", schema_json_}};
    AppendAvroFileHeader(metadata, marker_, &bytes_);
  }

  Status EndBlock() {
    if (marker_.empty()) WriteHeader();
    RETURN_IF_ERROR(AppendAvroBlock(codec_, block_rows_, block_, marker_, &bytes_));
    block_.clear();
    block_rows_ = 0;
    return Status::OK();
  }

  std::string schema_json_;
  std::string codec_;
  std::unique_ptr<AvroRecordWriter> writer_;
  std::string marker_;
  std::string block_;
  int64_t block_rows_ = 0;
  std::string bytes_;
};

}  // namespace

void AppendAvroFileHeader(std::span<const std::pair<std::string_view, std::string_view>> metadata,
                          std::string_view marker, std::string* out) {
  *out += kMagic;
  AppendAvroLong(static_cast<int64_t>(metadata.size()), out);
  for (const auto& [key, value] : metadata) {
    AppendAvroBytes(key, out);
    AppendAvroBytes(value, out);
  }
  AppendAvroLong(0, out);
  *out += marker;
}

Status AppendAvroBlock(const std::string& codec, int64_t row_count, std::string_view rows,
                       std::string_view marker, std::string* out) {
  std::string packed;
  RETURN_IF_ERROR(PackAvroBlock(codec, rows, &packed));
  AppendAvroLong(row_count, out);
  AppendAvroBytes(packed, out);
  *out += marker;
  return Status::OK();
}

Result<std::optional<AvroFileHeader>> ParseAvroFileHeader(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic.substr(0, bytes.size())) {
    return MakeError(ErrorCode::kDecodeError,
                     "not an Avro file: it does not begin with 'Obj' and 1");
  }
  if (bytes.size() < kMagic.size()) return std::nullopt;
  AvroInput input(bytes.substr(kMagic.size()));
  AvroFileHeader header;
  header.codec = "null";
  auto too_short = [&]() -> Result<std::optional<AvroFileHeader>> {
    // What is missing is in the bytes to come, unless there are many already.
    if (bytes.size() < kMaxAvroHeaderBytes) return std::nullopt;
    return BrokenFile("its header does not end");
  };
  while (true) {
    int64_t count;
    if (!input.Long(&count)) return too_short();
    if (count < 0 && count != std::numeric_limits<int64_t>::min()) {
      int64_t block_bytes;
      if (!input.Long(&block_bytes)) return too_short();
      count = -count;
    }
    if (count < 0 || count > 10000) return BrokenFile("its header has too many entries");
    if (count == 0) break;
    for (int64_t i = 0; i < count; ++i) {
      std::string_view key, value;
      if (!input.Bytes(&key) || !input.Bytes(&value)) return too_short();
      if (key == "avro.schema") header.schema = value;
      if (key == "avro.codec") header.codec = value;
    }
  }
  std::string_view marker;
  if (!input.Fixed(kAvroMarkerBytes, &marker)) return too_short();
  if (header.schema.empty()) return BrokenFile("its header has no schema");
  header.marker = marker;
  header.bytes = kMagic.size() + input.position();
  return header;
}

Result<std::optional<AvroBlockHead>> ParseAvroBlockHead(std::string_view bytes) {
  constexpr size_t kMaxHeadBytes = 20;
  AvroInput input(bytes);
  AvroBlockHead head;
  int64_t data_bytes;
  if (!input.Long(&head.row_count) || !input.Long(&data_bytes)) {
    if (bytes.size() >= kMaxHeadBytes) return BrokenFile("a block does not begin with its counts");
    return std::nullopt;
  }
  if (head.row_count < 0 || data_bytes < 0) return BrokenFile("a block has counts below 0");
  if (static_cast<uint64_t>(data_bytes) > kMaxAvroBlockBytes) {
    return BrokenFile(
        fmt::format("a block of {} bytes, {} are the most", data_bytes, kMaxAvroBlockBytes));
  }
  head.data_bytes = static_cast<size_t>(data_bytes);
  head.head_bytes = input.position();
  return head;
}

Result<std::unique_ptr<AvroFileDecoder>> AvroFileDecoder::Make(const AvroFileHeader& header,
                                                               DecodeTarget target,
                                                               const FormatOptions& options) {
  ASSIGN_OR_RETURN(AvroOptions avro, ReadAvroOptions("avro", options));
  Status codec = CheckAvroCodec(header.codec);
  if (!codec.ok()) return MakeError(ErrorCode::kDecodeError, TextOf(codec));
  ASSIGN_OR_RETURN(auto schema, AvroSchema::Parse(header.schema));
  auto decoder = std::make_unique<FileDecoder>(header.codec, target.OutputSchema());
  RETURN_IF_ERROR(decoder->Open(std::move(schema), {.legacy_timestamps = avro.legacy_timestamps}));
  return decoder;
}

Result<std::unique_ptr<AvroFileEncoder>> AvroFileEncoder::Make(const arrow::Schema& schema,
                                                               const FormatOptions& options) {
  RETURN_IF_ERROR(CheckFormatOptions("avro", options));
  ASSIGN_OR_RETURN(AvroOptions avro, ReadAvroOptions("avro", options));
  ASSIGN_OR_RETURN(std::string json,
                   DeriveAvroSchema(schema, {.legacy_timestamps = avro.legacy_timestamps}));
  ASSIGN_OR_RETURN(auto parsed, AvroSchema::Parse(json));
  ASSIGN_OR_RETURN(auto writer, AvroRecordWriter::Make(std::move(parsed), schema));
  return std::make_unique<FileEncoder>(std::move(json), avro.codec, std::move(writer));
}

}  // namespace mainstem::format
