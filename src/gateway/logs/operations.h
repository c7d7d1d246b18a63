// The operations behind LogsService: functions from a call to its answer, on the home shard.
// Internal to gateway/logs.
#pragma once

#include <string>

#include "core/env.h"
#include "core/logging.h"
#include "core/memory_budget.h"
#include "core/metrics.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/sealed_token.h"
#include "gateway/aws/service.h"
#include "gateway/logs/filter_pattern.h"
#include "gateway/logs/log_catalog.h"

namespace mainstem::gateway::logs {

struct LogsCounters {
  prometheus::Counter* events_in;
  prometheus::Counter* bytes_in;
};

// What operations work with. Outlives every call.
struct Context {
  Env* env;
  storage::Log* log;
  MemoryBudget* budget;
  Logger logger;
  LogCatalog* catalog;
  SubscriptionDelivery* delivery;
  const aws::TokenSealer* sealer;
  std::string account;
  LogsCounters counters;

  int64_t NowMs() const { return env->WallTime().value(); }
};

using Operation = Task<> (*)(const Context& context, aws::AwsCall* call);

// group_operations.cc
Task<> CreateLogGroup(const Context& context, aws::AwsCall* call);
Task<> DeleteLogGroup(const Context& context, aws::AwsCall* call);
Task<> PutLogGroupDeletionProtection(const Context& context, aws::AwsCall* call);
Task<> DescribeLogGroups(const Context& context, aws::AwsCall* call);
Task<> PutRetentionPolicy(const Context& context, aws::AwsCall* call);
Task<> DeleteRetentionPolicy(const Context& context, aws::AwsCall* call);
// TagLogGroup, UntagLogGroup, TagResource, UntagResource
Task<> ChangeTags(const Context& context, aws::AwsCall* call);
// ListTagsLogGroup, ListTagsForResource
Task<> ListTags(const Context& context, aws::AwsCall* call);
// stream_operations.cc
Task<> CreateLogStream(const Context& context, aws::AwsCall* call);
Task<> DeleteLogStream(const Context& context, aws::AwsCall* call);
Task<> DescribeLogStreams(const Context& context, aws::AwsCall* call);
// put_operation.cc
Task<> PutLogEvents(const Context& context, aws::AwsCall* call);
// read_operations.cc
Task<> GetLogEvents(const Context& context, aws::AwsCall* call);
Task<> FilterLogEvents(const Context& context, aws::AwsCall* call);
// subscription_operations.cc
Task<> PutSubscriptionFilter(const Context& context, aws::AwsCall* call);
Task<> DescribeSubscriptionFilters(const Context& context, aws::AwsCall* call);
Task<> DeleteSubscriptionFilter(const Context& context, aws::AwsCall* call);
// pattern_operations.cc
Task<> TestMetricFilter(const Context& context, aws::AwsCall* call);

// ---------------------------------------------------------------- shared by them

Status InvalidParameter(std::string message);
Status GroupNotFound();
Status StreamNotFound();
Status GroupIsProtected();
// What logGroupName, logGroupIdentifier or resourceArn name: a ResourceNotFoundException.
struct FoundGroup {
  LogGroupPtr group;
  storage::TopicInfo topic;
};
Result<FoundGroup> FindGroup(const Context& context, const aws::AwsCall& call);
// Without the ":*" behind it.
std::string GroupArn(const Context& context, const aws::AwsCall& call, std::string_view name);
// Of a listing: the name after which to go on. An InvalidParameterException.
std::string MakePageToken(const Context& context, std::string_view after);
Result<std::string> PageAfter(const Context& context, const aws::Value& input);
// An InvalidParameterException.
Result<FilterPattern> PatternOf(std::string_view text);
// Memory for what an operation holds and answers, with what it has already; kResourceExhausted.
Status LeaseMore(const Context& context, int64_t bytes, aws::AwsCall* call);

}  // namespace mainstem::gateway::logs
