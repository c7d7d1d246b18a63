#include "sink/http/endpoint_request.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "core/json_writer.h"

namespace mainstem::sink {
namespace {

constexpr size_t kShownAnswerBytesMax = 1000;

std::string OneLine(std::string text) {
  if (text.size() > kShownAnswerBytesMax) text.resize(kShownAnswerBytesMax);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

}  // namespace

std::string EndpointBody(const EndpointRequest& request,
                         const std::vector<const EndpointRecord*>& records) {
  JsonWriter json;
  json.BeginObject().Field("requestId", request.id).Field("timestamp", request.timestamp_ms);
  json.Key("records").BeginArray();
  for (const EndpointRecord* record : records) {
    json.BeginObject().Field("data", absl::Base64Escape(record->data)).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

Status CheckEndpointAnswer(const EndpointRequest& request, const connector::HttpAnswer& answer) {
  if (answer.status != 200) {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = fmt::format("the endpoint answers with status {}", answer.status),
                      .detail = OneLine(answer.body)});
  }
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view id;
  int64_t timestamp_ms = 0;
  const bool is_good = !parser.parse(answer.body).get(root) && !root["requestId"].get(id) &&
                       !root["timestamp"].get(timestamp_ms) && id == request.id;
  if (is_good) return Status::OK();
  return MakeError(ErrorCode::kUnavailable,
                   {.message = "the endpoint's answer does not acknowledge the request: it must be "
                               "JSON with its requestId and a timestamp",
                    .detail = OneLine(answer.body)});
}

std::string FailedRecordLine(const EndpointRecord& record, const EndpointFailure& failure) {
  JsonWriter json;
  json.BeginObject().Field("attemptsMade", failure.attempt_count);
  json.Field("arrivalTimestamp", record.arrival_ms).Field("errorCode", failure.code);
  json.Field("errorMessage", failure.message).Field("attemptEndingTimestamp", failure.ended_ms);
  json.Field("rawData", absl::Base64Escape(record.data)).EndObject();
  return json.Take();
}

}  // namespace mainstem::sink
