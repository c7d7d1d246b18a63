#include "core/net/routed_exchange.h"

#include <fmt/format.h>

namespace mainstem::net {
namespace {

constexpr std::string_view kAnyMethod = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
constexpr std::string_view kRecordHeaderPrefix = "Mainstem-Header-";

// What a page may send along; of the record headers, those that it asks for.
std::string AllowedHeaders(const HttpRequest& request) {
  std::string allowed =
      "Content-Type, Content-Encoding, Mainstem-Key, Mainstem-Timestamp, Last-Event-ID";
  std::string_view rest = request.headers.Find("Access-Control-Request-Headers").value_or("");
  while (!rest.empty()) {
    std::string_view name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    while (name.starts_with(' ')) name.remove_prefix(1);
    bool is_record_header =
        name.size() > kRecordHeaderPrefix.size() &&
        EqualsIgnoringCase(name.substr(0, kRecordHeaderPrefix.size()), kRecordHeaderPrefix);
    if (is_record_header) allowed.append(", ").append(name);
  }
  return allowed;
}

}  // namespace

HttpResponse ParseFailure(const Status& error, bool in_head) {
  if (in_head && Is(error, ErrorCode::kRecordListTooLarge)) {
    return ErrorResponse(431, "HeadTooLarge", TextOf(error));
  }
  return ErrorResponse(error);
}

bool HasNoBody(int status) { return status == 304 || status == 204 || status < 200; }

void RoutedExchange::Reset() {
  ReleaseBody();
  request_ = HttpRequest();
  match_ = {};
  answered_ = Answered::kNo;
  status_ = 0;
}

std::optional<HttpResponse> RoutedExchange::FindRoute() {
  match_ = shared_->router->Find(&request_);
  Status allowed = shared_->options.access.Check(request_, match_.allow_cross_origin);
  if (!allowed.ok()) return Tell(allowed);
  if (match_.route != nullptr || request_.method == HttpMethod::kOptions) return std::nullopt;
  return NoRoute();
}

HttpResponse RoutedExchange::NoRoute() const {
  if (match_.allowed_methods.empty()) {
    return ErrorResponse(404, "NotFound",
                         {.message = fmt::format("no such path: {}", request_.path()),
                          .hint = "the API is described at /docs/api"});
  }
  HttpResponse response = ErrorResponse(
      405, "MethodNotAllowed",
      {.message = fmt::format("{} is not possible on {}", request_.method_name, request_.path()),
       .detail = "possible: " + match_.allowed_methods});
  response.headers.Add("Allow", match_.allowed_methods);
  return response;
}

HttpResponse RoutedExchange::AnswerToOptions() const {
  HttpResponse response{.status = 204, .headers = {}, .body = {}};
  std::string allow = match_.allowed_methods;
  if (allow.empty() || request_.target == "*") allow = kAnyMethod;
  response.headers.Add("Allow", allow);
  bool is_preflight = request_.headers.Find("Access-Control-Request-Method").has_value();
  if (is_preflight && !shared_->options.access.AllowedOrigin(request_).empty()) {
    response.headers.Add("Access-Control-Allow-Methods", allow);
    response.headers.Add("Access-Control-Allow-Headers", AllowedHeaders(request_));
    response.headers.Add("Access-Control-Max-Age", "600");
  }
  return response;
}

Status RoutedExchange::CheckStream() const {
  CHECK(answered_ == Answered::kStream);
  if (request_.method != HttpMethod::kHead) return Status::OK();
  return MakeError(ErrorCode::kConnectionClosed, "the answer to a HEAD has no body");
}

Status RoutedExchange::ReserveBody(size_t bytes) {
  if (bytes == 0) return Status::OK();
  bool fits = shared_->body_bytes_used + bytes <= shared_->options.body_bytes_in_flight;
  if (!fits || !LeaseBody(body_reserved_ + bytes)) {
    return MakeError(
        ErrorCode::kResourceExhausted,
        {.message = "too many request bodies at once",
         .detail = fmt::format("{} bytes of bodies are being received", shared_->body_bytes_used),
         .hint = "send smaller requests or fewer at a time"});
  }
  shared_->body_bytes_used += bytes;
  body_reserved_ += bytes;
  return Status::OK();
}

bool RoutedExchange::LeaseBody(size_t bytes) {
  if (shared_->options.memory == nullptr) return true;
  return shared_->options.memory->TryResize(&body_lease_, static_cast<int64_t>(bytes));
}

void RoutedExchange::ReleaseBody() {
  shared_->body_bytes_used -= std::exchange(body_reserved_, 0);
  body_lease_.Release();
}

Task<> RoutedExchange::RunHandler() {
  HttpResponse response;
  if (match_.route == nullptr) {
    response = AnswerToOptions();
    co_return co_await Respond(std::move(response));
  }
  Status outcome = co_await match_.route->handler(this);
  // The head alone is the answer to a HEAD; see CheckStream.
  bool is_answered_head = answered_ == Answered::kStream && request_.method == HttpMethod::kHead;
  if (is_answered_head && Is(outcome, ErrorCode::kConnectionClosed)) co_return Status::OK();
  if (answered_ != Answered::kNo) co_return outcome;
  if (Is(outcome, ErrorCode::kCancelled) && co_await IsCancelled()) co_return outcome;
  if (outcome.ok()) {
    response = ErrorResponse(500, "Internal", {.message = "the handler gave no answer"});
  } else {
    response = Tell(outcome);
  }
  co_return co_await Respond(std::move(response));
}

HttpResponse RoutedExchange::Tell(const Status& error) const {
  const auto& tell = shared_->options.error_response;
  return tell ? tell(request_, error) : ErrorResponse(error);
}

void RoutedExchange::BeginAnswer(Answered how, int status) {
  CHECK(answered_ == Answered::kNo);
  answered_ = how;
  status_ = status;
  if (how != Answered::kWhole) return;
  HttpServerStats& stats = shared_->stats;
  if (status >= 500) {
    stats.responses_5xx.fetch_add(1, std::memory_order_relaxed);
  } else if (status >= 400) {
    stats.responses_4xx.fetch_add(1, std::memory_order_relaxed);
  }
}

void RoutedExchange::AddCommonHeaders(HttpHeaders* headers) const {
  headers->Add("X-Content-Type-Options", "nosniff");
  if (!match_.allow_cross_origin) return;
  std::string origin = shared_->options.access.AllowedOrigin(request_);
  if (origin.empty()) return;
  headers->Add("Access-Control-Allow-Origin", origin);
  headers->Add("Vary", "Origin");
}

void RoutedExchange::TellAnswer(TimePoint began) const {
  if (!shared_->options.on_answer || answered_ == Answered::kNo) return;
  HttpAnswer answer{.method = ToString(request_.method), .route = {}, .status = status_};
  if (match_.route != nullptr) answer.route = match_.route->pattern_text;
  if (answered_ == Answered::kWhole) answer.duration = shared_->executor.scheduler()->Now() - began;
  shared_->options.on_answer(answer);
}

}  // namespace mainstem::net
