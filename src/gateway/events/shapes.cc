#include "gateway/events/shapes.h"

#include <algorithm>
#include <map>
#include <string>

#include "gateway/aws/shape_parts.h"

namespace mainstem::gateway::events {
namespace {

using aws::Pattern;
using aws::Shape;
using namespace aws::parts;

bool IsBusCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("/.-_").find(c) != std::string_view::npos;
}
bool IsBusName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsBusCharacter);
}
// A name, or an ARN with one.
bool IsBusNameOrArn(std::string_view text) {
  constexpr std::string_view kBefore = ":event-bus/";
  size_t name = text.find(kBefore);
  if (text.starts_with("arn:aws") && name != std::string_view::npos) {
    text.remove_prefix(name + kBefore.size());
  }
  return IsBusName(text);
}

constexpr Pattern kBusName{"[/\\.\\-_A-Za-z0-9]+", IsBusName};
constexpr Pattern kBusNameOrArn{
    "(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[/\\.\\-_A-Za-z0-9]+",
    IsBusNameOrArn};

Shape BusName() { return Matching(&kBusName, Text(1, 256)); }
Shape BusNameOrArn() { return Matching(&kBusNameOrArn, Text(1, 1600)); }
Shape TagList() {
  return List(Structure({{"Key", Required(Text(1, 128))}, {"Value", Required(Text(0, 256))}}), 0,
              50);
}

using Shapes = std::map<std::string, Shape, std::less<>>;

void AddBusOperations(Shapes* shapes) {
  (*shapes)["CreateEventBus"] = Structure({{"Name", Required(BusName())},
                                           {"EventSourceName", Text(1, 256)},
                                           {"Description", Text(0, 512)},
                                           {"KmsKeyIdentifier", Text(0, 2048)},
                                           {"Tags", TagList()}});
  (*shapes)["UpdateEventBus"] = Structure(
      {{"Name", BusName()}, {"Description", Text(0, 512)}, {"KmsKeyIdentifier", Text(0, 2048)}});
  (*shapes)["DeleteEventBus"] = Structure({{"Name", Required(BusName())}});
  (*shapes)["DescribeEventBus"] = Structure({{"Name", BusNameOrArn()}});
  (*shapes)["ListEventBuses"] = Structure(
      {{"NamePrefix", BusName()}, {"NextToken", Text(1, 2048)}, {"Limit", Whole(1, 100)}});
  Shape arn = Required(Text(1, 1600));
  (*shapes)["TagResource"] = Structure({{"ResourceARN", arn}, {"Tags", Required(TagList())}});
  (*shapes)["UntagResource"] =
      Structure({{"ResourceARN", arn}, {"TagKeys", Required(List(Text(1, 128), 0, 50))}});
  (*shapes)["ListTagsForResource"] = Structure({{"ResourceARN", arn}});
}

void AddEventOperations(Shapes* shapes) {
  Shape entry = Structure({{"Time", Time()},
                           {"Source", AnyText()},
                           {"Resources", List(Text(0, 2048), 0, 10'000)},
                           {"DetailType", AnyText()},
                           {"Detail", AnyText()},
                           {"EventBusName", BusNameOrArn()},
                           {"TraceHeader", Text(1, 500)}});
  Shape entries = Required(List(entry, 1, 10));
  entries.item_text = "PutEventsRequestEntry";
  (*shapes)["PutEvents"] = Structure({{"Entries", entries}, {"EndpointId", Text(1, 50)}});
  (*shapes)["TestEventPattern"] =
      Structure({{"EventPattern", Required(Text(0, 4096))}, {"Event", Required(AnyText())}});
}

bool IsRuleCharacter(char c) { return c != '/' && IsBusCharacter(c); }
bool IsRuleName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsRuleCharacter);
}
constexpr Pattern kRuleName{"[\\.\\-_A-Za-z0-9]+", IsRuleName};
Shape RuleName() { return Matching(&kRuleName, Text(1, 64)); }
Shape Page() { return Text(1, 2048); }
Shape PageSize() { return Whole(1, 100); }

void AddRuleOperations(Shapes* shapes) {
  Shape state = OneOf({"ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"});
  (*shapes)["PutRule"] = Structure({{"Name", Required(RuleName())},
                                    {"ScheduleExpression", Text(0, 256)},
                                    {"EventPattern", Text(0, 4096)},
                                    {"State", state},
                                    {"Description", Text(0, 512)},
                                    {"RoleArn", Text(1, 1600)},
                                    {"Tags", TagList()},
                                    {"EventBusName", BusNameOrArn()}});
  Shape named = Structure({{"Name", Required(RuleName())}, {"EventBusName", BusNameOrArn()}});
  for (std::string_view name : {"DescribeRule", "EnableRule", "DisableRule"}) {
    (*shapes)[std::string(name)] = named;
  }
  (*shapes)["DeleteRule"] = Structure(
      {{"Name", Required(RuleName())}, {"EventBusName", BusNameOrArn()}, {"Force", Flag()}});
  (*shapes)["ListRules"] = Structure({{"NamePrefix", RuleName()},
                                      {"EventBusName", BusNameOrArn()},
                                      {"NextToken", Page()},
                                      {"Limit", PageSize()}});
  (*shapes)["ListRuleNamesByTarget"] = Structure({{"TargetArn", Required(Text(1, 1600))},
                                                  {"EventBusName", BusNameOrArn()},
                                                  {"NextToken", Page()},
                                                  {"Limit", PageSize()}});
}

Shape TargetShape() {
  Shape paths = Map(Text(0, 256), 0, 100);
  Shape transformer =
      Structure({{"InputPathsMap", paths}, {"InputTemplate", Required(Text(1, 8192))}});
  Shape http = Structure({{"PathParameterValues", List(AnyText(), 0, 100)},
                          {"HeaderParameters", Map(Text(0, 512), 0, 100)},
                          {"QueryStringParameters", Map(Text(0, 512), 0, 100)}});
  return Structure(
      {{"Id", Required(RuleName())},
       {"Arn", Required(Text(1, 1600))},
       {"RoleArn", Text(1, 1600)},
       {"Input", Text(0, 8192)},
       {"InputPath", Text(0, 256)},
       {"InputTransformer", transformer},
       {"KinesisParameters", Structure({{"PartitionKeyPath", Required(Text(0, 256))}})},
       {"SqsParameters", Structure({{"MessageGroupId", Text(0, 100)}})},
       {"HttpParameters", http},
       {"DeadLetterConfig", Structure({{"Arn", Text(1, 1600)}})},
       {"RetryPolicy", Structure({{"MaximumRetryAttempts", Whole(0, 185)},
                                  {"MaximumEventAgeInSeconds", Whole(60, 86400)}})}});
}

void AddTargetOperations(Shapes* shapes) {
  Shape targets = Required(List(TargetShape(), 1, 100));
  targets.item_text = "Target";
  (*shapes)["PutTargets"] = Structure(
      {{"Rule", Required(RuleName())}, {"EventBusName", BusNameOrArn()}, {"Targets", targets}});
  (*shapes)["RemoveTargets"] = Structure({{"Rule", Required(RuleName())},
                                          {"EventBusName", BusNameOrArn()},
                                          {"Ids", Required(List(RuleName(), 1, 100))},
                                          {"Force", Flag()}});
  (*shapes)["ListTargetsByRule"] = Structure({{"Rule", Required(RuleName())},
                                              {"EventBusName", BusNameOrArn()},
                                              {"NextToken", Page()},
                                              {"Limit", PageSize()}});
}

Shape PairList() {
  return List(Structure({{"Key", AnyText()}, {"Value", AnyText()}, {"IsValueSecret", Flag()}}), 0,
              100);
}

void AddConnectionOperations(Shapes* shapes) {
  Shape more = Structure({{"HeaderParameters", PairList()},
                          {"QueryStringParameters", PairList()},
                          {"BodyParameters", PairList()}});
  auto parameters = [&](Shape secret) {
    return Structure(
        {{"BasicAuthParameters", Structure({{"Username", secret}, {"Password", secret}})},
         {"ApiKeyAuthParameters", Structure({{"ApiKeyName", secret}, {"ApiKeyValue", secret}})},
         {"InvocationHttpParameters", more}});
  };
  Shape type = OneOf({"BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY"});
  Shape name = Required(RuleName());
  (*shapes)["CreateConnection"] =
      Structure({{"Name", name},
                 {"Description", Text(0, 512)},
                 {"AuthorizationType", Required(type)},
                 {"AuthParameters", Required(parameters(Required(Text(1, 512))))}});
  (*shapes)["UpdateConnection"] = Structure({{"Name", name},
                                             {"Description", Text(0, 512)},
                                             {"AuthorizationType", type},
                                             {"AuthParameters", parameters(Text(1, 512))}});
  (*shapes)["DescribeConnection"] = Structure({{"Name", name}});
  (*shapes)["DeleteConnection"] = Structure({{"Name", name}});
  (*shapes)["ListConnections"] = Structure({{"NamePrefix", RuleName()},
                                            {"ConnectionState", AnyText()},
                                            {"NextToken", Page()},
                                            {"Limit", PageSize()}});
}

void AddApiDestinationOperations(Shapes* shapes) {
  Shape method = OneOf({"POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"});
  Shape name = Required(RuleName());
  Shape rate = Whole(1, 1'000'000);
  (*shapes)["CreateApiDestination"] = Structure({{"Name", name},
                                                 {"Description", Text(0, 512)},
                                                 {"ConnectionArn", Required(Text(1, 1600))},
                                                 {"InvocationEndpoint", Required(Text(1, 2048))},
                                                 {"HttpMethod", Required(method)},
                                                 {"InvocationRateLimitPerSecond", rate}});
  (*shapes)["UpdateApiDestination"] = Structure({{"Name", name},
                                                 {"Description", Text(0, 512)},
                                                 {"ConnectionArn", Text(1, 1600)},
                                                 {"InvocationEndpoint", Text(1, 2048)},
                                                 {"HttpMethod", method},
                                                 {"InvocationRateLimitPerSecond", rate}});
  (*shapes)["DescribeApiDestination"] = Structure({{"Name", name}});
  (*shapes)["DeleteApiDestination"] = Structure({{"Name", name}});
  (*shapes)["ListApiDestinations"] = Structure({{"NamePrefix", RuleName()},
                                                {"ConnectionArn", Text(1, 1600)},
                                                {"NextToken", Page()},
                                                {"Limit", PageSize()}});
}

void AddArchiveOperations(Shapes* shapes) {
  Shape name = Required(Matching(&kRuleName, Text(1, 48)));
  Shape days = Whole(0, 36'500);
  (*shapes)["CreateArchive"] = Structure({{"ArchiveName", name},
                                          {"EventSourceArn", Required(BusNameOrArn())},
                                          {"Description", Text(0, 512)},
                                          {"EventPattern", Text(0, 4096)},
                                          {"RetentionDays", days}});
  (*shapes)["UpdateArchive"] = Structure({{"ArchiveName", name},
                                          {"Description", Text(0, 512)},
                                          {"EventPattern", Text(0, 4096)},
                                          {"RetentionDays", days}});
  (*shapes)["DescribeArchive"] = Structure({{"ArchiveName", name}});
  (*shapes)["DeleteArchive"] = Structure({{"ArchiveName", name}});
  Shape prefix = Matching(&kRuleName, Text(1, 64));
  Shape listing = Structure({{"NamePrefix", prefix},
                             {"EventSourceArn", Text(1, 1600)},
                             {"State", AnyText()},
                             {"NextToken", Page()},
                             {"Limit", PageSize()}});
  (*shapes)["ListArchives"] = listing;
  (*shapes)["ListReplays"] = listing;
  Shape destination =
      Structure({{"Arn", Required(Text(1, 1600))}, {"FilterArns", List(Text(1, 1600), 0, 300)}});
  (*shapes)["StartReplay"] = Structure({{"ReplayName", Required(RuleName())},
                                        {"Description", Text(0, 512)},
                                        {"EventSourceArn", Required(Text(1, 1600))},
                                        {"EventStartTime", Required(Time())},
                                        {"EventEndTime", Required(Time())},
                                        {"Destination", Required(destination)}});
  (*shapes)["CancelReplay"] = Structure({{"ReplayName", Required(RuleName())}});
  (*shapes)["DescribeReplay"] = Structure({{"ReplayName", Required(RuleName())}});
}

}  // namespace

const Shape* FindShape(std::string_view operation) {
  static const Shapes shapes = [] {
    Shapes all;
    AddBusOperations(&all);
    AddEventOperations(&all);
    AddRuleOperations(&all);
    AddTargetOperations(&all);
    AddConnectionOperations(&all);
    AddApiDestinationOperations(&all);
    AddArchiveOperations(&all);
    return all;
  }();
  auto it = shapes.find(operation);
  return it == shapes.end() ? nullptr : &it->second;
}

}  // namespace mainstem::gateway::events
