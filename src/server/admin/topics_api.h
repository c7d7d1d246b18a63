// /api/v1/topics: list, create, show, change, delete.
#pragma once

#include "server/admin/admin_support.h"
#include "server/admin/topic_sampler.h"

namespace mainstem::server {

class TopicsApi {
 public:
  TopicsApi(const AdminDependencies* dependencies, const AdminOptions* options,
            TopicSampler* sampler)
      : log_(dependencies->log), options_(options), sampler_(sampler) {}
  void AddRoutes(net::HttpRouter* router);

 private:
  Task<> List(HttpExchange* exchange);
  Task<> Create(HttpExchange* exchange);
  Task<> Show(HttpExchange* exchange);
  Task<> Change(HttpExchange* exchange);
  Task<> Delete(HttpExchange* exchange);
  Task<> Describe(HttpExchange* exchange, int status, storage::TopicInfo topic);

  storage::Log* log_;
  const AdminOptions* options_;
  TopicSampler* sampler_;
};

}  // namespace mainstem::server
