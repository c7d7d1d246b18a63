#include "core/net/connection_start.h"

#include <algorithm>

#include "core/net/loopback.h"

namespace mainstem::net {
namespace {

constexpr size_t kFirstBytes = 16 * 1024;

// All of it, or as much as has come so far.
bool MayBePreface(std::string_view input) {
  size_t size = std::min(input.size(), kHttp2Preface.size());
  return input.substr(0, size) == kHttp2Preface.substr(0, size);
}

Task<> ReadFirst(HttpServerShared* shared, Stream* stream, TimePoint deadline, std::string* input) {
  std::string buffer(kFirstBytes, '\0');
  CO_ASSIGN_OR_RETURN(
      size_t count, co_await stream->ReadSome(std::as_writable_bytes(std::span(buffer)), deadline));
  if (count == 0) co_return MakeError(ErrorCode::kConnectionClosed, "the client has gone");
  input->append(buffer, 0, count);
  shared->stats.received_bytes.fetch_add(static_cast<int64_t>(count), std::memory_order_relaxed);
  co_return Status::OK();
}

// HTTP/2 without being asked begins with its preface.
Task<> LookForPreface(HttpServerShared* shared, TimePoint deadline, ConnectionStart* start) {
  while (start->input.size() < kHttp2Preface.size() && MayBePreface(start->input)) {
    CO_RETURN_IF_ERROR(co_await ReadFirst(shared, start->stream.get(), deadline, &start->input));
  }
  start->http2 = MayBePreface(start->input);
  co_return Status::OK();
}

// To who speaks clear text from another machine.
Task<> AskForTls(HttpServerShared* shared, Stream* stream) {
  HttpResponse response = ErrorResponse(
      400, "TlsRequired", {.message = "this port speaks TLS", .hint = "use https://"});
  response.headers.Add("Content-Length", std::to_string(response.body.size()));
  response.headers.Add("Connection", "close");
  std::string text = FormatHead(response.status, response.headers) + response.body;
  std::vector<std::span<const std::byte>> pieces{std::as_bytes(std::span(text))};
  co_return co_await stream->Write(std::move(pieces), shared->After(shared->options.head_timeout));
}

}  // namespace

Task<ConnectionStart> StartConnection(HttpServerShared* shared, std::unique_ptr<Stream> stream) {
  ConnectionStart start;
  start.stream = std::move(stream);
  const HttpServerOptions& options = shared->options;
  TimePoint idle_end = shared->After(options.idle_timeout);
  CO_RETURN_IF_ERROR(co_await ReadFirst(shared, start.stream.get(), idle_end, &start.input));
  TimePoint deadline = shared->After(options.head_timeout);
  if (options.tls != nullptr && IsTlsHandshake(start.input)) {
    auto task = AcceptTls(options.tls, std::move(start.stream), std::move(start.input), deadline);
    CO_ASSIGN_OR_RETURN(TlsAccepted accepted, co_await std::move(task));
    start.stream = std::move(accepted.stream);
    start.input.clear();
    start.http2 = accepted.protocol == "h2";
    // Some clients agree on nothing and speak HTTP/2 all the same (Amazon's for Java).
    if (!accepted.protocol.empty()) co_return start;
    CO_RETURN_IF_ERROR(co_await LookForPreface(shared, deadline, &start));
    co_return start;
  }
  if (options.tls != nullptr && !IsLoopback(start.stream->remote_address())) {
    IgnoreError(co_await AskForTls(shared, start.stream.get()), "the client is sent away anyway");
    start.stream.reset();
    co_return start;
  }
  CO_RETURN_IF_ERROR(co_await LookForPreface(shared, deadline, &start));
  co_return start;
}

}  // namespace mainstem::net
