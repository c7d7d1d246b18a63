// The AWS door: one port for all services. Accepts connections and spreads them over the shards;
// finds the service by X-Amz-Target, checks the signature, decodes and checks the input, runs the
// operation, and answers in the codec that was asked in.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "core/net/tls/tls_server.h"
#include "gateway/aws/credentials.h"
#include "gateway/aws/service.h"

namespace mainstem::gateway::aws {

struct AwsSettings {
  std::string host;
  uint16_t port = 0;
  Credentials credentials;
  std::shared_ptr<const net::TlsServer> tls{};
  size_t body_limit = 16u << 20;  // 10 MiB of data, in base64
};

// Borrows everything but the settings; all must outlive it. Start and Stop from any task; Stop must
// have ended before the destructor runs.
class AwsServer {
 public:
  AwsServer(Env* env, MemoryBudget* budget, Metrics* metrics, Logger logger, AwsSettings settings,
            std::vector<AwsService*> services);
  ~AwsServer();

  // kAddressInUse when the port is taken.
  Task<> Start();
  Task<> Stop();
  // Serves one connection that exists already, on the calling task's shard; for tests.
  void Serve(std::unique_ptr<Stream> stream);
  uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::aws
