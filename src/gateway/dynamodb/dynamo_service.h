// The part of DynamoDB that keeps KCL's leases: tables with conditional writes, queries, scans and
// transactions, over the log's own store. Behind the AWS door (gateway/aws/aws_server.h), which
// decodes and checks what comes.
#pragma once

#include <memory>
#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "gateway/aws/service.h"
#include "storage/log.h"

namespace mainstem::gateway::dynamodb {

struct DynamoOptions {
  std::string account = "000000000000";  // of ARNs
};

// Borrows everything but the options; all must outlive it. Run may be called on any shard.
class DynamoService final : public aws::AwsService {
 public:
  // Reads all tables. On the home shard. When they do not fit into memory the log says so, and
  // every operation answers that with a 503: the node's other doors need no tables.
  static Task<std::unique_ptr<DynamoService>> Open(Env* env, storage::Log* log,
                                                   MemoryBudget* budget, Logger logger,
                                                   DynamoOptions options);
  ~DynamoService() override;

  std::string_view target_prefix() const override { return "DynamoDB_20120810"; }
  std::string_view signing_name() const override { return "dynamodb"; }
  const aws::Shape* FindOperation(std::string_view name) const override;
  Task<> Run(aws::AwsCall* call) override;

 private:
  struct Impl;
  explicit DynamoService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::dynamodb
