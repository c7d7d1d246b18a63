// /api/v1/node, /api/v1/live, /api/v1/history, /metrics and /healthz.
#pragma once

#include "server/admin/admin_support.h"
#include "server/admin/topic_sampler.h"

namespace mainstem::server {

class NodeApi {
 public:
  NodeApi(const AdminDependencies* dependencies, const AdminOptions* options,
          TopicSampler* sampler);
  void AddRoutes(net::HttpRouter* router);

 private:
  Task<> Show(HttpExchange* exchange);
  Task<> Live(HttpExchange* exchange);
  Task<> ShowHistory(HttpExchange* exchange);
  Task<> ShowMetrics(HttpExchange* exchange);
  // What was counted, and what is looked at now.
  Task<std::string> Scrape();
  // {"node":..., "topics":[...], "jobs":[...]}
  Task<std::string> Snapshot();
  Task<std::string> DescribeNode(NodeSample sample, int64_t job_count);
  Task<int64_t> ResidentBytes();

  const AdminDependencies* dependencies_;
  const AdminOptions* options_;
  TopicSampler* sampler_;
  TimePoint started_;
};

}  // namespace mainstem::server
