// /api/v1/topics/{topic}/records: browse and search, with a bounded scan.
#pragma once

#include "gateway/http/event_reader.h"
#include "server/admin/admin_support.h"

namespace mainstem::server {

class RecordsApi {
 public:
  explicit RecordsApi(const AdminDependencies* dependencies) : log_(dependencies->log) {}
  void AddRoutes(net::HttpRouter* router);

 private:
  Task<> Browse(HttpExchange* exchange);

  storage::Log* log_;
};

}  // namespace mainstem::server
