// avro: a message is one record of the schema that the table's columns stand for, without any
// header; in Avro's binary or JSON encoding. Files are avro_file.h's.
#include <arrow/api.h>

#include "format/avro/avro_codec.h"
#include "format/avro/avro_json.h"
#include "format/avro/avro_message_decoder.h"
#include "format/avro/avro_options.h"
#include "format/avro/avro_writer.h"
#include "format/formats.h"

namespace mainstem::format {
namespace {

class AvroDecoder final : public AvroMessageDecoder {
 public:
  AvroDecoder(std::shared_ptr<arrow::Schema> output, bool json)
      : AvroMessageDecoder(std::move(output)), json_(json) {}

  Status Open(std::shared_ptr<const AvroSchema> schema, const AvroReadRules& rules) {
    ASSIGN_OR_RETURN(reader_, MakeReader(std::move(schema), nullptr, rules));
    return Status::OK();
  }

 protected:
  Status DecodeOne(std::string_view message, uint32_t index) override {
    if (json_) {
      binary_.clear();
      RETURN_IF_ERROR(json_reader_.ToBinary(message, reader_->schema().root(), &binary_));
      message = binary_;
    }
    return AddRecord(reader_.get(), message, index,
                     "bytes are left over: the record is of another schema");
  }

 private:
  bool json_;
  std::unique_ptr<AvroRecordReader> reader_;
  AvroJsonReader json_reader_;
  std::string binary_;
};

class AvroEncoder final : public Encoder {
 public:
  AvroEncoder(std::unique_ptr<AvroRecordWriter> writer, bool json)
      : writer_(std::move(writer)), json_(json) {}

  Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) override {
    RETURN_IF_ERROR(RefuseChanges("avro", batch));
    writer_->Bind(*batch.rows);
    std::vector<std::string> messages(static_cast<size_t>(batch.rows->num_rows()));
    for (size_t row = 0; row < messages.size(); ++row) {
      RETURN_IF_ERROR(writer_->Write(static_cast<int64_t>(row), &messages[row]));
      if (!json_) continue;
      AvroInput input(messages[row]);
      std::string json;
      CHECK(AvroToJson(writer_->schema().root(), &input, 0, &json));
      messages[row] = std::move(json);
    }
    return messages;
  }

 private:
  std::unique_ptr<AvroRecordWriter> writer_;
  bool json_;
};

Result<std::shared_ptr<const AvroSchema>> SchemaOf(const arrow::Schema& columns,
                                                   const AvroOptions& options) {
  ASSIGN_OR_RETURN(std::string json,
                   DeriveAvroSchema(columns, {.legacy_timestamps = options.legacy_timestamps}));
  return AvroSchema::Parse(json);
}

}  // namespace

Result<AvroOptions> ReadAvroOptions(const std::string& format, const FormatOptions& options) {
  OptionReader reader(format, options);
  AvroOptions result;
  result.codec = reader.Text("codec", result.codec);
  Status codec = CheckAvroCodec(result.codec);
  if (!codec.ok()) return codec;
  result.json = reader.Choice("encoding", {"binary", "json"}, 0) == 1;
  result.legacy_timestamps = reader.Bool("timestamp_mapping.legacy", true);
  RETURN_IF_ERROR(reader.status());
  return result;
}

Result<std::unique_ptr<Decoder>> MakeAvroDecoder(DecodeTarget target,
                                                 const FormatOptions& options) {
  ASSIGN_OR_RETURN(AvroOptions avro, ReadAvroOptions("avro", options));
  ASSIGN_OR_RETURN(auto schema, SchemaOf(*target.schema, avro));
  auto decoder = std::make_unique<AvroDecoder>(target.OutputSchema(), avro.json);
  RETURN_IF_ERROR(decoder->Open(std::move(schema), {.legacy_timestamps = avro.legacy_timestamps}));
  return decoder;
}

Result<std::unique_ptr<Encoder>> MakeAvroEncoder(std::shared_ptr<arrow::Schema> schema,
                                                 const FormatOptions& options) {
  ASSIGN_OR_RETURN(AvroOptions avro, ReadAvroOptions("avro", options));
  ASSIGN_OR_RETURN(auto avro_schema, SchemaOf(*schema, avro));
  ASSIGN_OR_RETURN(auto writer, AvroRecordWriter::Make(std::move(avro_schema), *schema));
  return std::make_unique<AvroEncoder>(std::move(writer), avro.json);
}

}  // namespace mainstem::format
