#include "connector/kinesis/kinesis_answer.h"

#include <cmath>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <simdjson.h>

namespace mainstem::connector {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kRefusedKeys[] = {"UnrecognizedClientException",
                                             "InvalidSignatureException",
                                             "IncompleteSignatureException",
                                             "InvalidClientTokenId",
                                             "ExpiredTokenException",
                                             "ExpiredToken",
                                             "SignatureDoesNotMatch",
                                             "InvalidAccessKeyIdException",
                                             "MissingAuthenticationTokenException"};
constexpr std::string_view kThrottled[] = {"ProvisionedThroughputExceededException",
                                           "LimitExceededException",
                                           "ThrottlingException",
                                           "Throttling",
                                           "TooManyRequestsException",
                                           "KMSThrottlingException",
                                           "RequestLimitExceeded"};
constexpr std::string_view kInvalidInput[] = {"ValidationException", "InvalidArgumentException",
                                              "SerializationException"};
// A stream that is being made, or changed, is soon done.
constexpr std::string_view kPassing[] = {"ResourceInUseException", "InternalFailureException",
                                         "InternalFailure",        "InternalServerError",
                                         "ServiceUnavailable",     "ServiceUnavailableException",
                                         "RequestTimeout"};

template <size_t N>
bool IsOneOf(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

Status OddAnswer(const char* of) {
  return MakeError(ErrorCode::kUnavailable,
                   {.message = fmt::format("the answer to {} is none of Kinesis", of),
                    .hint = "check 'aws.endpoint'"});
}

// Empty when it is not there.
std::string TextAt(dom::element element, const char* name) {
  std::string_view text;
  if (element[name].get(text)) return "";
  return std::string(text);
}

// Seconds since 1970 with a fraction, as JSON has times.
int64_t MillisecondsAt(dom::element element, const char* name) {
  double seconds = 0;
  if (element[name].get(seconds) || !(std::abs(seconds) < 1e12)) return 0;
  return std::llround(seconds * 1000);
}

bool ReadRecord(dom::element element, KinesisRecord* out) {
  std::string_view data;
  if (element["Data"].get(data) ||
      !absl::Base64Unescape(absl::string_view(data.data(), data.size()), &out->data)) {
    return false;
  }
  out->partition_key = TextAt(element, "PartitionKey");
  out->sequence_number = TextAt(element, "SequenceNumber");
  out->arrival_ms = MillisecondsAt(element, "ApproximateArrivalTimestamp");
  return !out->sequence_number.empty();
}

}  // namespace

std::string ShardPosition::ToString() const {
  switch (kind) {
    case Kind::kTrimHorizon: return "TRIM_HORIZON";
    case Kind::kTimestamp: return "AT_TIMESTAMP:" + std::to_string(timestamp_ms);
    case Kind::kAfter: return "AFTER:" + sequence_number;
    case Kind::kEnd: break;
  }
  return "SHARD_END";
}

Result<ShardPosition> ShardPosition::Parse(const std::string& text) {
  ShardPosition position;
  const size_t colon = std::min(text.find(':'), text.size() - 1);
  const std::string behind = text.empty() ? "" : text.substr(colon + 1);
  if (text == "TRIM_HORIZON") return position;
  position.kind = Kind::kEnd;
  if (text == "SHARD_END") return position;
  position.kind = Kind::kTimestamp;
  if (text.starts_with("AT_TIMESTAMP:") && absl::SimpleAtoi(behind, &position.timestamp_ms)) {
    return position;
  }
  position.kind = Kind::kAfter;
  position.sequence_number = behind;
  if (text.starts_with("AFTER:") && !behind.empty()) return position;
  return MakeError(ErrorCode::kInvalidArgument, "'" + text + "' is no position in a shard");
}

Result<ShardListing> ParseShardListing(const std::string& body) {
  dom::parser parser;
  dom::element root;
  dom::array shards;
  if (parser.parse(body).get(root) || root["Shards"].get(shards)) return OddAnswer("ListShards");
  ShardListing listing;
  listing.next_token = TextAt(root, "NextToken");
  for (dom::element element : shards) {
    KinesisShard shard{.id = TextAt(element, "ShardId"),
                       .parent = TextAt(element, "ParentShardId"),
                       .adjacent_parent = TextAt(element, "AdjacentParentShardId")};
    if (shard.id.empty()) return OddAnswer("ListShards");
    std::string_view end;
    shard.is_open = element["SequenceNumberRange"]["EndingSequenceNumber"].get(end) != 0;
    listing.shards.push_back(std::move(shard));
  }
  return listing;
}

Result<std::string> ParseIterator(const std::string& body) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(body).get(root)) return OddAnswer("GetShardIterator");
  std::string iterator = TextAt(root, "ShardIterator");
  if (iterator.empty()) return OddAnswer("GetShardIterator");
  return iterator;
}

Result<KinesisRecords> ParseRecords(const std::string& body) {
  dom::parser parser;
  dom::element root;
  dom::array records;
  if (parser.parse(body).get(root) || root["Records"].get(records)) return OddAnswer("GetRecords");
  KinesisRecords out;
  out.bytes = body.size();
  out.next_iterator = TextAt(root, "NextShardIterator");
  int64_t behind = 0;
  if (!root["MillisBehindLatest"].get(behind)) out.millis_behind = behind;
  out.records.reserve(records.size());
  for (dom::element element : records) {
    if (!ReadRecord(element, &out.records.emplace_back())) return OddAnswer("GetRecords");
  }
  return out;
}

Result<std::vector<KinesisPutOutcome>> ParsePutOutcomes(const std::string& body, size_t count) {
  dom::parser parser;
  dom::element root;
  dom::array records;
  if (parser.parse(body).get(root) || root["Records"].get(records)) return OddAnswer("PutRecords");
  std::vector<KinesisPutOutcome> outcomes;
  for (dom::element element : records) {
    KinesisPutOutcome& outcome = outcomes.emplace_back();
    outcome.error_code = TextAt(element, "ErrorCode");
    outcome.message = TextAt(element, "ErrorMessage");
    if (outcome.error_code.empty() && TextAt(element, "SequenceNumber").empty()) {
      return OddAnswer("PutRecords");
    }
  }
  if (outcomes.size() != count) return OddAnswer("PutRecords");
  return outcomes;
}

Result<int64_t> ParseRecordBytesMax(const std::string& body) {
  dom::parser parser;
  dom::element root;
  dom::element summary;
  if (parser.parse(body).get(root) || root["StreamDescriptionSummary"].get(summary)) {
    return OddAnswer("DescribeStreamSummary");
  }
  int64_t kibibytes = 0;
  // Older services do not tell it.
  if (summary["MaxRecordSizeInKiB"].get(kibibytes) || kibibytes < 1 || kibibytes > 10240) {
    kibibytes = 1024;
  }
  return kibibytes << 10;
}

std::string ErrorNameOf(const HttpAnswer& answer) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(answer.body).get(root) || !root.is_object()) return "";
  std::string name = TextAt(root, "__type");
  return name.substr(name.find('#') + 1);  // npos + 1 is 0
}

bool IsKeyRefusal(const std::string& error_name) { return IsOneOf(error_name, kRefusedKeys); }

Status StatusOfKinesisAnswer(const HttpAnswer& answer, const KinesisRequest& request) {
  const std::string name = ErrorNameOf(answer);
  ErrorText text{.message =
                     fmt::format("{}: {}", request.what,
                                 name.empty() ? fmt::format("status {}", answer.status) : name)};
  dom::parser parser;
  dom::element root;
  if (!name.empty() && !parser.parse(answer.body).get(root)) {
    text.detail = TextAt(root, "message");
    if (text.detail.empty()) text.detail = TextAt(root, "Message");
  }
  if (IsOneOf(name, kThrottled) || answer.status == 429) {
    text.hint =
        "the stream's shards take and give so much a second: others use them too, or they "
        "are too few";
    return MakeError(ErrorCode::kResourceExhausted, std::move(text));
  }
  if (IsOneOf(name, kPassing) || IsPassingHttpStatus(answer.status)) {
    return MakeError(ErrorCode::kUnavailable, std::move(text));
  }
  if (name == "ExpiredIteratorException") {
    return MakeError(ErrorCode::kOffsetOutOfRange, std::move(text));
  }
  if (name == "ResourceNotFoundException") {
    text.hint = fmt::format(
        "check 'stream.arn', 'aws.region' and 'aws.endpoint'; a stream is made "
        "with: aws kinesis create-stream --stream-name {}",
        request.stream);
    return MakeError(ErrorCode::kNotFound, std::move(text));
  }
  if (name == "AccessDeniedException") {
    text.hint = fmt::format("grant {} on {} to this user", request.right, request.arn);
    return MakeError(ErrorCode::kPermissionDenied, std::move(text));
  }
  if (IsKeyRefusal(name)) {
    text.hint = "check the keys that 'aws.credentials.provider' names, and this machine's clock";
    return MakeError(ErrorCode::kPermissionDenied, std::move(text));
  }
  if (IsOneOf(name, kInvalidInput)) return MakeError(ErrorCode::kInvalidArgument, std::move(text));
  if (name.starts_with("KMS")) {
    text.hint = "the stream is encrypted: check its key, and that this user may use it";
    return MakeError(ErrorCode::kPermissionDenied, std::move(text));
  }
  if (name.empty()) {
    text.hint = "check 'aws.endpoint': no Kinesis answers at " + request.endpoint;
  }
  return MakeError(ErrorCode::kUnsupported, std::move(text));
}

}  // namespace mainstem::connector
