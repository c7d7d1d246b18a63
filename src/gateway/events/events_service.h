// EventBridge (CloudWatch Events) over the log: an event bus is a topic, its rules are readers of
// it. Behind the AWS door (gateway/aws/aws_server.h), which decodes and checks what comes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/log_place.h"
#include "gateway/aws/service.h"
#include "gateway/aws/stream_place.h"
#include "storage/log.h"

namespace mainstem::gateway::events {

struct EventsOptions {
  std::string account = "000000000000";  // of ARNs and events
  // What rules deliver to.
  aws::FindStreamPlace find_stream;
  aws::FindLogPlace find_log;
};

// Borrows everything but the options; all must outlive it. Run may be called on any shard.
class EventsService final : public aws::AwsService {
 public:
  // Reads the definitions of buses and rules, and begins to deliver. On the home shard.
  static Task<std::unique_ptr<EventsService>> Open(Env* env, storage::Log* log,
                                                   MemoryBudget* budget, Metrics* metrics,
                                                   Logger logger, EventsOptions options);
  ~EventsService() override;
  // Ends the deliveries to targets; must have ended before the destructor runs.
  Task<> Stop();

  std::string_view target_prefix() const override { return "AWSEvents"; }
  std::string_view signing_name() const override { return "events"; }
  const aws::Shape* FindOperation(std::string_view name) const override;
  Task<> Run(aws::AwsCall* call) override;
  // As aws::FindTopicOwner: "event bus default".
  Task<std::string> FindOwner(storage::TopicInfo topic);

 private:
  struct Impl;
  explicit EventsService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::events
