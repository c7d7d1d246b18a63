// The parts of a node without its doors: env, memory budget, log, connectors and the SQL engine.
// `mainstem serve` puts doors on it (node.h); `mainstem run` uses it alone in a private folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connector/registry.h"
#include "core/env.h"
#include "core/folder_lock.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "process/job/job_manager.h"
#include "server/settings.h"
#include "storage/embedded_log.h"

namespace mainstem::server {

// Lifecycle: Open, use from any thread, Stop, destroy. Not restartable.
class Engine {
 public:
  // Opens the log (recovering it) and makes the job manager; jobs start with StartJobs, when the
  // addresses that mean this node are known.
  static Result<std::unique_ptr<Engine>> Open(Settings settings, Logger logger);
  ~Engine();

  Task<> StartJobs(std::vector<std::string> own_addresses);
  // Jobs, as long as their calls to the outside take; then the log, about a second at most.
  Status StopJobs();
  Status StopLog();
  Status Stop();  // both

  const Settings& settings() const { return settings_; }
  Env& env() { return *env_; }
  MemoryBudget& budget() { return *budget_; }
  Metrics& metrics() { return *metrics_; }
  storage::EmbeddedLog& log() { return *log_; }
  const connector::ConnectorRegistry& registry() const { return registry_; }
  process::JobManager& jobs() { return *jobs_; }
  const Logger& logger() const { return logger_; }

 private:
  Engine(Settings settings, Logger logger);
  Task<> OpenLog();

  Settings settings_;
  Logger logger_;
  // In order of construction; destroyed in reverse.
  std::unique_ptr<FolderLock> folder_lock_;
  std::unique_ptr<MemoryBudget> budget_;
  MemoryLease cache_memory_;
  MemoryLease state_memory_;
  std::unique_ptr<process::ColumnMemory> column_memory_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<Env> env_;
  std::unique_ptr<storage::EmbeddedLog> log_;
  connector::ConnectorRegistry registry_;
  std::unique_ptr<process::JobManager> jobs_;
};

}  // namespace mainstem::server
