// CloudWatch Logs over the log: a log group is a topic, its streams' names are the records' keys.
// Behind the AWS door (gateway/aws/aws_server.h), which decodes and checks what comes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/log_place.h"
#include "gateway/aws/service.h"
#include "gateway/aws/stream_place.h"
#include "storage/log.h"

namespace mainstem::gateway::logs {

struct LogsOptions {
  std::string account = "000000000000";  // of ARNs
  // The streams that subscriptions deliver to.
  aws::FindStreamPlace find_place;
};

// Borrows everything but the options; all must outlive it. Run may be called on any shard.
class LogsService final : public aws::AwsService {
 public:
  // Reads the groups' definitions and begins to deliver. On the home shard.
  static Task<std::unique_ptr<LogsService>> Open(Env* env, storage::Log* log, MemoryBudget* budget,
                                                 Metrics* metrics, Logger logger,
                                                 LogsOptions options);
  ~LogsService() override;
  // Ends the deliveries of subscriptions; must have ended before the destructor runs.
  Task<> Stop();

  std::string_view target_prefix() const override { return "Logs_20140328"; }
  std::string_view signing_name() const override { return "logs"; }
  std::string_view validation_error() const override { return "InvalidParameterException"; }
  const aws::Shape* FindOperation(std::string_view name) const override;
  Task<> Run(aws::AwsCall* call) override;
  // For services that write to groups by themselves.
  Task<std::optional<aws::LogPlace>> FindPlace(std::string group, std::string stream);
  // As aws::FindTopicOwner: "log group /app/web".
  Task<std::string> FindOwner(storage::TopicInfo topic);

 private:
  struct Impl;
  explicit LogsService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::logs
