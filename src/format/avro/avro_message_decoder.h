// What the decoders of Avro messages share: each message is one record, whatever stands before it.
// Private to format/.
#pragma once

#include <string>
#include <vector>

#include "format/avro/avro_reader.h"
#include "format/formats.h"

namespace mainstem::format {

class AvroMessageDecoder : public Decoder {
 public:
  Result<DecodedMessages> Decode(std::span<const std::string_view> messages) override;

 protected:
  explicit AvroMessageDecoder(std::shared_ptr<arrow::Schema> output)
      : output_(output), rows_(std::move(output)) {}
  // Adds message `index` to the rows, or tells what is wrong with it.
  virtual Status DecodeOne(std::string_view message, uint32_t index) = 0;
  // The record that `bytes` are; `rest` is the error where they go on behind it.
  Status AddRecord(AvroRecordReader* reader, std::string_view bytes, uint32_t index,
                   std::string_view rest);
  Result<std::unique_ptr<AvroRecordReader>> MakeReader(std::shared_ptr<const AvroSchema> schema,
                                                       const AvroSchema* reader_schema,
                                                       const AvroReadRules& rules);

 private:
  std::shared_ptr<arrow::Schema> output_;
  RowSet rows_;
};

}  // namespace mainstem::format
