#include "core/net/http2/http2_exchange.h"

#include <fmt/format.h>

#include "core/net/websocket.h"

namespace mainstem::net {
namespace {

constexpr size_t kDroppedBytesMax = 128 << 20;

}  // namespace

Http2Exchange::Http2Exchange(HttpServerShared* shared, Place place, Http2Listener::Head head)
    : RoutedExchange(shared),
      place_(std::move(place)),
      expects_body_(head.expects_body),
      content_length_(head.content_length),
      request_done_(!head.expects_body),
      moved_(shared->executor),
      ended_(shared->executor) {
  request_ = std::move(head.request);
  request_.remote_address = place_.remote_address;
  refusal_ = head.problem.ok() ? FindRoute() : ParseFailure(head.problem, true);
  if (expects_body_ && !refusal_) BeginBody();
}

void Http2Exchange::BeginBody() {
  uint64_t expected = content_length_.value_or(0);
  Status room =
      expected > body_limit() ? BodyTooLarge(body_limit()) : ReserveBody(size_t{expected});
  if (!room.ok()) {
    refusal_ = Tell(room);
  } else if (request_.headers.HasToken("Expect", "100-continue")) {
    place_.session->Continue(place_.stream);
  }
}

void Http2Exchange::PutBody(std::string_view bytes) {
  if (refusal_ || answered_ != Answered::kNo) {
    dropped_bytes_ += bytes.size();
    moved_.NotifyAll();
    return;
  }
  size_t size = request_.body.size() + bytes.size();
  Status room = Status::OK();
  if (size > body_limit()) {
    room = BodyTooLarge(body_limit());
  } else if (size > body_reserved_) {
    room = ReserveBody(size - body_reserved_);
  }
  if (room.ok()) {
    request_.body.append(bytes);
    return;
  }
  request_.body = {};
  refusal_ = Tell(room);
  moved_.NotifyAll();
}

void Http2Exchange::EndRequest() {
  request_done_ = true;
  moved_.NotifyAll();
}

void Http2Exchange::Close(bool whole) {
  closed_ = true;
  whole_ = whole;
  moved_.NotifyAll();
  ended_.NotifyAll();
}

Task<> Http2Exchange::WaitForEnd() {
  while (!served_ && (!closed_ || whole_)) {
    CO_RETURN_IF_ERROR(co_await ended_.Wait());
  }
  co_return Status::OK();
}

Task<> Http2Exchange::Serve() {
  TimePoint began = shared_->executor.scheduler()->Now();
  Status outcome = co_await Dispatch();
  TellAnswer(began);
  if (!outcome.ok()) {
    using Reset = Http2Session::Reset;
    Reset why = Is(outcome, ErrorCode::kTimedOut) ? Reset::kTooSlow : Reset::kInternalError;
    if (Is(outcome, ErrorCode::kCancelled)) why = Reset::kCancel;
    place_.session->ResetStream(place_.stream, why);
  } else if (!request_done_) {
    IgnoreError(co_await Drain(), "cancelled: the connection ends");
  }
  ReleaseBody();
  served_ = true;
  ended_.NotifyAll();
  place_.has_output->NotifyAll();
  co_return Status::OK();
}

Task<> Http2Exchange::Dispatch() {
  if (!refusal_) CO_RETURN_IF_ERROR(co_await WaitForBody());
  if (refusal_) {
    HttpResponse response = std::move(*refusal_);
    co_return co_await Respond(std::move(response));
  }
  CO_RETURN_IF_ERROR(co_await RunHandler());
  if (answered_ != Answered::kStream || request_.method == HttpMethod::kHead) {
    co_return Status::OK();
  }
  place_.session->End(place_.stream);
  place_.has_output->NotifyAll();
  co_return co_await WaitUntilTaken(0);
}

// Some clients look for an answer only when all of their request has gone.
Task<> Http2Exchange::Drain() {
  TimePoint deadline = shared_->After(shared_->options.drain_timeout);
  bool has_time = true;
  while (!request_done_ && !closed_ && has_time && dropped_bytes_ < kDroppedBytesMax) {
    CO_ASSIGN_OR_RETURN(has_time, co_await moved_.Wait(deadline));
  }
  if (!request_done_) {
    place_.session->ResetStream(place_.stream, Http2Session::Reset::kNoMoreBody);
  }
  co_return Status::OK();
}

Task<> Http2Exchange::WaitForBody() {
  size_t expected = content_length_ ? size_t{*content_length_} : body_limit();
  TimePoint deadline = shared_->After(shared_->options.body_timeout + TransferTime(expected));
  while (!request_done_ && !refusal_) {
    CO_ASSIGN_OR_RETURN(bool moved, co_await moved_.Wait(deadline));
    if (!moved) co_return MakeError(ErrorCode::kTimedOut, "the request did not come in time");
    if (closed_) co_return MakeError(ErrorCode::kConnectionClosed, "the client took it back");
  }
  co_return Status::OK();
}

Task<> Http2Exchange::WaitUntilTaken(size_t bytes) {
  TimePoint deadline = shared_->After(shared_->options.write_timeout + TransferTime(bytes));
  while (!closed_ && place_.session->pending_bytes(place_.stream) > 0) {
    CO_ASSIGN_OR_RETURN(bool moved, co_await moved_.Wait(deadline));
    if (!moved) co_return MakeError(ErrorCode::kTimedOut, "the client does not take its answer");
  }
  if (closed_ && !whole_) {
    co_return MakeError(ErrorCode::kConnectionClosed, "the client took its request back");
  }
  co_return Status::OK();
}

Task<> Http2Exchange::Respond(HttpResponse response) {
  BeginAnswer(Answered::kWhole, response.status);
  AddCommonHeaders(&response.headers);
  size_t bytes = response.body.size();
  std::optional<std::string> body;
  if (!HasNoBody(response.status)) {
    response.headers.Set("Content-Length", std::to_string(bytes));
    if (request_.method != HttpMethod::kHead) body = std::move(response.body);
  }
  place_.session->Respond(place_.stream, response.status, response.headers, std::move(body));
  place_.has_output->NotifyAll();
  co_return co_await WaitUntilTaken(bytes);
}

Task<> Http2Exchange::StartStream(int status, HttpHeaders headers) {
  BeginAnswer(Answered::kStream, status);
  AddCommonHeaders(&headers);
  if (request_.method == HttpMethod::kHead) {
    place_.session->Respond(place_.stream, status, headers, std::nullopt);
  } else {
    place_.session->Begin(place_.stream, status, headers);
  }
  place_.has_output->NotifyAll();
  co_return Status::OK();
}

Task<> Http2Exchange::WriteStream(std::string piece) {
  CO_RETURN_IF_ERROR(CheckStream());
  if (piece.empty()) co_return Status::OK();
  size_t bytes = piece.size();
  place_.session->Append(place_.stream, std::move(piece));
  place_.has_output->NotifyAll();
  co_return co_await WaitUntilTaken(bytes);
}

Task<std::unique_ptr<WebSocket>> Http2Exchange::AcceptWebSocket(size_t) {
  co_return MakeError(ErrorCode::kInvalidArgument,
                      {.message = "WebSocket is not spoken over HTTP/2",
                       .hint = "ask for the upgrade over HTTP/1.1, as browsers do"});
}

}  // namespace mainstem::net
