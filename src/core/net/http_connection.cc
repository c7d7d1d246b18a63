#include "core/net/http_connection.h"

#include <fmt/format.h>

#include "core/net/websocket.h"

namespace mainstem::net {
namespace {

using namespace std::chrono_literals;

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kSlowestBodyBytesPerSecond = 16 * 1024;
constexpr size_t kDrainBytes = 64 << 20;
constexpr Duration kDrainTime = 2s;

std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// 304, 204 and 1xx have no body and no Content-Length.
bool HasNoBody(int status) { return status == 304 || status == 204 || status < 200; }

HttpResponse ParseFailure(const Status& error, bool in_head) {
  if (in_head && Is(error, ErrorCode::kRecordListTooLarge)) {
    return ErrorResponse(431, "HeadTooLarge", TextOf(error));
  }
  return ErrorResponse(error);
}

}  // namespace

HttpConnection::HttpConnection(HttpServerShared* shared, std::unique_ptr<Stream> stream)
    : shared_(shared), stream_(std::move(stream)) {
  shared_->stats.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  shared_->stats.connections_open.fetch_add(1, std::memory_order_relaxed);
}

HttpConnection::~HttpConnection() {
  stream_->Close();
  ReleaseBody();
  shared_->stats.connections_open.fetch_sub(1, std::memory_order_relaxed);
}

Task<> HttpConnection::Run() {
  while (true) {
    Result<bool> more = co_await ServeOne();
    ReleaseBody();
    if (Is(more.status(), ErrorCode::kCancelled)) co_return more.status();
    // A peer that went away, was too slow or spoke no HTTP is its own matter.
    if (!more.ok() || !*more) break;
  }
  stream_->Close();
  co_return Status::OK();
}

Task<bool> HttpConnection::ServeOne() {
  answered_ = Answered::kNo;
  route_ = {};
  chunked_ = false;
  cross_origin_route_ = false;
  request_ = HttpRequest();
  HttpRequestParser parser(shared_->options.parser_limits);
  CO_ASSIGN_OR_RETURN(bool has_head, co_await ReadHead(&parser));
  if (!has_head) co_return false;
  shared_->stats.requests.fetch_add(1, std::memory_order_relaxed);
  TimePoint began = shared_->executor.scheduler()->Now();
  Status served = co_await Dispatch(&parser);
  TellAnswer(began);
  CO_RETURN_IF_ERROR(served);
  co_return keep_alive_;
}

void HttpConnection::TellAnswer(TimePoint began) const {
  if (!shared_->options.on_answer || answered_ == Answered::kNo) return;
  HttpAnswer answer{.method = ToString(request_.method), .route = route_, .status = status_};
  if (answered_ == Answered::kWhole) answer.duration = shared_->executor.scheduler()->Now() - began;
  shared_->options.on_answer(answer);
}

Task<size_t> HttpConnection::ReadMore(TimePoint deadline) {
  size_t before = input_.size();
  input_.resize(before + kReadBytes);
  std::span<std::byte> into(reinterpret_cast<std::byte*>(input_.data()) + before, kReadBytes);
  Result<size_t> count = co_await stream_->ReadSome(into, deadline);
  input_.resize(before + (count.ok() ? *count : 0));
  if (count.ok()) {
    shared_->stats.received_bytes.fetch_add(static_cast<int64_t>(*count),
                                            std::memory_order_relaxed);
  }
  co_return count;
}

Task<bool> HttpConnection::ReadHead(HttpRequestParser* parser) {
  if (input_.empty()) {
    CO_ASSIGN_OR_RETURN(size_t first, co_await ReadMore(After(shared_->options.idle_timeout)));
    if (first == 0) co_return false;
  }
  TimePoint deadline = After(shared_->options.head_timeout);
  while (true) {
    Result<size_t> used = parser->Put(input_);
    if (!used.ok()) {
      HttpResponse response = ParseFailure(used.status(), true);
      CO_RETURN_IF_ERROR(co_await Refuse(std::move(response)));
      co_return false;
    }
    input_.erase(0, *used);
    if (parser->head_done()) co_return true;
    CO_ASSIGN_OR_RETURN(size_t count, co_await ReadMore(deadline));
    if (count == 0) co_return false;
  }
}

Task<> HttpConnection::Dispatch(HttpRequestParser* parser) {
  request_ = parser->head();
  request_.remote_address = stream_->remote_address();
  keep_alive_ = request_.keep_alive;
  HttpRouter::Match match = shared_->router->Find(&request_);
  if (match.route != nullptr) route_ = match.route->pattern_text;
  cross_origin_route_ = match.allow_cross_origin;
  Status allowed = shared_->options.access.Check(request_, match.allow_cross_origin);
  if (!allowed.ok()) {
    HttpResponse response = Tell(allowed);
    co_return co_await Refuse(std::move(response));
  }
  size_t limit = match.route == nullptr ? 0 : match.route->options.body_limit;
  if (match.route == nullptr && request_.method != HttpMethod::kOptions) {
    HttpResponse response;
    if (match.allowed_methods.empty()) {
      response = ErrorResponse(404, "NotFound",
                               {.message = fmt::format("no such path: {}", request_.path()),
                                .hint = "the API is described at /docs/api"});
    } else {
      response = ErrorResponse(405, "MethodNotAllowed",
                               {.message = fmt::format("{} is not possible on {}",
                                                       request_.method_name, request_.path()),
                                .detail = "possible: " + match.allowed_methods});
      response.headers.Add("Allow", match.allowed_methods);
    }
    if (!parser->done()) co_return co_await Refuse(std::move(response));
    co_return co_await Respond(std::move(response));
  }
  if (!parser->done()) {
    Status body = co_await ReadBody(parser, limit);
    if (!body.ok()) {
      ErrorCode code = CodeOf(body);
      if (code == ErrorCode::kConnectionClosed || code == ErrorCode::kCancelled ||
          code == ErrorCode::kTimedOut) {
        co_return body;
      }
      HttpResponse response = Tell(body);
      co_return co_await Refuse(std::move(response));
    }
    request_.body = parser->Take().body;
  }
  if (match.route == nullptr) co_return co_await AnswerPreflight(match);
  co_return co_await RunHandler(match.route);
}

Task<> HttpConnection::ReadBody(HttpRequestParser* parser, size_t limit) {
  CO_RETURN_IF_ERROR(parser->SetBodyLimit(limit));
  size_t expected = static_cast<size_t>(parser->content_length().value_or(0));
  CO_RETURN_IF_ERROR(ReserveBody(expected));
  if (parser->expects_continue()) {
    std::vector<std::span<const std::byte>> pieces{AsBytes("HTTP/1.1 100 Continue\r\n\r\n")};
    CO_RETURN_IF_ERROR(co_await Write(std::move(pieces)));
  }
  size_t bytes = expected > 0 ? expected : limit;
  TimePoint deadline = After(shared_->options.body_timeout +
                             std::chrono::seconds(bytes / kSlowestBodyBytesPerSecond));
  while (true) {
    CO_ASSIGN_OR_RETURN(size_t used, parser->Put(input_));
    input_.erase(0, used);
    if (parser->body_bytes() > body_reserved_) {
      CO_RETURN_IF_ERROR(ReserveBody(parser->body_bytes() - body_reserved_));
    }
    if (parser->done()) co_return Status::OK();
    if (used > 0 && !input_.empty()) continue;
    CO_ASSIGN_OR_RETURN(size_t count, co_await ReadMore(deadline));
    if (count == 0) {
      co_return MakeError(ErrorCode::kConnectionClosed, "the client left within its request");
    }
  }
}

Status HttpConnection::ReserveBody(size_t bytes) {
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

bool HttpConnection::LeaseBody(size_t bytes) {
  if (shared_->options.memory == nullptr) return true;
  auto wanted = static_cast<int64_t>(bytes);
  if (body_lease_.bytes() > 0) return body_lease_.Resize(wanted);
  body_lease_ = shared_->options.memory->TryLease(wanted);
  return body_lease_.bytes() == wanted;
}

void HttpConnection::ReleaseBody() {
  shared_->body_bytes_used -= std::exchange(body_reserved_, 0);
  body_lease_.Release();
}

Task<> HttpConnection::RunHandler(const HttpRoute* route) {
  Status outcome = co_await route->handler(this);
  if (answered_ == Answered::kNo) {
    if (Is(outcome, ErrorCode::kCancelled) && co_await IsCancelled()) co_return outcome;
    HttpResponse response;
    if (outcome.ok()) {
      response = ErrorResponse(500, "Internal", {.message = "the handler gave no answer"});
    } else {
      response = Tell(outcome);
    }
    co_return co_await Respond(std::move(response));
  }
  if (answered_ == Answered::kWebSocket) keep_alive_ = false;
  CO_RETURN_IF_ERROR(outcome);
  if (answered_ == Answered::kStream && chunked_ && request_.method != HttpMethod::kHead) {
    std::vector<std::span<const std::byte>> pieces{AsBytes("0\r\n\r\n")};
    co_return co_await Write(std::move(pieces));
  }
  co_return Status::OK();
}

HttpResponse HttpConnection::Tell(const Status& error) const {
  const auto& tell = shared_->options.error_response;
  return tell ? tell(request_, error) : ErrorResponse(error);
}

Task<> HttpConnection::AnswerPreflight(const HttpRouter::Match& match) {
  HttpResponse response{.status = 204, .headers = {}, .body = {}};
  std::string allow = match.allowed_methods;
  if (allow.empty()) allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
  response.headers.Add("Allow", allow);
  bool is_preflight = request_.headers.Find("Access-Control-Request-Method").has_value();
  if (is_preflight && !shared_->options.access.AllowedOrigin(request_).empty()) {
    response.headers.Add("Access-Control-Allow-Methods", allow);
    response.headers.Add("Access-Control-Allow-Headers",
                         "Content-Type, Mainstem-Key, Mainstem-Timestamp, Last-Event-ID");
    response.headers.Add("Access-Control-Max-Age", "600");
  }
  co_return co_await Respond(std::move(response));
}

void HttpConnection::AddCommonHeaders(HttpHeaders* headers) const {
  headers->Add("X-Content-Type-Options", "nosniff");
  if (cross_origin_route_) {
    std::string origin = shared_->options.access.AllowedOrigin(request_);
    if (!origin.empty()) {
      headers->Add("Access-Control-Allow-Origin", origin);
      headers->Add("Vary", "Origin");
    }
  }
  if (!keep_alive_) headers->Add("Connection", "close");
  if (keep_alive_ && request_.http_1_0) headers->Add("Connection", "keep-alive");
}

Task<> HttpConnection::Respond(HttpResponse response) {
  CHECK(answered_ == Answered::kNo);
  answered_ = Answered::kWhole;
  status_ = response.status;
  if (response.status >= 500) {
    shared_->stats.responses_5xx.fetch_add(1, std::memory_order_relaxed);
  } else if (response.status >= 400) {
    shared_->stats.responses_4xx.fetch_add(1, std::memory_order_relaxed);
  }
  AddCommonHeaders(&response.headers);
  if (!HasNoBody(response.status)) {
    response.headers.Set("Content-Length", std::to_string(response.body.size()));
  }
  std::string head = FormatHead(response.status, response.headers);
  std::vector<std::span<const std::byte>> pieces{AsBytes(head)};
  if (request_.method != HttpMethod::kHead && !HasNoBody(response.status)) {
    pieces.push_back(AsBytes(response.body));
  }
  co_return co_await Write(std::move(pieces));
}

Task<> HttpConnection::StartStream(int status, HttpHeaders headers) {
  CHECK(answered_ == Answered::kNo);
  answered_ = Answered::kStream;
  status_ = status;
  chunked_ = !request_.http_1_0;
  if (!chunked_) keep_alive_ = false;
  AddCommonHeaders(&headers);
  if (chunked_) headers.Add("Transfer-Encoding", "chunked");
  std::string head = FormatHead(status, headers);
  std::vector<std::span<const std::byte>> pieces{AsBytes(head)};
  co_return co_await Write(std::move(pieces));
}

Task<> HttpConnection::WriteStream(std::string piece) {
  CHECK(answered_ == Answered::kStream);
  // An empty chunk would end the body.
  if (piece.empty() || request_.method == HttpMethod::kHead) co_return Status::OK();
  std::vector<std::span<const std::byte>> pieces;
  std::string size_line;
  if (chunked_) {
    size_line = fmt::format("{:x}\r\n", piece.size());
    pieces.push_back(AsBytes(size_line));
  }
  pieces.push_back(AsBytes(piece));
  if (chunked_) pieces.push_back(AsBytes("\r\n"));
  co_return co_await Write(std::move(pieces));
}

Task<std::unique_ptr<WebSocket>> HttpConnection::AcceptWebSocket(size_t message_limit) {
  CHECK(answered_ == Answered::kNo);
  auto key = request_.headers.Find("Sec-WebSocket-Key");
  bool is_upgrade = request_.method == HttpMethod::kGet && key && key->size() == 24 &&
                    request_.headers.HasToken("Upgrade", "websocket") &&
                    request_.headers.HasToken("Connection", "Upgrade");
  if (!is_upgrade) {
    co_return MakeError(ErrorCode::kInvalidArgument, "not a WebSocket upgrade request");
  }
  HttpHeaders headers;
  if (request_.headers.Find("Sec-WebSocket-Version") != std::string_view("13")) {
    HttpResponse response =
        ErrorResponse(426, "UpgradeRequired", {.message = "only WebSocket version 13 is spoken"});
    response.headers.Add("Sec-WebSocket-Version", "13");
    CO_RETURN_IF_ERROR(co_await Respond(std::move(response)));
    co_return MakeError(ErrorCode::kInvalidArgument, "unknown WebSocket version");
  }
  answered_ = Answered::kWebSocket;
  status_ = 101;
  headers.Add("Upgrade", "websocket");
  headers.Add("Connection", "Upgrade");
  headers.Add("Sec-WebSocket-Accept", WebSocketAccept(*key));
  std::string head = FormatHead(101, headers);
  std::vector<std::span<const std::byte>> pieces{AsBytes(head)};
  CO_RETURN_IF_ERROR(co_await Write(std::move(pieces)));
  co_return std::make_unique<WebSocket>(stream_.get(), shared_->executor, WebSocketSide::kServer,
                                        std::exchange(input_, {}), message_limit,
                                        shared_->options.write_timeout);
}

Task<> HttpConnection::Refuse(HttpResponse response) {
  keep_alive_ = false;
  CO_RETURN_IF_ERROR(co_await Respond(std::move(response)));
  co_return co_await Drain();
}

Task<> HttpConnection::Drain() {
  TimePoint deadline = After(kDrainTime);
  size_t drained = 0;
  while (drained < kDrainBytes) {
    input_.clear();
    CO_ASSIGN_OR_RETURN(size_t count, co_await ReadMore(deadline));
    if (count == 0) break;
    drained += count;
  }
  co_return Status::OK();
}

Task<> HttpConnection::Write(std::vector<std::span<const std::byte>> pieces) {
  size_t bytes = 0;
  for (const auto& piece : pieces) bytes += piece.size();
  CO_RETURN_IF_ERROR(
      co_await stream_->Write(std::move(pieces), After(shared_->options.write_timeout)));
  shared_->stats.sent_bytes.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  co_return Status::OK();
}

}  // namespace mainstem::net
