#include "core/net/http_server.h"

#include <list>

#include "core/net/connection_start.h"
#include "core/net/http2/http2_connection.h"
#include "core/net/http_connection.h"

namespace mainstem::net {
namespace {

using namespace std::chrono_literals;

// After an accept that failed for want of descriptors or memory.
constexpr Duration kAcceptBackoff = 100ms;

Task<> ServeConnection(HttpServerShared* shared, std::unique_ptr<Stream> stream) {
  auto start = co_await StartConnection(shared, std::move(stream));
  if (Is(start.status(), ErrorCode::kCancelled)) co_return start.status();
  // A client that says nothing, or something else than it should, is its own matter.
  if (!start.ok() || start->stream == nullptr) co_return Status::OK();
  if (start->http2) {
    Http2Connection connection(shared, std::move(start->stream), std::move(start->input));
    co_return co_await connection.Run();
  }
  HttpConnection connection(shared, std::move(start->stream), std::move(start->input));
  co_return co_await connection.Run();
}

}  // namespace

struct HttpServer::Impl {
  Impl(Executor executor, HttpServerOptions options, const HttpRouter* router)
      : shared{.executor = executor,
               .options = std::move(options),
               .router = router,
               .stats = {},
               .body_bytes_used = 0},
        connection_ended(executor),
        scope(executor, "http", [](const std::string&, const Status&) {
          // Connections end with OK whatever their peer does; a handler's error went to the client.
        }) {}

  Task<> AcceptLoop(Listener* listener) {
    while (true) {
      if (connection_count >= shared.options.connection_limit) {
        shared.stats.connection_limit_reached.fetch_add(1, std::memory_order_relaxed);
      }
      while (connection_count >= shared.options.connection_limit) {
        CO_RETURN_IF_ERROR(co_await connection_ended.Wait());
      }
      auto stream = co_await listener->Accept(shared.executor);
      if (stream.ok()) {
        SpawnConnection(std::move(*stream));
        continue;
      }
      if (Is(stream.status(), ErrorCode::kCancelled) || scope.cancelled()) co_return Status::OK();
      CO_RETURN_IF_ERROR(co_await Sleep(kAcceptBackoff));
    }
  }

  Task<> RunConnection(std::unique_ptr<Stream> stream) {
    shared.stats.connections_accepted.fetch_add(1, std::memory_order_relaxed);
    shared.stats.connections_open.fetch_add(1, std::memory_order_relaxed);
    Status outcome = co_await ServeConnection(&shared, std::move(stream));
    shared.stats.connections_open.fetch_sub(1, std::memory_order_relaxed);
    --connection_count;
    connection_ended.NotifyAll();
    co_return outcome;
  }

  void SpawnConnection(std::unique_ptr<Stream> stream) {
    ++connection_count;
    scope.Spawn("connection", RunConnection(std::move(stream)));
  }

  HttpServerShared shared;
  size_t connection_count = 0;
  Event connection_ended;
  std::list<std::unique_ptr<Listener>> listeners;
  TaskScope scope;
};

HttpServer::HttpServer(Executor executor, HttpServerOptions options, const HttpRouter* router)
    : impl_(std::make_unique<Impl>(executor, std::move(options), router)) {}
HttpServer::~HttpServer() = default;

void HttpServer::Start(std::unique_ptr<Listener> listener) {
  Listener* borrowed = impl_->listeners.emplace_back(std::move(listener)).get();
  impl_->scope.Spawn("accept", impl_->AcceptLoop(borrowed));
}

void HttpServer::Serve(std::unique_ptr<Stream> stream) {
  impl_->SpawnConnection(std::move(stream));
}

Task<> HttpServer::Stop() {
  for (auto& listener : impl_->listeners) listener->Close();
  co_return co_await impl_->scope.Close();
}

const HttpServerStats& HttpServer::stats() const { return impl_->shared.stats; }

}  // namespace mainstem::net
