// The operations behind EventsService: functions from a call to its answer, on the home shard.
// Internal to gateway/events.
#pragma once

#include <string>

#include "core/env.h"
#include "core/metrics.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/sealed_token.h"
#include "gateway/aws/service.h"
#include "gateway/events/bus_catalog.h"

namespace mainstem::gateway::events {

// What operations work with. Outlives every call.
struct Context {
  Env* env;
  storage::Log* log;
  BusCatalog* catalog;
  const aws::TokenSealer* sealer;
  std::string account;
  prometheus::Counter* events_in;

  int64_t NowMs() const { return env->WallTime().value(); }
};

using Operation = Task<> (*)(const Context& context, aws::AwsCall* call);

// bus_operations.cc
Task<> CreateEventBus(const Context& context, aws::AwsCall* call);
Task<> DeleteEventBus(const Context& context, aws::AwsCall* call);
Task<> DescribeEventBus(const Context& context, aws::AwsCall* call);
Task<> ListEventBuses(const Context& context, aws::AwsCall* call);
// TagResource, UntagResource
Task<> ChangeTags(const Context& context, aws::AwsCall* call);
Task<> ListTagsForResource(const Context& context, aws::AwsCall* call);
// put_events.cc
Task<> PutEvents(const Context& context, aws::AwsCall* call);
// pattern_operations.cc
Task<> TestEventPattern(const Context& context, aws::AwsCall* call);

// ---------------------------------------------------------------- shared by them

// Of a name or an ARN; "default" when it is empty.
std::string BusNameIn(std::string_view name_or_arn);

}  // namespace mainstem::gateway::events
