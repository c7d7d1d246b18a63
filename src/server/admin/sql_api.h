// POST /api/v1/sql: runs a script and streams what it says as NDJSON.
#pragma once

#include "server/admin/admin_support.h"

namespace mainstem::server {

class SqlApi {
 public:
  SqlApi(const AdminDependencies* dependencies, const AdminOptions* options)
      : env_(dependencies->env), jobs_(dependencies->jobs), options_(options) {}
  void AddRoutes(net::HttpRouter* router);

 private:
  Task<> Execute(HttpExchange* exchange);

  Env* env_;
  process::JobManager* jobs_;
  const AdminOptions* options_;
};

}  // namespace mainstem::server
