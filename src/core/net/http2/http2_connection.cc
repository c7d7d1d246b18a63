#include "core/net/http2/http2_connection.h"

#include <algorithm>

namespace mainstem::net {
namespace {

constexpr size_t kInputBytes = 16 * 1024;
constexpr size_t kOutputBytes = 128 * 1024;
// For the last words to a client that is sent away.
constexpr Duration kGoodbyeTime = std::chrono::milliseconds(250);
// Handlers of streams that the client has reset may take a moment to end.
constexpr size_t kHandlersPerStream = 2;

Http2Limits LimitsOf(const HttpServerOptions& options) {
  Http2Limits limits = options.http2;
  limits.head = options.parser_limits;
  return limits;
}

}  // namespace

Http2Connection::Http2Connection(HttpServerShared* shared, std::unique_ptr<Stream> stream,
                                 std::string input)
    : shared_(shared),
      stream_(std::move(stream)),
      input_(std::move(input)),
      session_(LimitsOf(shared->options), this),
      last_use_(shared->executor.scheduler()->Now()),
      has_output_(shared->executor),
      writer_end_(shared->executor),
      // What goes wrong was told to the client, or is its own matter.
      streams_(shared->executor, "http2 streams", [](const std::string&, const Status&) {}),
      writer_(shared->executor, "http2 writer", [](const std::string&, const Status&) {}) {}

Http2Connection::~Http2Connection() { stream_->Close(); }

Task<> Http2Connection::Run() {
  writer_.Spawn("write", WriteLoop());
  Status status = co_await ReadLoop();
  // From here on this task can't be cancelled (TaskScope::Close).
  IgnoreError(co_await streams_.Close(), "streams have told their clients");
  session_.GoAway();
  has_output_.NotifyAll();
  TimePoint deadline = shared_->After(kGoodbyeTime);
  bool has_time = true;
  while (!writer_ended_ && has_time) {
    auto waited = co_await writer_end_.Wait(deadline);
    has_time = waited.ok() && *waited;
  }
  stream_->Close();
  IgnoreError(co_await writer_.Close(), "what could not be sent is the client's loss");
  bool cancelled = Is(status, ErrorCode::kCancelled);
  co_return cancelled ? status : Status::OK();
}

Task<> Http2Connection::ReadLoop() {
  while (true) {
    CO_RETURN_IF_ERROR(session_.Put(input_));
    has_output_.NotifyAll();
    if (session_.finished()) co_return Status::OK();
    input_.resize(kInputBytes);
    auto count = co_await stream_->ReadSome(std::as_writable_bytes(std::span(input_)), kNoDeadline);
    CO_RETURN_IF_ERROR(count);
    if (*count == 0) co_return Status::OK();
    input_.resize(*count);
    shared_->stats.received_bytes.fetch_add(static_cast<int64_t>(*count),
                                            std::memory_order_relaxed);
  }
}

Task<> Http2Connection::WriteLoop() {
  Status status = co_await WriteAll();
  writer_ended_ = true;
  writer_end_.NotifyAll();
  stream_->Close();  // the reader ends, too
  co_return status;
}

Task<> Http2Connection::WriteAll() {
  while (true) {
    std::string output = session_.TakeOutput(kOutputBytes);
    if (!output.empty()) {
      std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(output))};
      TimePoint deadline =
          shared_->After(shared_->options.write_timeout + TransferTime(output.size()));
      CO_RETURN_IF_ERROR(co_await stream_->Write(std::move(pieces), deadline));
      shared_->stats.sent_bytes.fetch_add(static_cast<int64_t>(output.size()),
                                          std::memory_order_relaxed);
      continue;
    }
    if (session_.finished()) co_return Status::OK();
    TimePoint idle_end = IdleEnd();
    if (idle_end <= shared_->executor.scheduler()->Now()) {
      session_.GoAway();
      continue;
    }
    CO_RETURN_IF_ERROR(co_await has_output_.Wait(idle_end));
  }
}

TimePoint Http2Connection::IdleEnd() const {
  return exchanges_.empty() ? last_use_ + shared_->options.idle_timeout : kNoDeadline;
}

Task<> Http2Connection::ServeStream(std::shared_ptr<Http2Exchange> exchange, int32_t stream) {
  TaskScope handler(shared_->executor, "http2 request", [](const std::string&, const Status&) {});
  handler.Spawn("serve", exchange->Serve());
  Status waited = co_await exchange->WaitForEnd();
  IgnoreError(co_await handler.Close(), "Serve tells its client");
  exchanges_.erase(stream);
  NoteUse();
  has_output_.NotifyAll();
  co_return waited;
}

Http2Exchange* Http2Connection::Find(int32_t stream) const {
  auto found = exchanges_.find(stream);
  return found == exchanges_.end() ? nullptr : found->second.get();
}

void Http2Connection::OnHead(int32_t stream, Head head) {
  NoteUse();
  shared_->stats.requests.fetch_add(1, std::memory_order_relaxed);
  if (exchanges_.size() >= kHandlersPerStream * shared_->options.http2.streams) {
    session_.ResetStream(stream, Http2Session::Reset::kRefused);
    return;
  }
  Http2Exchange::Place place{.session = &session_,
                             .has_output = &has_output_,
                             .stream = stream,
                             .remote_address = stream_->remote_address()};
  auto exchange = std::make_shared<Http2Exchange>(shared_, std::move(place), std::move(head));
  exchanges_[stream] = exchange;
  streams_.Spawn("stream", ServeStream(exchange, stream));
}

void Http2Connection::OnBody(int32_t stream, std::string_view bytes) {
  NoteUse();
  if (Http2Exchange* exchange = Find(stream)) exchange->PutBody(bytes);
}

void Http2Connection::OnRequestEnd(int32_t stream) {
  if (Http2Exchange* exchange = Find(stream)) exchange->EndRequest();
}

void Http2Connection::OnTaken(int32_t stream) {
  if (Http2Exchange* exchange = Find(stream)) exchange->NoteTaken();
}

void Http2Connection::OnClosed(int32_t stream, bool whole) {
  if (Http2Exchange* exchange = Find(stream)) exchange->Close(whole);
}

}  // namespace mainstem::net
