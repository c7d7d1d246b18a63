#include "format/avro/schema_registry.h"

#include <curl/curl.h>

#include <fmt/format.h>
#include <simdjson.h>

#include "core/sync.h"
#include "format/json_writer.h"

namespace mainstem::format {
namespace {

using namespace std::chrono_literals;
namespace dom = simdjson::dom;

constexpr size_t kMaxAnswerBytes = size_t{8} << 20;
constexpr long kConnectTimeoutMs = 5000;
constexpr long kCallTimeoutMs = 15000;
constexpr Duration kFirstPause = 100ms;
constexpr Duration kMaxPause = 5s;
constexpr Duration kPatience = 20s;

size_t TakeAnswer(char* data, size_t size, size_t count, void* into) {
  auto* answer = static_cast<std::string*>(into);
  if (answer->size() + size * count > kMaxAnswerBytes) return 0;
  answer->append(data, size * count);
  return size * count;
}

std::string_view Member(dom::element json, const char* name) {
  std::string_view text;
  if (json[name].get(text)) return {};
  return text;
}

// The registry's own words: {"error_code":40403,"message":"Schema 7 not found"}.
std::string ProblemOf(const std::string& answer) {
  dom::parser parser;
  dom::element json;
  if (parser.parse(answer).get(json)) return answer.substr(0, 200);
  std::string_view message = Member(json, "message");
  return std::string(message.empty() ? std::string_view(answer).substr(0, 200) : message);
}

Status StatusOf(long http, const std::string& url, const std::string& answer) {
  if (http >= 200 && http < 300) return Status::OK();
  ErrorCode code = ErrorCode::kInvalidArgument;
  if (http == 404) code = ErrorCode::kNotFound;
  if (http == 401 || http == 403) code = ErrorCode::kPermissionDenied;
  if (http == 408 || http == 429 || http >= 500) code = ErrorCode::kUnavailable;
  return MakeError(code, {.message = fmt::format("schema registry {}: status {}", url, http),
                          .detail = ProblemOf(answer)});
}

struct HttpCall {
  std::string url;
  std::string body;
};

// Blocks.
Result<std::string> Fetch(const RegistryOptions& options, const HttpCall& call) {
  std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return MakeError(ErrorCode::kUnavailable, "libcurl does not start");
  curl_slist* list = curl_slist_append(nullptr, "Accept: application/vnd.schemaregistry.v1+json");
  list = curl_slist_append(list, "Content-Type: application/vnd.schemaregistry.v1+json");
  if (!options.bearer_token.empty()) {
    list = curl_slist_append(list, ("Authorization: Bearer " + options.bearer_token).c_str());
  }
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, curl_slist_free_all);
  std::string answer;
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, kCallTimeoutMs);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, TakeAnswer);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer);
  if (!call.body.empty()) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call.body.c_str());
  }
  if (!options.user_info.empty()) {
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(handle, CURLOPT_USERPWD, options.user_info.c_str());
  }
  if (!options.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  if (!options.certificate_file.empty()) {
    bool is_pem = options.certificate_file.ends_with(".pem");
    curl_easy_setopt(handle, CURLOPT_SSLCERT, options.certificate_file.c_str());
    curl_easy_setopt(handle, CURLOPT_SSLCERTTYPE, is_pem ? "PEM" : "P12");
    curl_easy_setopt(handle, CURLOPT_KEYPASSWD, options.certificate_password.c_str());
  }
  CURLcode outcome = curl_easy_perform(handle);
  if (outcome != CURLE_OK) {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = "schema registry " + call.url + " does not answer",
                      .detail = curl_easy_strerror(outcome)});
  }
  long http = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &http);
  RETURN_IF_ERROR(StatusOf(http, call.url, answer));
  return answer;
}

// One after the other, until one answers.
Result<std::string> FetchFromAny(const RegistryOptions& options, const std::string& path,
                                 const std::string& body) {
  Result<std::string> answer = MakeError(ErrorCode::kInvalidArgument, "no URL");
  for (const std::string& url : options.urls) {
    std::string base = url;
    while (!base.empty() && base.back() == '/') base.pop_back();
    answer = Fetch(options, {.url = base + path, .body = body});
    if (!Is(answer.status(), ErrorCode::kUnavailable)) break;
  }
  return answer;
}

// Of a path's segment.
std::string Escaped(const std::string& text) {
  std::string out;
  for (unsigned char byte : text) {
    bool is_plain = std::isalnum(byte) != 0 || byte == '-' || byte == '_' || byte == '.';
    out += is_plain ? std::string(1, static_cast<char>(byte)) : fmt::format("%{:02X}", byte);
  }
  return out;
}

}  // namespace

Task<std::string> SchemaRegistry::Run(Env* env, Call call) {
  TimePoint patience = env->Now() + kPatience;
  for (Duration pause = kFirstPause;; pause = std::min(pause * 2, kMaxPause)) {
    Result<std::string> answer = co_await env->blocking_pool().Run(
        [&] { return FetchFromAny(options_, call.path, call.body); });
    if (!Is(answer.status(), ErrorCode::kUnavailable) || env->Now() + pause > patience) {
      co_return answer;
    }
    CO_RETURN_IF_ERROR(co_await SleepUntil(env->Now() + pause));
  }
}

Task<std::string> SchemaRegistry::Find(Env* env, int32_t id) {
  Call call{.path = "/schemas/ids/" + std::to_string(id), .body = ""};
  CO_ASSIGN_OR_RETURN(std::string answer, co_await Run(env, std::move(call)));
  dom::parser parser;
  dom::element json;
  std::string problem;
  if (parser.parse(answer).get(json) || Member(json, "schema").empty()) {
    problem = "the registry's answer holds no schema";
  } else {
    std::string_view type = Member(json, "schemaType");
    dom::array references;
    if (!type.empty() && type != "AVRO") problem = "it is of " + std::string(type) + ", not Avro";
    if (!json["references"].get(references) && references.size() > 0) {
      problem = "it refers to other schemas, which is not supported";
    }
  }
  if (problem.empty()) co_return std::string(Member(json, "schema"));
  co_return MakeError(ErrorCode::kDecodeError, fmt::format("schema {}: {}", id, problem));
}

Task<int32_t> SchemaRegistry::Register(Env* env, Subject subject, std::string schema) {
  Call call{.path = "/subjects/" + Escaped(subject.name) + (subject.only_find ? "" : "/versions"),
            .body = "{\"schema\":"};
  AppendJsonString(schema, &call.body);
  call.body += '}';
  CO_ASSIGN_OR_RETURN(std::string answer, co_await Run(env, std::move(call)));
  dom::parser parser;
  dom::element json;
  int64_t id;
  if (parser.parse(answer).get(json) || json["id"].get(id)) {
    co_return MakeError(ErrorCode::kUnavailable, "the registry's answer holds no id");
  }
  co_return static_cast<int32_t>(id);
}

}  // namespace mainstem::format
