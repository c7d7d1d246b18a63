// Messages to columns. Private to format/; not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include <google/protobuf/dynamic_message.h>

#include "format/protobuf/protobuf_schema.h"

namespace mainstem::format {

// What becomes of fields that a message does not have.
struct ProtobufReadRules {
  // Columns of plain values get the field's default: always so for proto3, which can't tell.
  bool default_scalars = false;
  // Rows, arrays and maps get their default, too, instead of NULL.
  bool default_nested = false;
};

class ProtobufReader {
 public:
  ProtobufReader(std::shared_ptr<const ProtobufSchema> schema, std::vector<ProtobufNode> columns,
                 ProtobufReadRules rules);

  // Reads the message; the next Append gives its columns.
  Status Parse(std::string_view bytes);
  // One value of column `column` to its builder.
  Status Append(size_t column, arrow::ArrayBuilder* builder);

 private:
  using Message = google::protobuf::Message;
  // Of a field: its only value, or element `index` of a repeated one.
  struct Place {
    const Message* message = nullptr;
    int index = -1;
  };
  bool IsThere(const ProtobufNode& node, const Message& message) const;
  Status AppendField(const ProtobufNode& node, const Message& message,
                     arrow::ArrayBuilder* builder);
  Status AppendValue(const ProtobufNode& node, Place place, arrow::ArrayBuilder* builder);
  Status AppendEnum(const ProtobufNode& node, Place place, arrow::ArrayBuilder* builder);
  Status AppendMessage(const ProtobufNode& node, const Message& message,
                       arrow::ArrayBuilder* builder);
  Status AppendList(const ProtobufNode& node, const Message& message, arrow::ArrayBuilder* builder);
  Status AppendMap(const ProtobufNode& node, const Message& message, arrow::ArrayBuilder* builder);

  const std::shared_ptr<const ProtobufSchema> schema_;
  const std::vector<ProtobufNode> columns_;
  const ProtobufReadRules rules_;
  google::protobuf::DynamicMessageFactory factory_;
  std::unique_ptr<Message> message_;
  std::string text_, scratch_;
};

}  // namespace mainstem::format
