// /api/v1/topics/{topic}/records: browse and search, with a bounded scan.
#pragma once

#include "server/admin/admin_support.h"

namespace mainstem::server {

class RecordsApi {
 public:
  RecordsApi(const AdminDependencies* dependencies, const AdminOptions* options)
      : env_(dependencies->env),
        log_(dependencies->log),
        memory_(dependencies->memory),
        answer_bytes_(options->records_answer_bytes) {}
  void AddRoutes(net::HttpRouter* router);

 private:
  Task<> Browse(HttpExchange* exchange);

  Env* env_;
  storage::Log* log_;
  MemoryBudget* memory_;  // may be null
  const size_t answer_bytes_;
};

}  // namespace mainstem::server
