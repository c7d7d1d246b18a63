// A stored record as JSON: {"partition","offset","timestamp_ms","key","value","headers"}. Bytes
// that are no text become "key_base64" / "value_base64". Used by the event paths and the console's
// browser.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/json_writer.h"
#include "storage/record_batch.h"

namespace mainstem::gateway::http {

// kAuto: JSON where the bytes are JSON, else text where they are UTF-8, else base64.
enum class ValueDecoding : uint8_t { kAuto, kText, kBase64, kHex };
Result<ValueDecoding> ParseValueDecoding(std::string_view name);  // "auto", "text" ...

// Tells JSON texts from others; a whole number in them may have any size. Keeps its parsers; not
// thread-safe.
class JsonRecognizer {
 public:
  JsonRecognizer();
  ~JsonRecognizer();
  JsonRecognizer(JsonRecognizer&&) noexcept;
  bool IsJson(std::string_view utf8);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Not thread-safe.
class EventJsonWriter {
 public:
  explicit EventJsonWriter(ValueDecoding decoding) : decoding_(decoding) {}

  // Appends one object. kInvalidRecord when the record's headers are broken.
  Status Write(PartitionId partition, const storage::RecordView& record, JsonWriter* json);

 private:
  void WriteBytes(std::string_view name, std::optional<std::string_view> bytes, bool may_be_json,
                  JsonWriter* json);

  const ValueDecoding decoding_;
  JsonRecognizer recognizer_;
};

std::string Base64(std::string_view bytes);

}  // namespace mainstem::gateway::http
