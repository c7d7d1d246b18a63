#include "format/avro/avro_message_decoder.h"

#include <arrow/api.h>

namespace mainstem::format {

Result<DecodedMessages> AvroMessageDecoder::Decode(std::span<const std::string_view> messages) {
  DecodedMessages out;
  rows_.Reserve(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].data() == nullptr) continue;
    Status status = DecodeOne(messages[i], static_cast<uint32_t>(i));
    if (!status.ok()) out.rejected.push_back({.index = i, .cause = std::move(status)});
  }
  RETURN_IF_ERROR(rows_.Finish(&out));
  return out;
}

Status AvroMessageDecoder::AddRecord(AvroRecordReader* reader, std::string_view bytes,
                                     uint32_t index, std::string_view rest) {
  AvroInput input(bytes);
  bool good = reader->Read(&input);
  if (good && input.left() > 0) good = input.Fail(std::string(rest));
  rows_.EndRow(index, RowKind::kInsert, good);
  return good ? Status::OK() : MakeError(ErrorCode::kDecodeError, input.error());
}

Result<std::unique_ptr<AvroRecordReader>> AvroMessageDecoder::MakeReader(
    std::shared_ptr<const AvroSchema> schema, const AvroSchema* reader_schema,
    const AvroReadRules& rules) {
  std::vector<arrow::ArrayBuilder*> builders;
  for (int i = 0; i < output_->num_fields(); ++i) builders.push_back(rows_.builder(i));
  return AvroRecordReader::Make(std::move(schema), *output_, builders, reader_schema, rules);
}

}  // namespace mainstem::format
