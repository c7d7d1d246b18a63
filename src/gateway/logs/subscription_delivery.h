// Delivers what subscription filters take to Kinesis streams of this node: a task for each filter
// reads the group's topic and commits messages together with its own position (Log::CommitEpoch),
// so that each event is delivered once, through crashes. Home shard.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/named_tasks.h"
#include "gateway/aws/stream_place.h"
#include "gateway/logs/log_group.h"
#include "storage/log.h"

namespace mainstem::gateway::logs {

class SubscriptionDelivery {
 public:
  struct Parts {
    Env* env;
    storage::Log* log;
    MemoryBudget* budget;
    Metrics* metrics;
    Logger logger;
    std::string account;
    aws::FindStreamPlace find_place;
  };
  explicit SubscriptionDelivery(Parts parts);
  ~SubscriptionDelivery();

  // Begins, or begins anew with what the group's filter of that name says now.
  Task<> Start(LogGroupPtr group, std::string filter);
  // Ends it, and forgets its position.
  Task<> Forget(std::string filter_id);
  Task<> Stop();
  // The message by which a destination is tried. kNotFound when there is no such stream.
  Task<> SendControlMessage(std::string stream);

 private:
  class Delivery;

  Parts parts_;
  prometheus::Counter* dropped_;
  aws::NamedTasks running_;  // by the filter's id
};

}  // namespace mainstem::gateway::logs
