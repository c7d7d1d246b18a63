// Rows to messages. Private to format/; not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include <google/protobuf/dynamic_message.h>

#include "format/protobuf/protobuf_schema.h"

namespace mainstem::format {

class ProtobufWriter {
 public:
  // `null_text`: what stands for NULL in arrays and maps of texts; other elements get the default
  // of their type.
  ProtobufWriter(std::shared_ptr<const ProtobufSchema> schema, std::vector<ProtobufNode> columns,
                 std::string null_text);

  // A NULL column is a field that the message does not have.
  Status Write(const arrow::RecordBatch& rows, int64_t row, std::string* out);

 private:
  using Message = google::protobuf::Message;
  Status SetField(const ProtobufNode& node, const arrow::Array& array, int64_t row,
                  Message* message);
  // Sets the field's value, or adds one to a repeated one.
  enum class How : uint8_t { kSet, kAdd };
  Status PutValue(const ProtobufNode& node, const arrow::Array& array, int64_t row, How how,
                  Message* message);
  Status PutEnum(const ProtobufNode& node, const arrow::Array& array, int64_t row, How how,
                 Message* message);
  void PutText(const ProtobufNode& node, std::string text, How how, Message* message);
  void PutNull(const ProtobufNode& node, How how, Message* message);
  Status PutElement(const ProtobufNode& node, const arrow::Array& array, int64_t row, How how,
                    Message* message);

  const std::shared_ptr<const ProtobufSchema> schema_;
  const std::vector<ProtobufNode> columns_;
  const std::string null_text_;
  google::protobuf::DynamicMessageFactory factory_;
  std::unique_ptr<Message> message_;
};

}  // namespace mainstem::format
