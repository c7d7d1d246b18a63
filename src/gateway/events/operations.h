// The operations behind EventsService: functions from a call to its answer, on the home shard.
// Internal to gateway/events.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/metrics.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/sealed_token.h"
#include "gateway/aws/service.h"
#include "gateway/events/archives/archives.h"
#include "gateway/events/archives/replays.h"
#include "gateway/events/bus_catalog.h"
#include "gateway/events/destinations/api_destinations.h"
#include "gateway/events/rules/rule_catalog.h"

namespace mainstem::gateway::events {

// What operations work with. Outlives every call.
struct Context {
  Env* env;
  storage::Log* log;
  BusCatalog* catalog;
  RuleCatalog* rules;
  ApiDestinations* apis;
  Archives* archives;
  Replays* replays;
  const aws::TokenSealer* sealer;
  std::string account;
  prometheus::Counter* events_in;

  int64_t NowMs() const { return env->WallTime().value(); }
};

using Operation = Task<> (*)(const Context& context, aws::AwsCall* call);

// bus_operations.cc
Task<> CreateEventBus(const Context& context, aws::AwsCall* call);
Task<> UpdateEventBus(const Context& context, aws::AwsCall* call);
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

// rules/rule_operations.cc
Task<> PutRule(const Context& context, aws::AwsCall* call);
Task<> DeleteRule(const Context& context, aws::AwsCall* call);
Task<> DescribeRule(const Context& context, aws::AwsCall* call);
Task<> EnableRule(const Context& context, aws::AwsCall* call);
Task<> DisableRule(const Context& context, aws::AwsCall* call);
Task<> ListRules(const Context& context, aws::AwsCall* call);
Task<> ListRuleNamesByTarget(const Context& context, aws::AwsCall* call);
// rules/target_operations.cc
Task<> PutTargets(const Context& context, aws::AwsCall* call);
Task<> RemoveTargets(const Context& context, aws::AwsCall* call);
Task<> ListTargetsByRule(const Context& context, aws::AwsCall* call);

// destinations/destination_operations.cc
Task<> CreateConnection(const Context& context, aws::AwsCall* call);
Task<> UpdateConnection(const Context& context, aws::AwsCall* call);
Task<> DescribeConnection(const Context& context, aws::AwsCall* call);
Task<> DeleteConnection(const Context& context, aws::AwsCall* call);
Task<> ListConnections(const Context& context, aws::AwsCall* call);
Task<> CreateApiDestination(const Context& context, aws::AwsCall* call);
Task<> UpdateApiDestination(const Context& context, aws::AwsCall* call);
Task<> DescribeApiDestination(const Context& context, aws::AwsCall* call);
Task<> DeleteApiDestination(const Context& context, aws::AwsCall* call);
Task<> ListApiDestinations(const Context& context, aws::AwsCall* call);

// archives/archive_operations.cc
Task<> CreateArchive(const Context& context, aws::AwsCall* call);
Task<> UpdateArchive(const Context& context, aws::AwsCall* call);
Task<> DescribeArchive(const Context& context, aws::AwsCall* call);
Task<> DeleteArchive(const Context& context, aws::AwsCall* call);
Task<> ListArchives(const Context& context, aws::AwsCall* call);
// archives/replay_operations.cc
Task<> StartReplay(const Context& context, aws::AwsCall* call);
Task<> CancelReplay(const Context& context, aws::AwsCall* call);
Task<> DescribeReplay(const Context& context, aws::AwsCall* call);
Task<> ListReplays(const Context& context, aws::AwsCall* call);

// ---------------------------------------------------------------- shared by them

// Of a name or an ARN; "default" when it is empty.
std::string BusNameIn(std::string_view name_or_arn);
// Of an archive's ARN; empty when it is none.
std::string ArchiveOfArn(std::string_view arn);
// ResourceNotFoundExceptions.
Status CheckBus(const Context& context, const std::string& bus);
Result<const Rule*> FindRule(const Context& context, const RuleKey& key);
// What a change of rules failed with, kNotFound as Amazon tells it.
Status RuleError(const Status& status);
// Of what EventPattern::Parse said.
Status InvalidEventPattern(const Status& status);
// Applies Tags and TagKeys of an input. A ValidationException when they get too many.
Status SetTags(const aws::Value& input, std::map<std::string, std::string>* tags);
// Of a listing: after what to go on. A ValidationException.
Result<std::string> PageAfter(const Context& context, const aws::Value& input, char kind);
void WriteNextToken(const Context& context, char kind, const std::string& last, aws::AwsCall* call);

// A page of `table` in order of names: those that begin with NamePrefix and are wanted.
struct DefinitionPage {
  std::vector<std::pair<std::string, Definition>> definitions;
  bool has_more = false;
};
struct DefinitionListing {
  char page_kind = 0;  // of its tokens
  std::function<bool(const aws::Value& definition)> wants;
};
Result<DefinitionPage> PageOfDefinitions(const Context& context, const aws::Value& input,
                                         const DefinitionTable& table,
                                         const DefinitionListing& listing);
// NextToken, if there is more.
void WriteNextToken(const Context& context, const DefinitionPage& page, char kind,
                    aws::AwsCall* call);

}  // namespace mainstem::gateway::events
