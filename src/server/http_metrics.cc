#include "server/http_metrics.h"

namespace mainstem::server {
namespace {

const std::vector<double> kSeconds = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                      0.1,    0.25,  0.5,    1,     2.5,  5,     10};

}  // namespace

void HttpMetrics::Count(const net::HttpAnswer& answer) {
  std::string method(answer.method);
  std::string route(answer.route.empty() ? "none" : answer.route);
  prometheus::Counter*& requests = requests_[{method, route, answer.status}];
  if (requests == nullptr) {
    requests = &metrics_->AddCounter(
        {.name = "mainstem_http_requests_total",
         .help = "HTTP requests by method, route and status",
         .labels = {
             {"method", method}, {"route", route}, {"status", std::to_string(answer.status)}}});
  }
  requests->Increment();
  if (!answer.duration) return;
  prometheus::Histogram*& seconds = seconds_[{method, route}];
  if (seconds == nullptr) {
    seconds = &metrics_->AddHistogram(
        {.name = "mainstem_http_request_seconds",
         .help = "from the head of the request to the end of its answer, streams left out",
         .labels = {{"method", method}, {"route", route}}},
        kSeconds);
  }
  seconds->Observe(std::chrono::duration<double>(*answer.duration).count());
}

void HttpMetrics::Watch(const net::HttpServerStats* server,
                        const gateway::http::HttpGatewayStats* gateway) {
  auto watch = [this](std::string name, std::string help, Metrics::Kind kind,
                      const std::atomic<int64_t>* value) {
    metrics_->AddFunction({.name = std::move(name), .help = std::move(help)}, kind,
                          [value] { return static_cast<double>(value->load()); });
  };
  using Kind = Metrics::Kind;
  watch("mainstem_http_connections", "open HTTP connections", Kind::kGauge,
        &server->connections_open);
  watch("mainstem_http_connections_total", "HTTP connections since start", Kind::kCounter,
        &server->connections_accepted);
  watch("mainstem_http_connection_limit_reached_total",
        "times that new HTTP connections had to wait until others ended", Kind::kCounter,
        &server->connection_limit_reached);
  watch("mainstem_http_received_bytes_total", "bytes received over HTTP", Kind::kCounter,
        &server->received_bytes);
  watch("mainstem_http_sent_bytes_total", "bytes sent over HTTP", Kind::kCounter,
        &server->sent_bytes);
  watch("mainstem_http_events_in_total", "events posted", Kind::kCounter, &gateway->events_in);
  watch("mainstem_http_events_out_total", "events read or followed", Kind::kCounter,
        &gateway->events_out);
  watch("mainstem_http_event_bytes_out_total", "bytes of events read or followed, as JSON",
        Kind::kCounter, &gateway->bytes_out);
  watch("mainstem_http_followers", "clients that follow a topic", Kind::kGauge,
        &gateway->followers);
}

}  // namespace mainstem::server
