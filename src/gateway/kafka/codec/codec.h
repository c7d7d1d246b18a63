// Bytes in, struct out, and back: the one decoder and the one encoder of all Kafka messages, driven
// by the tables of messages/*.cc. Pure functions, any thread. The decoder never reads past the end,
// checks each length against what is left before it allocates, and bounds the memory that a small
// frame of many empty elements can ask for (kDecodedBytesMax). Bytes after the message are ignored
// and unknown tags skipped, as Kafka does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/status.h"
#include "gateway/kafka/api.h"
#include "gateway/kafka/codec/schema.h"
#include "gateway/kafka/codec/wire.h"

namespace mainstem::gateway::kafka {

// Memory for array elements of one message, on top of the bytes of the frame itself.
inline constexpr size_t kDecodedBytesMax = 32 << 20;

struct RequestHeader {
  ApiKey api_key{};
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::optional<std::string> client_id;
};

// What the first bytes of a frame say, before anything is known about the rest.
struct RequestPrefix {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
};
Result<RequestPrefix> DecodeRequestPrefix(std::span<const std::byte> frame);

// Reads the header (the API must be known and the version understood); leaves `reader` at the body.
Result<RequestHeader> DecodeRequestHeader(Reader* reader);

// `message` must be a default-initialised struct of this schema. RecordsView members point into the
// bytes of `reader`. `element_count`, if given: of all arrays together.
Status DecodeBody(const Schema& schema, int16_t version, bool flexible, Reader* reader,
                  void* message, int64_t* element_count = nullptr);
void EncodeBody(const Schema& schema, int16_t version, bool flexible, const void* message,
                Writer* writer);

template <typename Message>
Result<Message> Decode(int16_t version, Reader* reader, int64_t* element_count = nullptr) {
  Message message;
  RETURN_IF_ERROR(DecodeBody(Message::kSchema, version, GetApi(Message::kApi).IsFlexible(version),
                             reader, &message, element_count));
  return message;
}
template <typename Message>
void Encode(const Message& message, int16_t version, Writer* writer) {
  EncodeBody(Message::kSchema, version, GetApi(Message::kApi).IsFlexible(version), &message,
             writer);
}

// A whole frame with header and length. Requests are for tests and for the node's own client use.
Frame EncodeResponse(const ApiInfo& api, int16_t version, int32_t correlation_id,
                     const Schema& schema, const void* response);
Frame EncodeRequest(const RequestHeader& header, const Schema& schema, const void* request);

}  // namespace mainstem::gateway::kafka
