// The counters of the HTTP door in the node's Prometheus registry: requests by route, status and
// time, and what the server and the event gateway count themselves.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "core/metrics.h"
#include "core/net/http_server.h"
#include "gateway/http/http_gateway.h"

namespace mainstem::server {

// HTTP server's executor only, but for construction. `metrics` outlives it.
class HttpMetrics {
 public:
  explicit HttpMetrics(Metrics* metrics) : metrics_(metrics) {}
  void Count(const net::HttpAnswer& answer);
  // Both must live as long as somebody may ask for the metrics' text.
  void Watch(const net::HttpServerStats* server, const gateway::http::HttpGatewayStats* gateway);

 private:
  Metrics* metrics_;
  std::map<std::tuple<std::string, std::string, int>, prometheus::Counter*> requests_;
  std::map<std::pair<std::string, std::string>, prometheus::Histogram*> seconds_;
};

}  // namespace mainstem::server
