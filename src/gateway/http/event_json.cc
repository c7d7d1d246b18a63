#include "gateway/http/event_json.h"

#include <limits>

#include <absl/strings/escaping.h>
#include <openssl/evp.h>
#include <simdjson.h>

#include "gateway/http/event_body.h"

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

struct JsonRecognizer::Impl {
  simdjson::dom::parser quick;
  EventBodyParser thorough;
};

JsonRecognizer::JsonRecognizer() : impl_(std::make_unique<Impl>()) {}
JsonRecognizer::~JsonRecognizer() = default;
JsonRecognizer::JsonRecognizer(JsonRecognizer&&) noexcept = default;

bool JsonRecognizer::IsJson(std::string_view utf8) {
  // Cheap first: most text is no JSON by its first byte.
  size_t begin = utf8.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return false;
  if (std::string_view("{[\"-0123456789tfn").find(utf8[begin]) == std::string_view::npos) {
    return false;
  }
  simdjson::dom::element ignored;
  simdjson::error_code error = impl_->quick.parse(utf8.data(), utf8.size(), true).get(ignored);
  if (error != simdjson::NUMBER_ERROR) return !error;
  // Numbers that fit no machine type are the body parser's business.
  EventBodyOptions options{.kind = BodyKind::kJson,
                           .key_field = {},
                           .event_limit = std::numeric_limits<size_t>::max() - 1};
  return impl_->thorough.Parse(utf8, options).ok();
}

void EventJsonWriter::WriteBytes(std::string_view name, std::optional<std::string_view> bytes,
                                 bool may_be_json, JsonWriter* json) {
  if (!bytes) {
    json->Key(name).Null();
  } else if (decoding_ == ValueDecoding::kHex) {
    json->Field(std::string(name) + "_hex", absl::BytesToHexString({bytes->data(), bytes->size()}));
  } else if (decoding_ == ValueDecoding::kBase64) {
    json->Field(std::string(name) + "_base64", Base64(*bytes));
  } else if (decoding_ == ValueDecoding::kText) {
    json->Field(name, *bytes);
  } else if (!simdjson::validate_utf8(bytes->data(), bytes->size())) {
    json->Field(std::string(name) + "_base64", Base64(*bytes));
  } else if (may_be_json && recognizer_.IsJson(*bytes)) {
    json->Key(name).Raw(*bytes);
  } else {
    json->Field(name, *bytes);
  }
}

Status EventJsonWriter::Write(PartitionId partition, const storage::RecordView& record,
                              JsonWriter* json) {
  json->BeginObject();
  json->Field("partition", partition.value());
  json->Field("offset", record.offset.value());
  json->Field("timestamp_ms", record.timestamp_ms);
  WriteBytes("key", record.key, false, json);
  WriteBytes("value", record.value, true, json);
  if (record.header_count > 0) {
    ASSIGN_OR_RETURN(auto headers, storage::ReadHeaders(record));
    json->Key("headers").BeginArray();
    for (const auto& header : headers) {
      json->BeginObject().Field("key", header.key);
      WriteBytes("value", header.value, false, json);
      json->EndObject();
    }
    json->EndArray();
  }
  json->EndObject();
  return Status::OK();
}

}  // namespace mainstem::gateway::http
