#include "connector/kinesis/kinesis_client.h"

#include <absl/strings/escaping.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include "connector/http/call_apart.h"
#include "connector/kinesis/kinesis_answer.h"
#include "connector/s3/aws_signing.h"
#include "core/backoff.h"
#include "core/error_context.h"
#include "core/json_writer.h"
#include "core/sync.h"

namespace mainstem::connector {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCallTriesTime = 30s;
constexpr size_t kIdleSessionsMax = 16;
constexpr const char* kContentType = "application/x-amz-json-1.1";
// Less is the length of the way, and that `Date` has whole seconds.
constexpr int64_t kSkewMsMin = 3000;
// How long it is waited until a time has come by the service's clock, which may be a little behind.
constexpr Duration kClockWait = 10s;

HttpSessionOptions KinesisSessionOptions(const KinesisOptions& options) {
  HttpSessionOptions session;
  session.verifies_peer = options.verifies_peer;
  session.ca_file = options.ca_file;
  session.connect_timeout = 5s;
  session.call_timeout = 60s;
  return session;
}

JsonWriter BodyOf(const KinesisOptions& options) {
  JsonWriter json;
  json.BeginObject().Field("StreamARN", options.stream_arn);
  return json;
}

}  // namespace

KinesisClient::KinesisClient(Env* env, KinesisOptions options)
    : env_(env),
      options_(std::move(options)),
      sessions_(KinesisSessionOptions(options_), kIdleSessionsMax) {}

int64_t KinesisClient::NowMs() const { return env_->WallTime().value() + clock_skew_ms_; }

void KinesisClient::LearnTime(const HttpAnswer& answer) {
  absl::Time date;
  std::string error;
  std::string text(answer.headers.Find("Date").value_or(""));
  if (!absl::ParseTime("%a, %d %b %E4Y %H:%M:%S GMT", text, &date, &error)) return;
  int64_t skew = absl::ToUnixMillis(date) - env_->WallTime().value();
  clock_skew_ms_ = std::abs(skew) < kSkewMsMin ? 0 : skew;
}

Task<AwsKeys> KinesisClient::Keys() {
  {
    std::lock_guard lock(mutex_);
    if (keys_) co_return *keys_;
  }
  CO_ASSIGN_OR_RETURN(AwsKeys found, co_await LoadKinesisKeys(&env_->files(), options_));
  std::lock_guard lock(mutex_);
  keys_ = found;
  co_return found;
}

Result<HttpAnswer> KinesisClient::SendOnce(const Call& call, const AwsKeys& keys) {
  const size_t host_begin = options_.endpoint.find("://") + 3;
  const size_t host_end =
      std::min(options_.endpoint.find('/', host_begin), options_.endpoint.size());
  const std::string time = net::FormatSigV4Time(NowMs());
  const std::string body_hash = net::Sha256Hex(call.body);
  net::HttpRequest request;
  request.method_name = "POST";
  request.target = options_.endpoint.substr(host_end) + "/";
  request.headers.Add("content-type", kContentType);
  request.headers.Add("host", options_.endpoint.substr(host_begin, host_end - host_begin));
  request.headers.Add("x-amz-date", time);
  if (!keys.session_token.empty()) {
    request.headers.Add("x-amz-security-token", keys.session_token);
  }
  request.headers.Add("x-amz-target", "Kinesis_20131202." + call.operation);
  const AwsSigning signing{
      .region = options_.region, .service = "kinesis", .time = time, .body_hash = body_hash};
  HttpCall sent{.method = "POST",
                .url = options_.endpoint + "/",
                .headers = SignedHeaderLines(request, keys, signing),
                .body = call.body};
  Result<HttpAnswer> answer = sessions_.Call(sent);
  if (answer.ok()) LearnTime(*answer);
  return answer;
}

Task<std::string> KinesisClient::Send(Call call) {
  Backoff backoff({.first = 100ms, .last = 5s});
  const TimePoint give_up = env_->Now() + kCallTriesTime;
  const KinesisRequest request{
      .what = fmt::format("{} of stream '{}'", call.operation, options_.stream),
      .right = "kinesis:" + call.operation,
      .stream = options_.stream,
      .arn = options_.stream_arn,
      .endpoint = options_.endpoint};
  bool asked_for_keys = false;
  for (;;) {
    CO_ASSIGN_OR_RETURN(AwsKeys keys, co_await Keys());
    BlockingCall send = [&] { return SendOnce(call, keys); };
    Result<HttpAnswer> answer = co_await CallApart(std::move(send));
    if (answer.ok() && answer->status == 200) co_return std::move(answer->body);
    Status status = answer.ok() ? StatusOfKinesisAnswer(*answer, request)
                                : InContext(fmt::format("{}: ", request.what), answer.status());
    if (answer.ok() && IsKeyRefusal(ErrorNameOf(*answer))) {
      // Files with keys that expire may have been replaced; a clock that is wrong is known by now.
      {
        std::lock_guard lock(mutex_);
        keys_.reset();
      }
      if (!std::exchange(asked_for_keys, true)) continue;
    }
    if (!IsRetriable(status) || Is(status, ErrorCode::kCancelled)) co_return status;
    Duration pause = backoff.Next(env_);
    if (env_->Now() + pause > give_up) co_return status;
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
}

Task<std::vector<KinesisShard>> KinesisClient::ListShards() {
  std::vector<KinesisShard> shards;
  std::string token;
  do {
    // A token stands instead of the stream.
    JsonWriter json;
    if (token.empty()) {
      json = BodyOf(options_);
    } else {
      json.BeginObject().Field("NextToken", token);
    }
    json.EndObject();
    Call call{.operation = "ListShards", .body = json.Take()};
    CO_ASSIGN_OR_RETURN(std::string body, co_await Send(std::move(call)));
    CO_ASSIGN_OR_RETURN(ShardListing page, ParseShardListing(body));
    token = std::move(page.next_token);
    for (KinesisShard& shard : page.shards) shards.push_back(std::move(shard));
  } while (!token.empty());
  co_return shards;
}

Task<std::string> KinesisClient::GetIterator(std::string shard, ShardPosition position) {
  JsonWriter json = BodyOf(options_);
  json.Field("ShardId", shard);
  switch (position.kind) {
    case ShardPosition::Kind::kTimestamp:
      json.Field("ShardIteratorType", "AT_TIMESTAMP").Key("Timestamp");
      json.Raw(fmt::format("{}.{:03}", position.timestamp_ms / 1000, position.timestamp_ms % 1000));
      break;
    case ShardPosition::Kind::kAfter:
      json.Field("ShardIteratorType", "AFTER_SEQUENCE_NUMBER")
          .Field("StartingSequenceNumber", position.sequence_number);
      break;
    default: json.Field("ShardIteratorType", "TRIM_HORIZON"); break;
  }
  json.EndObject();
  const Call call{.operation = "GetShardIterator", .body = json.Take()};
  const TimePoint give_up = env_->Now() + kClockWait;
  for (;;) {
    Result<std::string> body = co_await Send(call);
    if (body.ok()) co_return ParseIterator(*body);
    // Times that are to come are refused.
    const bool may_come = Is(body.status(), ErrorCode::kInvalidArgument) &&
                          position.kind == ShardPosition::Kind::kTimestamp && env_->Now() < give_up;
    if (!may_come || position.timestamp_ms < NowMs() - 2 * kSkewMsMin) co_return body.status();
    CO_RETURN_IF_ERROR(co_await Sleep(1s));
  }
}

Task<KinesisRecords> KinesisClient::GetRecords(std::string iterator, int64_t limit) {
  JsonWriter json = BodyOf(options_);
  json.Field("ShardIterator", iterator).Field("Limit", limit).EndObject();
  Call call{.operation = "GetRecords", .body = json.Take()};
  CO_ASSIGN_OR_RETURN(std::string body, co_await Send(std::move(call)));
  co_return ParseRecords(body);
}

Task<std::vector<KinesisPutOutcome>> KinesisClient::PutRecords(std::vector<KinesisPut> records) {
  JsonWriter json = BodyOf(options_);
  json.Key("Records").BeginArray();
  for (const KinesisPut& record : records) {
    json.BeginObject()
        .Field("Data", absl::Base64Escape(record.data))
        .Field("PartitionKey", record.partition_key)
        .EndObject();
  }
  json.EndArray().EndObject();
  Call call{.operation = "PutRecords", .body = json.Take()};
  CO_ASSIGN_OR_RETURN(std::string body, co_await Send(std::move(call)));
  co_return ParsePutOutcomes(body, records.size());
}

Task<int64_t> KinesisClient::RecordBytesMax() {
  JsonWriter json = BodyOf(options_);
  json.EndObject();
  Call call{.operation = "DescribeStreamSummary", .body = json.Take()};
  CO_ASSIGN_OR_RETURN(std::string body, co_await Send(std::move(call)));
  co_return ParseRecordBytesMax(body);
}

}  // namespace mainstem::connector
