// An HTTP server over core's Stream: HTTP/1.1 with keep-alive, pipelining and WebSocket upgrade,
// and HTTP/2; limits, deadlines against slow clients, streamed answers. What a connection begins
// with decides: TLS (then ALPN says which version), HTTP/2's preface, or else HTTP/1.1. Runs on one
// executor; every connection is one task of its scope. Answers errors as JSON (ErrorResponse).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/env.h"
#include "core/memory_budget.h"
#include "core/net/http2/http2_session.h"
#include "core/net/http_access.h"
#include "core/net/http_parser.h"
#include "core/net/http_router.h"
#include "core/net/tls/tls_server.h"

namespace mainstem::net {

// One request that was answered, for who counts.
struct HttpAnswer {
  std::string_view method;
  std::string_view route;  // its pattern, "/v1/topics/{topic}/events"; "" when no route fits
  int status = 0;
  // From the head of the request to the last byte given to the connection. Nothing for streams and
  // WebSockets: they last as long as their client wants.
  std::optional<Duration> duration{};
};

struct HttpServerOptions {
  HttpParserLimits parser_limits;
  Http2Limits http2;  // its `head` is parser_limits
  HttpAccessPolicy access;
  // With a certificate clear text is taken from this machine only. Without one no TLS is spoken.
  std::shared_ptr<const TlsServer> tls{};
  size_t connection_limit = 1024;                    // over it, new connections wait to be accepted
  size_t body_bytes_in_flight = 64ull << 20;         // all connections together; over it: 429
  Duration idle_timeout = std::chrono::seconds(75);  // between requests
  Duration head_timeout = std::chrono::seconds(10);  // from a request's first byte
  Duration body_timeout = std::chrono::seconds(30);  // plus the time at 16 KiB a second
  Duration write_timeout = std::chrono::seconds(30);  // for each 256 KiB; see steady_write.h
  Duration drain_timeout = std::chrono::seconds(2);   // for the rest of a request that was refused
  MemoryBudget* memory = nullptr;  // bodies lease from it, too, if it is there; over it: 429
  // Called on the server's executor; may be empty.
  std::function<void(const HttpAnswer&)> on_answer{};
  // How errors are told that are no malformed request's: ErrorResponse unless set.
  std::function<HttpResponse(const HttpRequest&, const Status&)> error_response{};
};

// Counters since start; any thread.
struct HttpServerStats {
  std::atomic<int64_t> connections_open{0};
  std::atomic<int64_t> connections_accepted{0};
  std::atomic<int64_t> connection_limit_reached{0};  // new ones had to wait
  std::atomic<int64_t> requests{0};
  std::atomic<int64_t> responses_4xx{0};
  std::atomic<int64_t> responses_5xx{0};
  std::atomic<int64_t> received_bytes{0};
  std::atomic<int64_t> sent_bytes{0};
};

// Start and Stop on the executor's thread; Stop must have ended before the destructor. `router` is
// borrowed and must outlive the server. Does not do trailers, push or WebSocket over HTTP/2.
class HttpServer {
 public:
  HttpServer(Executor executor, HttpServerOptions options, const HttpRouter* router);
  ~HttpServer();

  // Accepts from now on. May be called for several listeners.
  void Start(std::unique_ptr<Listener> listener);
  // Serves one connection that exists already, as if it had been accepted.
  void Serve(std::unique_ptr<Stream> stream);
  // Closes listeners and connections; handlers are cancelled. Idempotent.
  Task<> Stop();
  const HttpServerStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::net
