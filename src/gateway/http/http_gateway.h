// The HTTP door to topics: POST events, GET a page of them, follow them by server-sent events or
// WebSocket, all on /v1/topics/{topic}/events, and the description of the API (/openapi.json,
// /docs/api). Adds its routes to a router that the server owns.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/env.h"
#include "core/memory_budget.h"
#include "core/net/http_router.h"
#include "storage/log.h"

namespace mainstem::gateway::http {

struct HttpGatewayOptions {
  bool auto_create_topics = true;
  size_t body_limit = 16u << 20;
  // Of one record batch; a longer request becomes several batches of one append.
  size_t batch_bytes = 512u << 10;
  // Answers lease from it, if it is there: a page is refused when there is nothing left, a follower
  // waits.
  MemoryBudget* memory = nullptr;
};

struct HttpGatewayStats {
  std::atomic<int64_t> events_in{0};
  std::atomic<int64_t> bytes_in{0};
  std::atomic<int64_t> events_out{0};
  std::atomic<int64_t> bytes_out{0};  // of these, as JSON
  std::atomic<int64_t> followers{0};
};

// Borrows env and log, which must outlive the HTTP server that calls the handlers. Handlers run on
// the HTTP server's executor.
class HttpGateway {
 public:
  HttpGateway(Env* env, storage::Log* log, HttpGatewayOptions options);
  ~HttpGateway();
  // The gateway must outlive the router's server.
  void AddRoutes(net::HttpRouter* router);
  const HttpGatewayStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The OpenAPI 3.1 document served at /openapi.json.
std::string_view OpenApiDocument();
std::string_view ApiPage();

}  // namespace mainstem::gateway::http
