#include "core/net/http_connection.h"

#include <fmt/format.h>

#include "core/net/websocket.h"

namespace mainstem::net {
namespace {

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kDrainBytes = 64 << 20;

std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

HttpConnection::HttpConnection(HttpServerShared* shared, std::unique_ptr<Stream> stream,
                               std::string input)
    : RoutedExchange(shared), stream_(std::move(stream)), input_(std::move(input)) {}

HttpConnection::~HttpConnection() { stream_->Close(); }

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
  Reset();
  chunked_ = false;
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
    CO_ASSIGN_OR_RETURN(size_t first,
                        co_await ReadMore(shared_->After(shared_->options.idle_timeout)));
    if (first == 0) co_return false;
  }
  TimePoint deadline = shared_->After(shared_->options.head_timeout);
  while (true) {
    Result<size_t> used = parser->Put(input_);
    if (!used.ok()) {
      HttpResponse response = ParseFailure(used.status(), true);
      request_.method = HttpMethod::kOther;  // whatever it was
      TimePoint began = shared_->executor.scheduler()->Now();
      Status refused = co_await Refuse(std::move(response));
      TellAnswer(began);
      CO_RETURN_IF_ERROR(refused);
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
  std::optional<HttpResponse> refusal = FindRoute();
  if (refusal) {
    constexpr int kForbidden = 403;
    bool goes_on = parser->done() && refusal->status != kForbidden;
    HttpResponse response = std::move(*refusal);
    if (goes_on) co_return co_await Respond(std::move(response));
    co_return co_await Refuse(std::move(response));
  }
  if (!parser->done()) {
    Status body = co_await ReadBody(parser);
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
  Status outcome = co_await RunHandler();
  co_return co_await EndAnswer(std::move(outcome));
}

Task<> HttpConnection::EndAnswer(Status outcome) {
  if (answered_ == Answered::kWebSocket) keep_alive_ = false;
  CO_RETURN_IF_ERROR(outcome);
  if (answered_ == Answered::kStream && chunked_ && request_.method != HttpMethod::kHead) {
    std::vector<std::span<const std::byte>> pieces{AsBytes("0\r\n\r\n")};
    co_return co_await Write(std::move(pieces));
  }
  co_return Status::OK();
}

Task<> HttpConnection::ReadBody(HttpRequestParser* parser) {
  CO_RETURN_IF_ERROR(parser->SetBodyLimit(body_limit()));
  size_t expected = static_cast<size_t>(parser->content_length().value_or(0));
  CO_RETURN_IF_ERROR(ReserveBody(expected));
  if (parser->expects_continue()) {
    std::vector<std::span<const std::byte>> pieces{AsBytes("HTTP/1.1 100 Continue\r\n\r\n")};
    CO_RETURN_IF_ERROR(co_await Write(std::move(pieces)));
  }
  TimePoint deadline = shared_->After(shared_->options.body_timeout +
                                      TransferTime(expected > 0 ? expected : body_limit()));
  while (true) {
    CO_ASSIGN_OR_RETURN(size_t used, parser->Put(input_));
    input_.erase(0, used);
    if (parser->body_bytes() > body_reserved_) {
      CO_RETURN_IF_ERROR(ReserveBody(parser->body_bytes() - body_reserved_));
    }
    if (parser->done()) co_return Status::OK();
    if (used > 0 && !input_.empty()) continue;
    // What the parser keeps waiting for is a chunk's size with its extensions, or a trailer.
    if (input_.size() > shared_->options.parser_limits.head_bytes) {
      co_return MakeError(ErrorCode::kInvalidArgument,
                          "the size of a chunk, or a trailer behind the body, is too long");
    }
    CO_ASSIGN_OR_RETURN(size_t count, co_await ReadMore(deadline));
    if (count == 0) {
      co_return MakeError(ErrorCode::kConnectionClosed, "the client left within its request");
    }
  }
}

void HttpConnection::AddConnectionHeaders(HttpHeaders* headers) const {
  AddCommonHeaders(headers);
  if (!keep_alive_) headers->Add("Connection", "close");
  if (keep_alive_ && request_.http_1_0) headers->Add("Connection", "keep-alive");
}

Task<> HttpConnection::Respond(HttpResponse response) {
  BeginAnswer(Answered::kWhole, response.status);
  AddConnectionHeaders(&response.headers);
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
  BeginAnswer(Answered::kStream, status);
  chunked_ = !request_.http_1_0;
  if (!chunked_) keep_alive_ = false;
  AddConnectionHeaders(&headers);
  if (chunked_) headers.Add("Transfer-Encoding", "chunked");
  std::string head = FormatHead(status, headers);
  std::vector<std::span<const std::byte>> pieces{AsBytes(head)};
  co_return co_await Write(std::move(pieces));
}

Task<> HttpConnection::WriteStream(std::string piece) {
  CO_RETURN_IF_ERROR(CheckStream());
  if (piece.empty()) co_return Status::OK();  // an empty chunk would end the body
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
  BeginAnswer(Answered::kWebSocket, 101);
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
  TimePoint deadline = shared_->After(shared_->options.drain_timeout);
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
  auto task = WriteSteadily(shared_->executor, stream_.get(), std::move(pieces),
                            shared_->options.write_timeout);
  CO_RETURN_IF_ERROR(co_await std::move(task));
  shared_->stats.sent_bytes.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  co_return Status::OK();
}

}  // namespace mainstem::net
