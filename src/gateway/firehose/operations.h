// The operations behind FirehoseService: functions from a call to its answer, on the home shard.
// Internal to gateway/firehose.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/service.h"
#include "gateway/firehose/stream_catalog.h"

namespace mainstem::gateway::firehose {

struct FirehoseCounters {
  prometheus::Counter* records_in;
  prometheus::Counter* bytes_in;
};

// What operations work with. Outlives every call.
struct Context {
  Env* env;
  storage::Log* log;
  MemoryBudget* budget;
  StreamCatalog* catalog;
  std::string account;
  FirehoseCounters counters;

  int64_t NowMs() const { return env->WallTime().value(); }
};

using Operation = Task<> (*)(const Context& context, aws::AwsCall* call);

// stream_operations.cc
Task<> CreateDeliveryStream(const Context& context, aws::AwsCall* call);
Task<> DeleteDeliveryStream(const Context& context, aws::AwsCall* call);
Task<> DescribeDeliveryStream(const Context& context, aws::AwsCall* call);
Task<> ListDeliveryStreams(const Context& context, aws::AwsCall* call);
Task<> UpdateDestination(const Context& context, aws::AwsCall* call);
// tag_operations.cc
Task<> TagDeliveryStream(const Context& context, aws::AwsCall* call);
Task<> UntagDeliveryStream(const Context& context, aws::AwsCall* call);
Task<> ListTagsForDeliveryStream(const Context& context, aws::AwsCall* call);
// put_operations.cc
Task<> PutRecord(const Context& context, aws::AwsCall* call);
Task<> PutRecordBatch(const Context& context, aws::AwsCall* call);

// ---------------------------------------------------------------- shared by them

// What DeliveryStreamName names: a ResourceNotFoundException.
Result<const DeliveryStream*> FindStream(const Context& context, const aws::AwsCall& call);
// The outcome of a change, as it is told to the caller.
Status ToldOfStream(const Context& context, const aws::AwsCall& call, Status outcome);
// An InvalidArgumentException for too many.
Status AddTags(const aws::Value& input, std::map<std::string, std::string>* tags);

}  // namespace mainstem::gateway::firehose
