// Bodies of AWS's JSON 1.x and CBOR protocols: bytes to a Document, and answers to bytes. Pure, no
// I/O; body_codec_fuzz.cc feeds it anything.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/aws/value.h"

namespace mainstem::gateway::aws {

enum class BodyCodec : uint8_t { kJson, kCbor };
std::string_view ContentTypeOf(BodyCodec codec);

// Keeps a few parsers between bodies: their room is what takes longest to make. Thread-safe;
// documents may outlive it.
class BodyDecoder {
 public:
  BodyDecoder();
  ~BodyDecoder();
  // kDecodeError when it is no valid text of the codec, has more than kDepthMax levels, or is
  // followed by something. The document owns the body.
  Result<Document> Decode(BodyCodec codec, std::string body);

 private:
  std::shared_ptr<class JsonParserPool> parsers_;
};
// One body alone.
Result<Document> DecodeBody(BodyCodec codec, std::string body);
// JSON that this node wrote itself, of parts that were within the limits each: any number of
// members, and kStoredDepthMax levels.
Result<Document> DecodeStoredJson(std::string body);

// Writes an answer value by value. Keys and values alternate within maps, as they come.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual BodyWriter& BeginMap() = 0;
  virtual BodyWriter& EndMap() = 0;
  virtual BodyWriter& BeginList() = 0;
  virtual BodyWriter& EndList() = 0;
  virtual BodyWriter& Key(std::string_view key) = 0;
  virtual BodyWriter& String(std::string_view text) = 0;
  virtual BodyWriter& Bytes(std::string_view bytes) = 0;
  virtual BodyWriter& Integer(int64_t value) = 0;
  virtual BodyWriter& Double(double value) = 0;
  virtual BodyWriter& Boolean(bool value) = 0;
  virtual BodyWriter& Time(int64_t milliseconds) = 0;
  virtual size_t bytes() const = 0;
  virtual std::string Take() = 0;

  BodyWriter& Field(std::string_view key, std::string_view text) { return Key(key).String(text); }
};
std::unique_ptr<BodyWriter> MakeBodyWriter(BodyCodec codec);

// Strict: padded, without blanks. Nothing when it is not base64.
bool DecodeBase64(std::string_view text, std::string* out);
void AppendBase64(std::string_view bytes, std::string* out);

}  // namespace mainstem::gateway::aws
