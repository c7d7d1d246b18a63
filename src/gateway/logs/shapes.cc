#include "gateway/logs/shapes.h"

#include <algorithm>
#include <map>
#include <string>

#include "gateway/aws/shape_parts.h"

namespace mainstem::gateway::logs {
namespace {

using aws::Pattern;
using aws::Shape;
using namespace aws::parts;

bool IsGroupCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_/#").find(c) != std::string_view::npos;
}
bool IsGroupName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsGroupCharacter);
}
bool IsGroupNamePart(std::string_view text) { return text.empty() || IsGroupName(text); }
bool IsStreamName(std::string_view text) {
  return text.find_first_of(":*") == std::string_view::npos;
}
bool IsIdentifier(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsGroupCharacter(c) || std::string_view("+=:,@*").find(c) != std::string_view::npos;
  });
}

constexpr Pattern kGroupName{"[\\.\\-_/#A-Za-z0-9]+", IsGroupName};
constexpr Pattern kGroupNamePart{"[\\.\\-_/#A-Za-z0-9]*", IsGroupNamePart};
constexpr Pattern kStreamName{"[^:*]*", IsStreamName};
constexpr Pattern kIdentifier{"[\\w#+=/:,.@-]*", IsIdentifier};

Shape GroupName() { return Matching(&kGroupName, Text(1, 512)); }
Shape StreamName() { return Matching(&kStreamName, Text(1, 512)); }
Shape GroupIdentifier() { return Matching(&kIdentifier, Text(1, 2048)); }
Shape Token() { return {.type = aws::ShapeType::kString, .minimum = 1}; }
Shape PatternText() { return Text(0, 1024); }
Shape GroupClass() { return OneOf({"STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"}); }

Shape Tags() {
  Shape tags = Map(AnyText(), 1, 50);
  tags.key_lengths = {1, 128};
  tags.item_lengths = {0, 256};
  return tags;
}

using Shapes = std::map<std::string, Shape, std::less<>>;

void AddGroupOperations(Shapes* shapes) {
  (*shapes)["CreateLogGroup"] = Structure({{"logGroupName", Required(GroupName())},
                                           {"kmsKeyId", Text(0, 256)},
                                           {"tags", Tags()},
                                           {"logGroupClass", GroupClass()},
                                           {"deletionProtectionEnabled", Flag()}});
  (*shapes)["DeleteLogGroup"] = Structure({{"logGroupName", Required(GroupName())}});
  (*shapes)["DescribeLogGroups"] =
      Structure({{"accountIdentifiers", List(Text(12, 12), 0, 20)},
                 {"logGroupNamePrefix", GroupName()},
                 {"logGroupNamePattern", Matching(&kGroupNamePart, Text(0, 512))},
                 {"nextToken", Token()},
                 {"limit", Whole(1, 50)},
                 {"includeLinkedAccounts", Flag()},
                 {"logGroupClass", GroupClass()},
                 {"logGroupIdentifiers", List(GroupIdentifier(), 1, 50)}});
  (*shapes)["PutLogGroupDeletionProtection"] =
      Structure({{"logGroupIdentifier", Required(GroupIdentifier())},
                 {"deletionProtectionEnabled", Required(Flag())}});
  (*shapes)["PutRetentionPolicy"] =
      Structure({{"logGroupName", Required(GroupName())},
                 {"retentionInDays", Required(Whole(INT32_MIN, INT32_MAX))}});
  (*shapes)["DeleteRetentionPolicy"] = Structure({{"logGroupName", Required(GroupName())}});
  Shape group = Required(GroupName());
  Shape arn = Required(Text(1, 1011));
  (*shapes)["TagLogGroup"] = Structure({{"logGroupName", group}, {"tags", Required(Tags())}});
  (*shapes)["UntagLogGroup"] =
      Structure({{"logGroupName", group}, {"tags", Required(List(Text(1, 128), 1, 1000))}});
  (*shapes)["ListTagsLogGroup"] = Structure({{"logGroupName", group}});
  (*shapes)["TagResource"] = Structure({{"resourceArn", arn}, {"tags", Required(Tags())}});
  (*shapes)["UntagResource"] =
      Structure({{"resourceArn", arn}, {"tagKeys", Required(List(Text(1, 128), 0, 50))}});
  (*shapes)["ListTagsForResource"] = Structure({{"resourceArn", arn}});
}

void AddStreamOperations(Shapes* shapes) {
  for (const char* name : {"CreateLogStream", "DeleteLogStream"}) {
    (*shapes)[name] = Structure(
        {{"logGroupName", Required(GroupName())}, {"logStreamName", Required(StreamName())}});
  }
  (*shapes)["DescribeLogStreams"] =
      Structure({{"logGroupName", GroupName()},
                 {"logGroupIdentifier", GroupIdentifier()},
                 {"logStreamNamePrefix", StreamName()},
                 {"orderBy", OneOf({"LogStreamName", "LastEventTime"})},
                 {"descending", Flag()},
                 {"nextToken", Token()},
                 {"limit", Whole(1, 50)}});
}

void AddEventOperations(Shapes* shapes) {
  Shape event = Structure({{"timestamp", Required(Long(0))}, {"message", Required(Token())}});
  Shape events = Required(List(event, 1, 10'000));
  events.item_text = "InputLogEvent";
  (*shapes)["PutLogEvents"] = Structure({{"logGroupName", Required(GroupName())},
                                         {"logStreamName", Required(StreamName())},
                                         {"logEvents", events},
                                         {"sequenceToken", Token()}});
  (*shapes)["GetLogEvents"] = Structure({{"logGroupName", GroupName()},
                                         {"logGroupIdentifier", GroupIdentifier()},
                                         {"logStreamName", Required(StreamName())},
                                         {"startTime", Long(0)},
                                         {"endTime", Long(0)},
                                         {"nextToken", Token()},
                                         {"limit", Whole(1, 10'000)},
                                         {"startFromHead", Flag()},
                                         {"unmask", Flag()}});
  (*shapes)["FilterLogEvents"] = Structure({{"logGroupName", GroupName()},
                                            {"logGroupIdentifier", GroupIdentifier()},
                                            {"logStreamNames", List(StreamName(), 1, 100)},
                                            {"logStreamNamePrefix", StreamName()},
                                            {"startTime", Long(0)},
                                            {"endTime", Long(0)},
                                            {"filterPattern", PatternText()},
                                            {"nextToken", Token()},
                                            {"limit", Whole(1, 10'000)},
                                            {"startFromHead", Flag()},
                                            {"interleaved", Flag()},
                                            {"unmask", Flag()}});
  (*shapes)["TestMetricFilter"] = Structure({{"filterPattern", Required(PatternText())},
                                             {"logEventMessages", Required(List(Token(), 1, 50))}});
}

void AddSubscriptionOperations(Shapes* shapes) {
  Shape group = Required(GroupName());
  (*shapes)["PutSubscriptionFilter"] =
      Structure({{"logGroupName", group},
                 {"filterName", Required(StreamName())},
                 {"filterPattern", Required(PatternText())},
                 {"destinationArn", Required(Token())},
                 {"roleArn", Token()},
                 {"distribution", OneOf({"Random", "ByLogStream"})},
                 {"applyOnTransformedLogs", Flag()}});
  (*shapes)["DescribeSubscriptionFilters"] = Structure({{"logGroupName", group},
                                                        {"filterNamePrefix", StreamName()},
                                                        {"nextToken", Token()},
                                                        {"limit", Whole(1, 50)}});
  (*shapes)["DeleteSubscriptionFilter"] =
      Structure({{"logGroupName", group}, {"filterName", Required(StreamName())}});
}

}  // namespace

const Shape* FindShape(std::string_view operation) {
  static const Shapes shapes = [] {
    Shapes all;
    AddGroupOperations(&all);
    AddStreamOperations(&all);
    AddEventOperations(&all);
    AddSubscriptionOperations(&all);
    return all;
  }();
  auto it = shapes.find(operation);
  return it == shapes.end() ? nullptr : &it->second;
}

}  // namespace mainstem::gateway::logs
