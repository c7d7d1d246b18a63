// Amazon Data Firehose over the log: a delivery stream is a topic and a job. Behind the AWS door
// (gateway/aws/aws_server.h), which decodes and checks what comes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "connector/job_service.h"
#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/service.h"
#include "gateway/aws/stream_place.h"
#include "storage/log.h"

namespace mainstem::gateway::firehose {

struct FirehoseOptions {
  std::string account = "000000000000";  // of ARNs
};

// Borrows everything but the options; all must outlive it. Run may be called on any shard.
class FirehoseService final : public aws::AwsService {
 public:
  // Reads the definitions and brings the jobs, which have been started, in line with them. On the
  // home shard.
  static Task<std::unique_ptr<FirehoseService>> Open(Env* env, storage::Log* log,
                                                     connector::JobService* jobs,
                                                     MemoryBudget* budget, Metrics* metrics,
                                                     Logger logger, FirehoseOptions options);
  ~FirehoseService() override;
  // Ends what it has begun; must have ended before the destructor runs. Deliveries go on: they are
  // jobs.
  Task<> Stop();

  std::string_view target_prefix() const override { return "Firehose_20150804"; }
  std::string_view signing_name() const override { return "firehose"; }
  const aws::Shape* FindOperation(std::string_view name) const override;
  Task<> Run(aws::AwsCall* call) override;
  // For services that write to delivery streams by themselves. Nothing when there is none of that
  // name that takes records.
  Task<std::optional<aws::StreamPlace>> FindPlace(std::string stream);

 private:
  struct Impl;
  explicit FirehoseService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::firehose
