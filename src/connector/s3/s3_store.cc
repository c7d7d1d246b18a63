#include "connector/s3/s3_store.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "connector/http/call_apart.h"
#include "connector/s3/aws_signing.h"
#include "core/backoff.h"
#include "core/net/percent_encoding.h"
#include "core/sync.h"

namespace mainstem::connector {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRetryTime = 30s;
constexpr size_t kMaxIdleSessions = 8;
constexpr const char* kFirstRegion = "us-east-1";

HttpSessionOptions S3SessionOptions() {
  HttpSessionOptions options;
  options.connect_timeout = 5s;
  options.call_timeout = 60s;
  return options;
}

std::string QueryText(const std::vector<std::pair<std::string, std::string>>& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    text += (text.empty() ? "?" : "&") + net::PercentEncode(name) + "=" + net::PercentEncode(value);
  }
  return text;
}

std::string FieldOf(const HttpAnswer& answer, std::string_view name) {
  return std::string(answer.headers.Find(name).value_or(""));
}

// Then others may count by now. Answers to HEAD tell no code.
bool AreKeysRefused(int status, const S3Problem& problem) {
  return problem.code == "ExpiredToken" || problem.code == "InvalidToken" || status == 401 ||
         status == 403 || (status == 400 && problem.code.empty());
}

}  // namespace

S3Store::S3Store(Env* env, S3Options options, std::string bucket)
    : env_(env),
      options_(std::move(options)),
      bucket_(std::move(bucket)),
      sessions_(S3SessionOptions(), kMaxIdleSessions) {}

std::string S3Store::NameOf(const Call& call) const {
  return fmt::format("{} s3://{}/{}", call.method, bucket_, call.key);
}

std::string S3Store::Region(const AwsProfileKeys& keys) {
  std::lock_guard lock(mutex_);
  if (!options_.region.empty()) return options_.region;
  if (!learned_region_.empty()) return learned_region_;
  return keys.region.empty() ? kFirstRegion : keys.region;
}

bool S3Store::LearnRegion(const std::string& region) {
  std::lock_guard lock(mutex_);
  if (region.empty() || region == learned_region_ || !options_.region.empty()) return false;
  learned_region_ = region;
  return true;
}

void S3Store::ForgetKeys() {
  std::lock_guard lock(mutex_);
  keys_.reset();
}

Task<AwsProfileKeys> S3Store::Keys() {
  if (!options_.keys.access_key.empty()) {
    AwsProfileKeys given{.keys = options_.keys, .region = ""};
    co_return given;
  }
  {
    std::lock_guard lock(mutex_);
    if (keys_) co_return *keys_;
  }
  CO_ASSIGN_OR_RETURN(AwsProfileKeys found,
                      co_await LoadAwsKeys(&env_->files(), options_.defaults));
  std::lock_guard lock(mutex_);
  keys_ = found;
  co_return found;
}

Result<HttpAnswer> S3Store::SendOnce(const Call& call, const AwsProfileKeys& keys,
                                     std::string region) {
  S3Address address = AddressOfBucket(options_, bucket_, region);
  std::string target = address.path_prefix + "/" + net::PercentEncode(call.key, "/");
  std::string time = net::FormatSigV4Time(env_->WallTime().value());
  std::string body_hash = net::Sha256Hex(call.body);
  net::HttpRequest request;
  request.method_name = call.method;
  request.target = target;
  request.query = call.query;
  request.headers.Add("host", address.host);
  request.headers.Add("x-amz-content-sha256", body_hash);
  request.headers.Add("x-amz-date", time);
  if (!keys.keys.session_token.empty()) {
    request.headers.Add("x-amz-security-token", keys.keys.session_token);
  }
  AwsSigning signing{.region = std::move(region),
                     .service = "s3",
                     .time = time,
                     .body_hash = body_hash,
                     .path_as_is = true};
  HttpCall sent{.method = call.method,
                .url = address.origin + target + QueryText(call.query),
                .headers = {"Content-Type: application/octet-stream"},
                .body = call.body};
  for (std::string& line : SignedHeaderLines(request, keys.keys, signing)) {
    sent.headers.push_back(std::move(line));
  }
  for (const auto& [name, value] : call.fields) sent.headers.push_back(name + ": " + value);
  return sessions_.Call(sent);
}

Task<HttpAnswer> S3Store::Send(Call call) {
  Backoff backoff({.first = 100ms, .last = 5s});
  TimePoint give_up = env_->Now() + kRetryTime;
  bool asked_for_keys = false, asked_elsewhere = false;
  for (;;) {
    CO_ASSIGN_OR_RETURN(AwsProfileKeys keys, co_await Keys());
    std::string region = Region(keys);
    BlockingCall send = [&] { return SendOnce(call, keys, region); };
    Result<HttpAnswer> answer = co_await CallApart(std::move(send));
    Status status = answer.status();
    if (answer.ok()) {
      bool is_success = answer->status >= 200 && answer->status < 300;
      // Other bodies are the objects' own.
      if (is_success && call.method != "POST") co_return std::move(*answer);
      S3Problem problem = ProblemOfS3Answer(*answer);
      if (is_success && problem.code.empty()) co_return std::move(*answer);
      if (problem.is_wrong_region && LearnRegion(problem.region) &&
          !std::exchange(asked_elsewhere, true)) {
        continue;
      }
      if (AreKeysRefused(answer->status, problem)) {
        ForgetKeys();  // who comes later finds the new ones
        if (options_.keys.access_key.empty() && !std::exchange(asked_for_keys, true)) continue;
      }
      S3Request request{
          .what = NameOf(call), .right = call.right, .bucket = bucket_, .region = region};
      status = StatusOfS3Problem(*answer, problem, request);
    }
    if (!IsRetriable(status) || Is(status, ErrorCode::kCancelled)) co_return status;
    Duration pause = backoff.Next(env_);
    if (answer.ok() && answer->retry_after) pause = std::max(pause, *answer->retry_after);
    if (env_->Now() + pause > give_up) co_return status;
    CO_RETURN_IF_ERROR(co_await Sleep(pause));
  }
}

Task<ObjectPage> S3Store::List(std::string prefix, std::string next) {
  Call call{.method = "GET", .right = "s3:ListBucket", .key = ""};
  call.query = {{"list-type", "2"}, {"prefix", prefix}, {"encoding-type", "url"}};
  if (!next.empty()) call.query.emplace_back("continuation-token", next);
  CO_ASSIGN_OR_RETURN(HttpAnswer answer, co_await Send(std::move(call)));
  co_return ParseListAnswer(answer.body);
}

Task<ObjectInfo> S3Store::Describe(std::string key) {
  Call call{.method = "HEAD", .right = "s3:GetObject and s3:ListBucket", .key = key};
  CO_ASSIGN_OR_RETURN(HttpAnswer answer, co_await Send(std::move(call)));
  ObjectInfo info{.key = std::move(key), .etag = FieldOf(answer, "ETag")};
  info.modified_ms = ParseS3Time(FieldOf(answer, "Last-Modified"));
  if (!absl::SimpleAtoi(FieldOf(answer, "Content-Length"), &info.size)) {
    co_return MakeError(ErrorCode::kUnavailable,
                        "the answer about s3://" + bucket_ + "/" + info.key + " has no length");
  }
  co_return info;
}

Task<ObjectContent> S3Store::Read(std::string key, ObjectRange range) {
  if (range.size == 0) co_return ObjectContent();
  Call call{.method = "GET", .right = "s3:GetObject and s3:ListBucket", .key = key};
  if (range.offset > 0 || range.size > 0) {
    std::string last = range.size < 0 ? "" : std::to_string(range.offset + range.size - 1);
    call.fields.emplace_back("Range", fmt::format("bytes={}-{}", range.offset, last));
  }
  if (!range.etag.empty()) call.fields.emplace_back("If-Match", range.etag);
  Result<HttpAnswer> answer = co_await Send(std::move(call));
  if (Is(answer.status(), ErrorCode::kAlreadyExists)) {
    co_return MakeError(ErrorCode::kUnavailable,
                        "s3://" + bucket_ + "/" + key + " was replaced while it was read");
  }
  if (Is(answer.status(), ErrorCode::kOffsetOutOfRange)) co_return ObjectContent();
  CO_RETURN_IF_ERROR(answer);
  ObjectContent content{.bytes = std::move(answer->body), .etag = FieldOf(*answer, "ETag")};
  // A server that does not know ranges gives all of it.
  if (range.offset > 0 && answer->status != 206) {
    co_return MakeError(ErrorCode::kUnsupported,
                        "the server of s3://" + bucket_ + " does not give parts of objects");
  }
  co_return content;
}

Task<std::string> S3Store::Put(std::string key, std::string bytes,
                               std::optional<std::string> replaces) {
  Call call{.method = "PUT", .right = "s3:PutObject", .key = std::move(key)};
  call.body = std::move(bytes);
  if (replaces && replaces->empty()) call.fields.emplace_back("If-None-Match", "*");
  if (replaces && !replaces->empty()) call.fields.emplace_back("If-Match", *replaces);
  bool names_version = replaces && !replaces->empty();
  Result<HttpAnswer> answer = co_await Send(std::move(call));
  // What was to be replaced is gone.
  if (names_version && Is(answer.status(), ErrorCode::kNotFound)) {
    co_return MakeError(ErrorCode::kAlreadyExists, TextOf(answer.status()));
  }
  CO_RETURN_IF_ERROR(answer);
  co_return FieldOf(*answer, "ETag");
}

Task<> S3Store::Remove(std::string key) {
  Call call{.method = "DELETE", .right = "s3:DeleteObject", .key = std::move(key)};
  Result<HttpAnswer> answer = co_await Send(std::move(call));
  if (Is(answer.status(), ErrorCode::kNotFound)) co_return Status::OK();
  co_return answer.status();
}

Task<ObjectUpload> S3Store::BeginUpload(std::string key) {
  Call call{.method = "POST", .right = "s3:PutObject", .key = key};
  call.query = {{"uploads", ""}};
  CO_ASSIGN_OR_RETURN(HttpAnswer answer, co_await Send(std::move(call)));
  ObjectUpload upload{.key = std::move(key), .id = ""};
  CO_ASSIGN_OR_RETURN(upload.id, ParseUploadId(answer.body));
  co_return upload;
}

Task<std::string> S3Store::UploadPart(ObjectUpload upload, int64_t number, std::string bytes) {
  Call call{.method = "PUT", .right = "s3:PutObject", .key = upload.key};
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
  call.body = std::move(bytes);
  CO_ASSIGN_OR_RETURN(HttpAnswer answer, co_await Send(std::move(call)));
  std::string etag = FieldOf(answer, "ETag");
  if (etag.empty()) {
    co_return MakeError(ErrorCode::kUnavailable, "the answer about a part of s3://" + bucket_ +
                                                     "/" + upload.key + " has no ETag");
  }
  co_return etag;
}

Task<> S3Store::CompleteUpload(ObjectUpload upload, std::vector<std::string> part_etags) {
  Call call{.method = "POST", .right = "s3:PutObject", .key = upload.key};
  call.query = {{"uploadId", upload.id}};
  call.body = CompleteUploadBody(part_etags);
  co_return (co_await Send(std::move(call))).status();
}

Task<> S3Store::AbortUpload(ObjectUpload upload) {
  Call call{.method = "DELETE", .right = "s3:AbortMultipartUpload", .key = upload.key};
  call.query = {{"uploadId", upload.id}};
  Result<HttpAnswer> answer = co_await Send(std::move(call));
  if (Is(answer.status(), ErrorCode::kNotFound)) co_return Status::OK();
  co_return answer.status();
}

}  // namespace mainstem::connector
