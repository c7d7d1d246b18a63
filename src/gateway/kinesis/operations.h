// The operations behind KinesisService: functions from a call to its answer, on any shard. Internal
// to gateway/kinesis.
#pragma once

#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/sealed_token.h"
#include "gateway/aws/service.h"
#include "gateway/aws/topic_owner.h"
#include "gateway/kinesis/shard_limits.h"
#include "gateway/kinesis/stream_catalog.h"
#include "gateway/kinesis/subscriptions.h"

namespace mainstem::gateway::kinesis {

struct KinesisCounters {
  prometheus::Counter* records_in;
  prometheus::Counter* bytes_in;
  prometheus::Counter* records_out;
  prometheus::Counter* bytes_out;
};

// What operations work with. Outlives every call.
struct Context {
  Env* env;
  storage::Log* log;
  MemoryBudget* budget;
  StreamCatalog* catalog;
  const Logger* logger;
  const aws::TokenSealer* sealer;
  Subscriptions* subscriptions;
  ShardLimits* limits;             // null: there are none
  aws::FindTopicOwner find_owner;  // may be empty
  std::string account;
  KinesisCounters counters;

  int64_t NowMs() const { return env->WallTime().value(); }
};

using Operation = Task<> (*)(const Context& context, aws::AwsCall* call);

// stream_operations.cc
Task<> CreateStream(const Context& context, aws::AwsCall* call);
Task<> DeleteStream(const Context& context, aws::AwsCall* call);
Task<> DescribeStream(const Context& context, aws::AwsCall* call);
Task<> DescribeStreamSummary(const Context& context, aws::AwsCall* call);
Task<> ListStreams(const Context& context, aws::AwsCall* call);
// shard_operations.cc
Task<> ListShards(const Context& context, aws::AwsCall* call);
// put_operations.cc
Task<> PutRecord(const Context& context, aws::AwsCall* call);
Task<> PutRecords(const Context& context, aws::AwsCall* call);
// read_operations.cc
Task<> GetShardIterator(const Context& context, aws::AwsCall* call);
Task<> GetRecords(const Context& context, aws::AwsCall* call);

// reshard_operations.cc
Task<> SplitShard(const Context& context, aws::AwsCall* call);
Task<> MergeShards(const Context& context, aws::AwsCall* call);
Task<> UpdateShardCount(const Context& context, aws::AwsCall* call);
// setting_operations.cc
Task<> IncreaseStreamRetentionPeriod(const Context& context, aws::AwsCall* call);
Task<> DecreaseStreamRetentionPeriod(const Context& context, aws::AwsCall* call);
// AddTagsToStream, RemoveTagsFromStream, TagResource, UntagResource
Task<> ChangeTagsOfStream(const Context& context, aws::AwsCall* call);
Task<> ListTagsForStream(const Context& context, aws::AwsCall* call);
Task<> ListTagsForResource(const Context& context, aws::AwsCall* call);
Task<> UpdateStreamMode(const Context& context, aws::AwsCall* call);
Task<> UpdateMaxRecordSize(const Context& context, aws::AwsCall* call);
Task<> DescribeLimits(const Context& context, aws::AwsCall* call);
// consumer_operations.cc
Task<> RegisterStreamConsumer(const Context& context, aws::AwsCall* call);
Task<> DescribeStreamConsumer(const Context& context, aws::AwsCall* call);
Task<> ListStreamConsumers(const Context& context, aws::AwsCall* call);
Task<> DeregisterStreamConsumer(const Context& context, aws::AwsCall* call);
// subscribe_operation.cc
Task<> SubscribeToShard(const Context& context, aws::AwsCall* call);

// ---------------------------------------------------------------- shared by them

// The stream that StreamName, or StreamARN or another ARN in it, names; a ResourceNotFoundException
// when there is none, an InvalidArgumentException when they name several.
Task<StreamPtr> FindStream(const Context& context, const aws::AwsCall* call);
// One that may be changed or deleted here: a ResourceInUseException when it belongs to another
// service.
Task<StreamPtr> FindOwnStream(const Context& context, const aws::AwsCall* call);
std::string StreamArn(const Context& context, const aws::AwsCall& call, const std::string& name);
Status StreamNotFound(const Context& context, std::string_view name);
Status RateExceeded(const Context& context, const Stream& stream, const Shard& shard);
void WriteShard(const Shard& shard, aws::BodyWriter* answer);
void WriteHashKeyRange(const HashKeyRange& range, aws::BodyWriter* answer);

}  // namespace mainstem::gateway::kinesis
