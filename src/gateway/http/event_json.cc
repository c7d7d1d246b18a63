#include "gateway/http/event_json.h"

#include <absl/strings/escaping.h>
#include <openssl/evp.h>
#include <simdjson.h>

namespace mainstem::gateway::http {

std::string Base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                             reinterpret_cast<const unsigned char*>(bytes.data()),
                             static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

Result<ValueDecoding> ParseValueDecoding(std::string_view name) {
  if (name == "auto") return ValueDecoding::kAuto;
  if (name == "text") return ValueDecoding::kText;
  if (name == "base64") return ValueDecoding::kBase64;
  if (name == "hex") return ValueDecoding::kHex;
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "unknown decoding '" + std::string(name) + "'",
                    .hint = "use decode=auto, text, base64 or hex"});
}

struct EventJsonWriter::Impl {
  bool IsUtf8(std::string_view bytes) const {
    return simdjson::validate_utf8(bytes.data(), bytes.size());
  }
  // Cheap first: most text is no JSON by its first byte.
  bool IsJson(std::string_view bytes) {
    size_t begin = bytes.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return false;
    if (std::string_view("{[\"-0123456789tfn").find(bytes[begin]) == std::string_view::npos) {
      return false;
    }
    simdjson::dom::element element;
    return parser.parse(bytes.data(), bytes.size(), true).get(element) == simdjson::SUCCESS;
  }

  void WriteBytes(std::string_view name, std::optional<std::string_view> bytes, bool may_be_json,
                  JsonWriter* json) {
    if (!bytes) {
      json->Key(name).Null();
    } else if (decoding == ValueDecoding::kHex) {
      json->Field(std::string(name) + "_hex",
                  absl::BytesToHexString({bytes->data(), bytes->size()}));
    } else if (decoding == ValueDecoding::kBase64) {
      json->Field(std::string(name) + "_base64", Base64(*bytes));
    } else if (decoding == ValueDecoding::kText) {
      json->Field(name, *bytes);
    } else if (!IsUtf8(*bytes)) {
      json->Field(std::string(name) + "_base64", Base64(*bytes));
    } else if (may_be_json && IsJson(*bytes)) {
      json->Key(name).Raw(*bytes);
    } else {
      json->Field(name, *bytes);
    }
  }

  ValueDecoding decoding;
  simdjson::dom::parser parser;
};

EventJsonWriter::EventJsonWriter(ValueDecoding decoding) : impl_(std::make_unique<Impl>()) {
  impl_->decoding = decoding;
}
EventJsonWriter::~EventJsonWriter() = default;
EventJsonWriter::EventJsonWriter(EventJsonWriter&&) noexcept = default;

Status EventJsonWriter::Write(PartitionId partition, const storage::RecordView& record,
                              JsonWriter* json) {
  json->BeginObject();
  json->Field("partition", partition.value());
  json->Field("offset", record.offset.value());
  json->Field("timestamp_ms", record.timestamp_ms);
  impl_->WriteBytes("key", record.key, false, json);
  impl_->WriteBytes("value", record.value, true, json);
  if (record.header_count > 0) {
    ASSIGN_OR_RETURN(auto headers, storage::ReadHeaders(record));
    json->Key("headers").BeginArray();
    for (const auto& header : headers) {
      json->BeginObject().Field("key", header.key);
      impl_->WriteBytes("value", header.value, false, json);
      json->EndObject();
    }
    json->EndArray();
  }
  json->EndObject();
  return Status::OK();
}

}  // namespace mainstem::gateway::http
