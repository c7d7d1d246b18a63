#include "sink/firehose/endpoint_request.h"

#include <algorithm>

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <simdjson.h>

#include "core/json_writer.h"

namespace mainstem::sink {
namespace {

constexpr size_t kShownAnswerBytesMax = 1000;
constexpr int kTooLarge = 413;  // sent again it would be as large

std::string OneLine(std::string text) {
  if (text.size() > kShownAnswerBytesMax) text.resize(kShownAnswerBytesMax);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

// OK when the endpoint has taken them; else kUnavailable with what it said.
Status CheckEndpointAnswer(const RecordRequest& request, const connector::HttpAnswer& answer) {
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

}  // namespace

std::string EndpointBody(const RecordRequest& request,
                         const std::vector<const SentRecord*>& records) {
  JsonWriter json;
  json.BeginObject().Field("requestId", request.id).Field("timestamp", request.timestamp_ms);
  json.Key("records").BeginArray();
  for (const SentRecord* record : records) {
    json.BeginObject().Field("data", absl::Base64Escape(record->data)).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

RecordAnswer EndpointAnswer(const RecordRequest& request,
                            const Result<connector::HttpAnswer>& answer, size_t count) {
  RecordAnswer told;
  told.problem =
      answer.ok() ? CheckEndpointAnswer(request, *answer) : PassingProblem(answer.status());
  if (told.problem.ok()) return told;
  const bool is_too_large = answer.ok() && answer->status == kTooLarge;
  auto failures = FailuresOfAll(count, "HttpEndpoint.DestinationException", told.problem);
  (is_too_large ? told.refused : told.again) = std::move(failures);
  return told;
}

}  // namespace mainstem::sink
