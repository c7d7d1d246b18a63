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

#include "core/executor.h"
#include "core/status.h"
#include "format/changelog.h"

namespace mainstem {
class Env;
}

namespace mainstem::format {

// WITH options of one format with its prefix taken off: 'json.ignore-parse-errors' arrives as
// 'ignore-parse-errors'.
using FormatOptions = std::map<std::string, std::string>;

// One message that could not be decoded.
struct RejectedMessage {
  size_t index = 0;  // of the message in the call
  Status cause;      // names field, value and position in the message
};

// The columns of a message, those wanted of them, and what is wanted of its metadata.
struct DecodeTarget {
  std::shared_ptr<arrow::Schema> schema;   // in the table's order, without metadata columns
  std::vector<int> projection;             // in output order
  std::vector<std::string> metadata = {};  // keys of FormatInfo::metadata_keys

  std::shared_ptr<arrow::Schema> OutputSchema() const;  // of the projection
};

struct DecodedMessages {
  ChangelogBatch batch;
  // One array for each key of the target's `metadata`, as long as the batch.
  std::vector<std::shared_ptr<arrow::Array>> metadata = {};
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
  // Fetches what these messages need from outside (schemas of a registry); called before Decode
  // with the same messages. Fails with a retriable error when the outside is away: what it can
  // tell of a single message is left to Decode. Views must live until it has ended.
  virtual Task<> Prepare(Env* env, std::span<const std::string_view> messages) {
    co_return Status::OK();
  }
  // Views live as long as the call. An empty view with null data() is a null message (tombstone).
  virtual Result<DecodedMessages> Decode(std::span<const std::string_view> messages) = 0;
};

// Encodes rows into one message each. Not thread-safe.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // Does what has to be done outside before the first Encode (registers a schema).
  virtual Task<> Prepare(Env* env) { co_return Status::OK(); }
  // One message a row; formats that cannot express the row kind refuse it.
  virtual Result<std::vector<std::string>> Encode(const ChangelogBatch& batch) = 0;
};

struct FormatInfo {
  std::string name;                       // 'json'
  std::vector<std::string> option_names;  // without prefix
  bool can_decode = true;
  bool can_encode = true;
  // In files it has a form of its own, which the filesystem connector reads and writes itself; else
  // each line of a file is a message.
  bool has_own_files = false;
  bool is_for_files = true;
  bool is_changelog = false;  // may carry updates and deletes (debezium-json ...)
  // Fields of a ROW are found by their names: a schema may leave some out.
  bool reads_rows_by_name = false;
  // Options that name a file of this machine which it needs.
  std::vector<std::string> file_options = {};
  // What else it can tell of a message: key -> SQL type. Connectors put "value." before the key.
  std::map<std::string, std::string> metadata_keys = {};
};
const std::vector<FormatInfo>& ListFormats();
// Null: there is no such format.
const FormatInfo* FindFormat(const std::string& name);

// Unknown format or option: kInvalidArgument with the near name in the hint.
Result<std::unique_ptr<Decoder>> MakeDecoder(const std::string& format, DecodeTarget target,
                                             const FormatOptions& options);
// Without metadata.
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
