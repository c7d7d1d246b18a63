// /api/v1/jobs, /explain and /connectors.
#pragma once

#include "process/job/job_description.h"
#include "server/admin/admin_support.h"

namespace mainstem::server {

// The members of a job; with `operators` also operators and sinks.
void WriteJob(const process::JobDescription& job, bool operators, JsonWriter* json);

class JobsApi {
 public:
  JobsApi(const AdminDependencies* dependencies, const AdminOptions* options)
      : dependencies_(dependencies), jobs_(dependencies->jobs), options_(options) {}
  void AddRoutes(net::HttpRouter* router);

 private:
  using JobAction = Task<> (process::JobManager::*)(std::string);
  Task<> List(HttpExchange* exchange);
  Task<> Submit(HttpExchange* exchange);
  Task<> Show(HttpExchange* exchange);
  Task<> ShowWatermark(HttpExchange* exchange);
  Task<> Act(HttpExchange* exchange, JobAction action);
  Task<> Resume(HttpExchange* exchange);
  Task<> Stop(HttpExchange* exchange);
  Task<> TakeSavepoint(HttpExchange* exchange);
  Task<> Explain(HttpExchange* exchange);
  Task<> Connectors(HttpExchange* exchange);
  Task<> CheckTables(HttpExchange* exchange);

  const AdminDependencies* dependencies_;
  process::JobManager* jobs_;
  const AdminOptions* options_;
};

}  // namespace mainstem::server
