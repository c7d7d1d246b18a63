// Kinesis Data Streams over the log: a topic is a stream, its partitions are the stream's shards.
// Behind the AWS door (gateway/aws/aws_server.h), which decodes and checks what comes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/service.h"
#include "gateway/aws/stream_place.h"
#include "gateway/aws/topic_owner.h"
#include "storage/log.h"

namespace mainstem::gateway::kinesis {

struct KinesisOptions {
  std::string account = "000000000000";  // of ARNs and messages
  bool limits = false;                   // Amazon's, of each shard's throughput
  // Topics of other services can't be changed as streams; may be empty.
  aws::FindTopicOwner find_owner{};
};

// Borrows everything but the options; all must outlive it. Run may be called on any shard.
class KinesisService final : public aws::AwsService {
 public:
  // Reads the streams' metadata. On the home shard.
  static Task<std::unique_ptr<KinesisService>> Open(Env* env, storage::Log* log,
                                                    MemoryBudget* budget, Metrics* metrics,
                                                    Logger logger, KinesisOptions options);
  ~KinesisService() override;

  std::string_view target_prefix() const override { return "Kinesis_20131202"; }
  std::string_view signing_name() const override { return "kinesis"; }
  const aws::Shape* FindOperation(std::string_view name) const override;
  Task<> Run(aws::AwsCall* call) override;
  // For services that write to streams by themselves.
  Task<std::optional<aws::StreamPlace>> FindPlace(std::string stream, std::string partition_key);

 private:
  struct Impl;
  explicit KinesisService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mainstem::gateway::kinesis
