// Formats: bytes of one message (a Kafka record's value, a line of a file) to columns and back.
// A format knows nothing of topics or files. Physical types are Arrow's; process/types maps SQL
// types onto them. Implementations: format/<name>_format.cc, found through MakeDecoder/MakeEncoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "core/status.h"
#include "format/changelog.h"

namespace mainstem::format {

// WITH options of one format with its prefix taken off: 'json.ignore-parse-errors' arrives as
// 'ignore-parse-errors'.
using FormatOptions = std::map<std::string, std::string>;

// One message that could not be decoded.
struct RejectedMessage {
  size_t index = 0;  // of the message in the call
  Status cause;      // names field, value and position in the message
};

struct DecodedMessages {
  ChangelogBatch batch;
  // For each row of the batch, which message of the call it came from (a changelog format may make
  // 0, 1 or 2 rows of a message).
  std::vector<uint32_t> message_of_row;
  std::vector<RejectedMessage> rejected;  // never silently dropped: the caller decides
  // Messages that gave no row because the table's options ask for it ('ignore-parse-errors',
  // comments).
  size_t skipped = 0;
};

// Decodes messages into the columns of a schema. Not thread-safe; one per reader.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Views live as long as the call. An empty view with null data() is a null message (tombstone).
  virtual Result<DecodedMessages> Decode(std::span<const std::string_view> messages) = 0;
};

// Encodes rows into one message each. Not thread-safe.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // One message a row; formats that cannot express the row kind refuse it.
  virtual Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) = 0;
};

struct FormatInfo {
  std::string name;                       // 'json'
  std::vector<std::string> option_names;  // without prefix
  bool can_decode = true;
  bool can_encode = true;
  bool is_changelog = false;  // may carry updates and deletes (debezium-json ...)
  // Fields of a ROW are found by their names: a schema may leave some out.
  bool reads_rows_by_name = false;
};
const std::vector<FormatInfo>& ListFormats();
// Null: there is no such format.
const FormatInfo* FindFormat(const std::string& name);

// `schema`: the columns the messages hold, in the table's order, without metadata columns;
// `projection`: those wanted, in output order. Unknown format or option: kInvalidArgument with the
// near name in the hint.
Result<std::unique_ptr<Decoder>> MakeDecoder(const std::string& format,
                                             std::shared_ptr<arrow::Schema> schema,
                                             const std::vector<int>& projection,
                                             const FormatOptions& options);
// All columns wanted.
Result<std::unique_ptr<Decoder>> MakeDecoder(const std::string& format,
                                             std::shared_ptr<arrow::Schema> schema,
                                             const FormatOptions& options);
Result<std::unique_ptr<Encoder>> MakeEncoder(const std::string& format,
                                             std::shared_ptr<arrow::Schema> schema,
                                             const FormatOptions& options);
// The format exists and knows these options; no schema needed.
Status CheckFormatOptions(const std::string& format, const FormatOptions& options);

}  // namespace mainstem::format
