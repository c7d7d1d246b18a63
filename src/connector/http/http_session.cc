#include "connector/http/http_session.h"

#include <algorithm>

#include <curl/curl.h>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "connector/http/call_apart.h"

namespace mainstem::connector {

struct HttpSession::Curl {
  CURL* handle = curl_easy_init();
  ~Curl() { curl_easy_cleanup(handle); }
};

namespace {

struct AnswerBytes {
  std::string* into;
  size_t limit;
  bool is_too_long = false;  // and was cut there
};

size_t TakeAnswerBytes(char* data, size_t size, size_t count, void* user) {
  auto* answer = static_cast<AnswerBytes*>(user);
  size_t room = answer->limit - answer->into->size();
  answer->is_too_long = size * count > room;
  answer->into->append(data, std::min(size * count, room));
  return answer->is_too_long ? 0 : size * count;
}

// "Name: value" and the lines around them; a status line begins a new answer.
size_t TakeAnswerHeader(char* data, size_t size, size_t count, void* user) {
  auto* headers = static_cast<net::HttpHeaders*>(user);
  std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) *headers = {};
  size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string value(line.substr(colon + 1));
    absl::StripAsciiWhitespace(&value);
    headers->Add(std::string(line.substr(0, colon)), std::move(value));
  }
  return size * count;
}

// Not zero: the call ends here.
int IsToStop(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return IsCallGivenUp() ? 1 : 0;
}

long Milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

Status NoAnswer(CURLcode code, const std::string& url, const char* detail) {
  ErrorText text{.message = "no answer from " + url,
                 .detail = *detail == '\0' ? curl_easy_strerror(code) : detail};
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return MakeError(ErrorCode::kInvalidArgument, "not an HTTP address: '" + url + "'");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      text.hint = "check the certificates that the options name, and the server's own";
      return MakeError(ErrorCode::kPermissionDenied, std::move(text));
    case CURLE_ABORTED_BY_CALLBACK:
      return MakeError(ErrorCode::kCancelled, "the call of " + url + " was given up");
    default: return MakeError(ErrorCode::kUnavailable, std::move(text));
  }
}

}  // namespace

HttpSession::HttpSession(HttpSessionOptions options)
    : options_(std::move(options)), curl_(std::make_unique<Curl>()) {
  CHECK(curl_->handle != nullptr);
}

HttpSession::~HttpSession() = default;

std::string HttpSession::Shown(const std::string& url) const {
  size_t host = url.find("://");
  size_t end = options_.hides_paths && host != std::string::npos ? url.find_first_of("/?", host + 3)
                                                                 : url.find('?');
  return url.substr(0, end);
}

// What all calls have in common. `error` must outlive the call.
void HttpSession::SetConnection(const std::string& url, char* error) {
  CURL* handle = curl_->handle;
  curl_easy_reset(handle);  // keeps connections and TLS sessions
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(options_.connect_timeout));
  if (!options_.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
  if (!options_.certificate_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_SSLCERT, options_.certificate_file.c_str());
  }
  if (!options_.key_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_SSLKEY, options_.key_file.c_str());
  }
  if (!options_.verifies_peer) {
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, IsToStop);
}

Status HttpSession::TryToConnect(const std::string& url) {
  char error[CURL_ERROR_SIZE] = "";
  SetConnection(url, error);
  curl_easy_setopt(curl_->handle, CURLOPT_CONNECT_ONLY, 1L);
  CURLcode code = curl_easy_perform(curl_->handle);
  if (code != CURLE_OK) return NoAnswer(code, Shown(url), error);
  return Status::OK();
}

Result<HttpAnswer> HttpSession::Call(const HttpCall& call) {
  CURL* handle = curl_->handle;
  // libcurl would first ask whether a long body is welcome.
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const std::string& header : call.headers) list = curl_slist_append(list, header.c_str());
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, curl_slist_free_all);
  HttpAnswer answer;
  AnswerBytes bytes{.into = &answer.body, .limit = options_.answer_bytes_max};
  char error[CURL_ERROR_SIZE] = "";
  SetConnection(call.url, error);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, Milliseconds(options_.call_timeout));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, TakeAnswerBytes);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &bytes);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, TakeAnswerHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &answer.headers);
  if (call.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (call.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }
  if (!options_.username.empty()) {
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(handle, CURLOPT_USERNAME, options_.username.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, options_.password.c_str());
  }
  CURLcode code = curl_easy_perform(handle);
  if (bytes.is_too_long && !options_.cuts_long_answers) {
    return MakeError(ErrorCode::kUnavailable,
                     fmt::format("the answer of {} is longer than {} bytes", Shown(call.url),
                                 options_.answer_bytes_max));
  }
  if (code != CURLE_OK && !bytes.is_too_long) return NoAnswer(code, Shown(call.url), error);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  curl_off_t seconds = 0;
  curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &seconds);
  if (seconds > 0) answer.retry_after = std::chrono::seconds(seconds);
  return answer;
}

Result<std::string> CheckHttpUrl(const std::string& url) {
  std::string checked = url;
  while (!checked.empty() && checked.back() == '/') checked.pop_back();
  size_t scheme_end = checked.find("://");
  bool is_http = absl::StartsWith(checked, "http://") || absl::StartsWith(checked, "https://");
  if (!is_http || scheme_end + 3 >= checked.size()) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "an HTTP address has the form http://host:port or "
                                 "https://host:port"});
  }
  std::string authority = checked.substr(scheme_end + 3);
  authority = authority.substr(0, authority.find('/'));
  if (absl::StrContains(authority, "@")) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "an HTTP address must not hold a user or password",
                      .hint = "use the options 'username' and 'password'"});
  }
  return checked;
}

bool IsPassingHttpStatus(int status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501);
}

}  // namespace mainstem::connector
