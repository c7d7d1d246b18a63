// The admin API under /api/v1 (docs/admin-api.md), /metrics and /healthz: what the console and the
// CLI call; and the console's own files at /. Adds its handlers to the node's HTTP router.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "core/net/http_router.h"
#include "storage/log.h"

namespace mainstem {
class MemoryBudget;
class Metrics;
}  // namespace mainstem
namespace mainstem::connector {
struct ConnectorSpec;
}
namespace mainstem::process {
class JobManager;
}

namespace mainstem::server {

class GroupView;
class TransactionView;

// All borrowed; they outlive the AdminApi. What is null is answered with kUnavailable.
struct AdminDependencies {
  Env* env = nullptr;
  storage::Log* log = nullptr;
  process::JobManager* jobs = nullptr;
  GroupView* groups = nullptr;
  TransactionView* transactions = nullptr;
  MemoryBudget* memory = nullptr;
  Metrics* metrics = nullptr;
  // Registered connectors, sorted by name.
  std::function<std::vector<const connector::ConnectorSpec*>()> connectors;
  // Bytes that clients have read from topics since start, all gateways together. Without it no rate
  // of bytes out is told.
  std::function<int64_t()> bytes_out_total;
};

struct AdminOptions {
  std::string version;
  std::string data_dir;
  std::string kafka_address;  // "127.0.0.1:9092"
  std::string http_address;
  // The records of one answer, as JSON; what is beyond is to be asked for with "next".
  size_t records_answer_bytes = 4 << 20;
  int64_t memory_limit_bytes = 0;  // of the whole process; 0: not told
  // Else calls that change something are taken from loopback only.
  bool allow_remote_changes = false;
};

// Handlers run on the HTTP server's executor, which must be shard 0: the job manager tells results
// there. Outlives the server that calls them.
class AdminApi {
 public:
  AdminApi(AdminDependencies dependencies, AdminOptions options);
  ~AdminApi();
  void AddRoutes(net::HttpRouter* router);
  // Begins to keep what goes on, for the console's charts. Stop() ends it.
  void Start();
  Task<> Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::server
