#include "cli/http_client.h"

#include <curl/curl.h>

#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

namespace mainstem::cli {

using simdjson::dom::element;

struct HttpClient::Curl {
  CURL* handle = curl_easy_init();
  ~Curl() { curl_easy_cleanup(handle); }
};

namespace {

// What the write callback fills: lines go out as they complete, an error's body is kept whole.
struct Sink {
  const std::function<bool(std::string_view)>* on_line = nullptr;
  CURL* handle = nullptr;
  std::string body;
  bool stopped = false;
  const std::atomic<bool>* cancelled = nullptr;
};

// Asked when bytes come, when a signal interrupts the waiting, and about once a second.
int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Sink*>(user)->cancelled->load() ? 1 : 0;
}

size_t OnBytes(char* data, size_t size, size_t count, void* user) {
  auto* sink = static_cast<Sink*>(user);
  sink->body.append(data, size * count);
  long code = 0;
  curl_easy_getinfo(sink->handle, CURLINFO_RESPONSE_CODE, &code);
  if (sink->on_line == nullptr || code >= 300) return size * count;
  size_t begin = 0;
  for (size_t end; (end = sink->body.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view line(sink->body.data() + begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!(*sink->on_line)(line)) {
      sink->stopped = true;
      return 0;
    }
  }
  sink->body.erase(0, begin);
  return size * count;
}

ErrorCode FromHttp(long status) {
  switch (status) {
    case 404: return ErrorCode::kNotFound;
    case 409: return ErrorCode::kAlreadyExists;
    case 413: return ErrorCode::kMessageTooLarge;
    case 429: return ErrorCode::kResourceExhausted;
    case 503: return ErrorCode::kUnavailable;
    default: return status >= 500 ? ErrorCode::kInternal : ErrorCode::kInvalidArgument;
  }
}

std::optional<ErrorCode> CodeNamed(std::string_view name) {
#define MS_ERROR(code, arrow_code, retriable, kafka, http, sqlstate) \
  if (name == #code) return ErrorCode::k##code;
#include "core/errors.def"
#undef MS_ERROR
  return std::nullopt;
}

Status ErrorFromBody(long status, const std::string& body) {
  simdjson::dom::parser parser;
  element root, error;
  std::string_view message;
  if (parser.parse(body).get(root) == simdjson::SUCCESS &&
      root["error"].get(error) == simdjson::SUCCESS &&
      error["message"].get(message) == simdjson::SUCCESS && !message.empty()) {
    return ToldError(error, FromHttp(status));
  }
  return MakeError(FromHttp(status), fmt::format("the node answered {}", status));
}

constexpr long kSilenceSeconds = 30;

Status Perform(CURL* handle, const std::string& base_url, const HttpRequest& request, Sink* sink) {
  curl_easy_reset(handle);
  std::string url = base_url + request.path;
  curl_slist* headers = nullptr;
  for (const std::string& header : request.headers) {
    headers = curl_slist_append(headers, header.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 10L);
  curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  // Whom https:// addresses trust beyond the system's authorities, as for curl.
  if (const char* trusted = std::getenv("SSL_CERT_FILE")) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, trusted);
  }
  if (request.method != "GET" && request.method != "DELETE") {
    std::string type = "Content-Type: " + request.content_type;
    headers = curl_slist_append(headers, type.c_str());
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, OnBytes);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, sink);
  sink->handle = handle;
  if (sink->cancelled != nullptr) {
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, OnProgress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, sink);
  }
  // What only reads is answered at once; a job's stop, say, may take long.
  if (request.method == "GET" && sink->on_line == nullptr) {
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, kSilenceSeconds);
  }
  CURLcode code = curl_easy_perform(handle);
  curl_slist_free_all(headers);
  if (sink->stopped) return Status::OK();
  if (code == CURLE_ABORTED_BY_CALLBACK) return MakeError(ErrorCode::kCancelled, "cancelled");
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = fmt::format("no node answers at {}", base_url),
                      .hint = "start one with 'mainstem serve', or name another with --node"});
  }
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = fmt::format("the certificate of {} is not trusted", base_url),
                      .detail = curl_easy_strerror(code),
                      .hint = "name a file of trusted certificates in SSL_CERT_FILE"});
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return MakeError(ErrorCode::kUnavailable,
                     {.message = fmt::format("the node at {} does not answer", base_url),
                      .detail = curl_easy_strerror(code),
                      .hint = "its log may tell why; is it a node's HTTP address?"});
  }
  if (code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR) {
    return MakeError(ErrorCode::kConnectionClosed,
                     {.message = fmt::format("the node at {} ended the connection", base_url),
                      .detail = curl_easy_strerror(code),
                      .hint = "it stopped, or was stopped"});
  }
  if (code != CURLE_OK) {
    return MakeError(ErrorCode::kConnectionClosed,
                     fmt::format("{} {}: {}", request.method, url, curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300) return ErrorFromBody(status, sink->body);
  return Status::OK();
}

}  // namespace

Status ToldError(const element& error, ErrorCode fallback) {
  auto field = [&](const char* name) -> std::string {
    std::string_view value;
    bool is_there = error[name].get(value) == simdjson::SUCCESS;
    return is_there ? std::string(value) : std::string();
  };
  ErrorCode code = CodeNamed(field("code")).value_or(fallback);
  if (code == ErrorCode::kCancelled) code = fallback;
  return MakeError(code,
                   {.message = field("message"), .detail = field("detail"), .hint = field("hint")});
}

HttpClient::HttpClient(std::string base_url)
    : base_url_(std::move(base_url)), curl_(std::make_unique<Curl>()) {
  while (!base_url_.empty() && base_url_.back() == '/') base_url_.pop_back();
}

HttpClient::~HttpClient() = default;

Result<std::string> HttpClient::Call(const HttpRequest& request) {
  Sink sink;
  sink.cancelled = cancelled_;
  RETURN_IF_ERROR(Perform(curl_->handle, base_url_, request, &sink));
  return std::move(sink.body);
}

Status HttpClient::Stream(const HttpRequest& request,
                          const std::function<bool(std::string_view)>& on_line) {
  Sink sink;
  sink.on_line = &on_line;
  sink.cancelled = cancelled_;
  RETURN_IF_ERROR(Perform(curl_->handle, base_url_, request, &sink));
  if (!sink.stopped && !sink.body.empty()) on_line(sink.body);
  return Status::OK();
}

}  // namespace mainstem::cli
