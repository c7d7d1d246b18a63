// The Kafka door of the node: listens, gives each connection to a shard, owns the
// coordinators of groups and transactions. Start and Stop from any task; Stop ends every connection
// (well within a second) and must have ended before the destructor runs. Clients that were cut off
// reconnect by themselves.
#pragma once

#include <memory>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/kafka/settings.h"
#include "storage/log.h"

namespace mainstem::gateway::kafka {

class KafkaServer {
 public:
  // Borrows everything but the settings; all must outlive it.
  KafkaServer(Env* env, storage::Log* log, storage::TransactionLog* transaction_log,
              MemoryBudget* budget, Metrics* metrics, Logger logger, KafkaSettings settings);
  ~KafkaServer();

  // Loads committed offsets and transactions, then listens. kAddressInUse when the port is taken.
  Task<> Start();
  Task<> Stop();
  // After Start: the port that was taken.
  uint16_t port() const;
  GroupCoordinator& groups();
  TransactionCoordinator& transactions();
  // Bytes of record batches that clients have fetched since start; any thread.
  int64_t fetched_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::kafka
