// A client's side of the protocol's frames, for the clients of tests.
#pragma once

#include <string>

#include "core/env.h"
#include "gateway/kafka/codec/codec.h"

namespace mainstem::gateway::kafka {

// A request with its header and length.
template <typename Request>
std::string EncodeCall(const std::string& client_id, int16_t version, int32_t correlation_id,
                       const Request& request) {
  RequestHeader header;
  header.api_key = Request::kApi;
  header.api_version = version;
  header.correlation_id = correlation_id;
  header.client_id = client_id;
  return EncodeRequest(header, Request::kSchema, &request).Flatten();
}

// The next frame without its length.
Task<std::string> ReadFrame(Stream* stream, TimePoint deadline);

// kInvalidArgument when it answers something else, or is none.
template <typename Response>
Result<Response> DecodeAnswer(int16_t version, int32_t correlation_id, const std::string& frame) {
  Reader reader(std::as_bytes(std::span(frame)));
  int32_t received = 0;
  bool has_tags = GetApi(Response::kApi).ResponseHeaderVersion(version) >= 1;
  if (!reader.ReadInt(&received) || received != correlation_id ||
      (has_tags && !reader.SkipTags())) {
    return MakeError(ErrorCode::kInvalidArgument,
                     fmt::format("answer {} instead of {}", received, correlation_id));
  }
  return Decode<Response>(version, &reader);
}

}  // namespace mainstem::gateway::kafka
