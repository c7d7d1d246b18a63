#include "gateway/kinesis/shapes.h"

#include <map>
#include <string>

namespace mainstem::gateway::kinesis {
namespace {

using aws::Field;
using aws::Pattern;
using aws::Shape;
using aws::ShapeType;

bool IsName(std::string_view text) {
  for (char c : text) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '_' || c == '.' || c == '-';
    if (!good) return false;
  }
  return !text.empty();
}

// 0, or digits without a leading zero.
bool IsNumber(std::string_view text, size_t digits_max) {
  if (text.empty() || text.size() > digits_max || (text[0] == '0' && text.size() > 1)) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}
bool IsHashKey(std::string_view text) { return IsNumber(text, 39); }
bool IsSequenceNumber(std::string_view text) { return IsNumber(text, 129); }

// "arn:aws*:kinesis:*:<12 digits>:KIND/*"
bool IsArn(std::string_view text, std::string_view kind) {
  if (!text.starts_with("arn:aws")) return false;
  size_t service = text.find(":kinesis:");
  if (service == std::string_view::npos) return false;
  size_t resource = text.find(std::string(":") + std::string(kind) + "/", service);
  if (resource == std::string_view::npos || resource < 12) return false;
  std::string_view account = text.substr(resource - 12, 12);
  return account.find_first_not_of("0123456789") == std::string_view::npos &&
         text.size() > resource + kind.size() + 2;
}
bool IsStreamArn(std::string_view text) { return IsArn(text, "stream"); }
bool IsConsumerArn(std::string_view text) {
  size_t consumer = text.find("/consumer/");
  size_t colon = text.rfind(':');
  return IsStreamArn(text) && consumer != std::string_view::npos && colon > consumer &&
         IsNumber(text.substr(colon + 1), 19);
}

constexpr Pattern kName{"[a-zA-Z0-9_.-]+", IsName};
constexpr Pattern kHash{"0|([1-9]\\d{0,38})", IsHashKey};
constexpr Pattern kSequence{"0|([1-9]\\d{0,128})", IsSequenceNumber};
constexpr Pattern kStreamArn{"arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+", IsStreamArn};
constexpr Pattern kConsumerArn{
    "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/"
    "[a-zA-Z0-9_.-]+:[0-9]+",
    IsConsumerArn};

Shape Text(int64_t minimum, int64_t maximum) {
  return {.type = ShapeType::kString, .minimum = minimum, .maximum = maximum};
}
Shape Name() {
  Shape shape = Text(1, 128);
  shape.pattern = &kName;
  return shape;
}
Shape Matching(const Pattern* pattern) { return {.type = ShapeType::kString, .pattern = pattern}; }
Shape OneOf(std::vector<std::string_view> values) {
  return {.type = ShapeType::kString, .values = std::move(values)};
}
Shape Whole(int64_t minimum, int64_t maximum) {
  return {.type = ShapeType::kInteger, .minimum = minimum, .maximum = maximum};
}
Shape Flag() { return {.type = ShapeType::kBoolean}; }
Shape Time() { return {.type = ShapeType::kTimestamp}; }
Shape Required(Shape shape) {
  shape.required = true;
  return shape;
}
Shape Structure(std::vector<Field> fields) {
  return {.type = ShapeType::kStructure, .fields = std::move(fields)};
}

// How a stream is named: by one of these.
void AddStream(std::vector<Field>* fields) {
  Shape arn = Text(1, 2048);
  arn.pattern = &kStreamArn;
  fields->push_back({"StreamName", Name()});
  fields->push_back({"StreamARN", arn});
  fields->push_back({"StreamId", Text(1, 24)});
}
Shape OfStream(std::vector<Field> fields) {
  AddStream(&fields);
  return Structure(std::move(fields));
}

Shape TagMap() {
  Shape shape{.type = ShapeType::kMap, .minimum = 1, .maximum = 200};
  shape.key_lengths = {1, 128};
  shape.item_lengths = {0, 256};
  shape.element.push_back({.type = ShapeType::kString});
  return shape;
}

Shape StreamMode() {
  return Structure({{"StreamMode", Required(OneOf({"PROVISIONED", "ON_DEMAND"}))}});
}

// Bytes: greater than any stream may allow; the stream's own limit is checked when it is known.
Shape Data() { return {.type = ShapeType::kBlob, .required = true, .maximum = 10'485'760}; }

Shape Records() {
  Shape records{.type = ShapeType::kList, .required = true, .minimum = 1, .maximum = 500};
  records.item_text = "com.amazonaws.kinesis.v20131202.PutRecordsRequestEntry@c965e310";
  records.element.push_back(Structure({{"PartitionKey", Required(Text(1, 256))},
                                       {"ExplicitHashKey", Matching(&kHash)},
                                       {"Data", Data()}}));
  return records;
}

Shape ShardFilter() {
  return Structure(
      {{"Type", Required(OneOf({"AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON",
                                "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"}))},
       {"ShardId", Name()},
       {"Timestamp", Time()}});
}

using Shapes = std::map<std::string, Shape, std::less<>>;

void AddStreamOperations(Shapes* shapes) {
  (*shapes)["CreateStream"] = Structure({{"ShardCount", Whole(1, 100'000)},
                                         {"StreamName", Required(Name())},
                                         {"StreamModeDetails", StreamMode()},
                                         {"Tags", TagMap()},
                                         {"WarmThroughputMiBps", Whole(0, INT32_MAX)},
                                         {"MaxRecordSizeInKiB", Whole(1024, 10240)}});
  (*shapes)["DeleteStream"] = OfStream({{"EnforceConsumerDeletion", Flag()}});
  (*shapes)["DescribeStream"] =
      OfStream({{"Limit", Whole(1, 10'000)}, {"ExclusiveStartShardId", Name()}});
  (*shapes)["DescribeStreamSummary"] = OfStream({});
  (*shapes)["ListStreams"] = Structure({{"Limit", Whole(1, 10'000)},
                                        {"ExclusiveStartStreamName", Name()},
                                        {"NextToken", Text(1, 1'048'576)}});
  (*shapes)["ListShards"] = OfStream({{"ExclusiveStartShardId", Name()},
                                      {"MaxResults", Whole(1, 10'000)},
                                      {"NextToken", Text(1, 1'048'576)},
                                      {"StreamCreationTimestamp", Time()},
                                      {"ShardFilter", ShardFilter()}});
}

void AddRecordOperations(Shapes* shapes) {
  (*shapes)["PutRecord"] = OfStream({{"SequenceNumberForOrdering", Matching(&kSequence)},
                                     {"PartitionKey", Required(Text(1, 256))},
                                     {"ExplicitHashKey", Matching(&kHash)},
                                     {"Data", Data()},
                                     {"DryRun", Flag()}});
  (*shapes)["PutRecords"] = OfStream({{"Records", Records()}, {"DryRun", Flag()}});
  (*shapes)["GetShardIterator"] = OfStream(
      {{"ShardId", Required(Name())},
       {"ShardIteratorType", Required(OneOf({"AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP",
                                             "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"}))},
       {"StartingSequenceNumber", Matching(&kSequence)},
       {"Timestamp", Time()},
       {"DryRun", Flag()}});
  (*shapes)["GetRecords"] = OfStream(
      {{"Limit", Whole(1, 10'000)}, {"ShardIterator", Required(Text(1, 512))}, {"DryRun", Flag()}});
}

Shape TagKeys() {
  Shape keys{.type = ShapeType::kList, .required = true, .minimum = 1, .maximum = 50};
  keys.item_lengths = {1, 128};
  keys.element.push_back({.type = ShapeType::kString});
  return keys;
}

Shape Arn(const Pattern* pattern) {
  Shape arn = Text(1, 2048);
  arn.pattern = pattern;
  return arn;
}

void AddShardOperations(Shapes* shapes) {
  (*shapes)["SplitShard"] = OfStream(
      {{"NewStartingHashKey", Required(Matching(&kHash))}, {"ShardToSplit", Required(Name())}});
  (*shapes)["MergeShards"] =
      OfStream({{"ShardToMerge", Required(Name())}, {"AdjacentShardToMerge", Required(Name())}});
  (*shapes)["UpdateShardCount"] = OfStream({{"TargetShardCount", Required(Whole(1, 100'000))},
                                            {"ScalingType", Required(OneOf({"UNIFORM_SCALING"}))}});
}

void AddSettingOperations(Shapes* shapes) {
  for (const char* name : {"IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod"}) {
    (*shapes)[name] = OfStream({{"RetentionPeriodHours", Required(Whole(1, 8760))}});
  }
  (*shapes)["AddTagsToStream"] = OfStream({{"Tags", Required(TagMap())}});
  (*shapes)["RemoveTagsFromStream"] = OfStream({{"TagKeys", TagKeys()}});
  (*shapes)["ListTagsForStream"] =
      OfStream({{"Limit", Whole(1, 50)}, {"ExclusiveStartTagKey", Text(1, 128)}});
  Shape resource = Required(Arn(&kStreamArn));
  (*shapes)["TagResource"] = Structure({{"Tags", Required(TagMap())}, {"ResourceARN", resource}});
  (*shapes)["UntagResource"] = Structure({{"TagKeys", TagKeys()}, {"ResourceARN", resource}});
  (*shapes)["ListTagsForResource"] = Structure({{"ResourceARN", resource}});
  (*shapes)["UpdateStreamMode"] = OfStream({{"StreamModeDetails", Required(StreamMode())}});
  (*shapes)["UpdateMaxRecordSize"] =
      OfStream({{"MaxRecordSizeInKiB", Required(Whole(1024, 10240))}});
  (*shapes)["DescribeLimits"] = Structure({});
}

void AddConsumerOperations(Shapes* shapes) {
  Shape stream = Required(Arn(&kStreamArn));
  (*shapes)["RegisterStreamConsumer"] =
      Structure({{"StreamARN", stream}, {"ConsumerName", Required(Name())}, {"Tags", TagMap()}});
  for (const char* name : {"DescribeStreamConsumer", "DeregisterStreamConsumer"}) {
    (*shapes)[name] = Structure({{"StreamARN", Arn(&kStreamArn)},
                                 {"ConsumerName", Name()},
                                 {"ConsumerARN", Arn(&kConsumerArn)}});
  }
  (*shapes)["ListStreamConsumers"] = Structure({{"StreamARN", stream},
                                                {"NextToken", Text(1, 1'048'576)},
                                                {"MaxResults", Whole(1, 10'000)},
                                                {"StreamCreationTimestamp", Time()}});
  Shape position =
      Structure({{"Type", Required(OneOf({"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER",
                                          "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"}))},
                 {"SequenceNumber", Matching(&kSequence)},
                 {"Timestamp", Time()}});
  (*shapes)["SubscribeToShard"] = Structure({{"ConsumerARN", Required(Arn(&kConsumerArn))},
                                             {"ShardId", Required(Name())},
                                             {"StartingPosition", Required(position)}});
}

}  // namespace

const Shape* FindShape(std::string_view operation) {
  static const Shapes shapes = [] {
    Shapes all;
    AddStreamOperations(&all);
    AddRecordOperations(&all);
    AddShardOperations(&all);
    AddSettingOperations(&all);
    AddConsumerOperations(&all);
    return all;
  }();
  auto it = shapes.find(operation);
  return it == shapes.end() ? nullptr : &it->second;
}

}  // namespace mainstem::gateway::kinesis
