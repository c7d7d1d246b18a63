#include "gateway/dynamodb/shapes.h"

#include <map>
#include <string>

namespace mainstem::gateway::dynamodb {
namespace {

using aws::Field;
using aws::Pattern;
using aws::Shape;
using aws::ShapeType;
using ShapeMap = std::map<std::string, Shape, std::less<>>;

bool IsResourceName(std::string_view text) {
  for (char c : text) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '_' || c == '.' || c == '-';
    if (!good) return false;
  }
  return !text.empty();
}

// By its name or its ARN.
bool IsTable(std::string_view text) { return IsResourceName(text) || text.starts_with("arn:"); }

constexpr Pattern kResourceName{"[a-zA-Z0-9_.-]+", IsResourceName};
constexpr Pattern kTable{"[a-zA-Z0-9_.-]+", IsTable};

Shape Required(Shape shape) {
  shape.required = true;
  return shape;
}
Shape Text() { return {.type = ShapeType::kString}; }
Shape Text(int64_t minimum, int64_t maximum) {
  return {.type = ShapeType::kString, .minimum = minimum, .maximum = maximum};
}
Shape Flag() { return {.type = ShapeType::kBoolean}; }
Shape Whole(int64_t minimum, int64_t maximum) {
  return {.type = ShapeType::kInteger, .minimum = minimum, .maximum = maximum};
}
Shape OneOf(std::vector<std::string_view> values) {
  return {.type = ShapeType::kString, .values = std::move(values)};
}
Shape Structure(std::vector<Field> fields) {
  return {.type = ShapeType::kStructure, .fields = std::move(fields)};
}
Shape ListOf(Shape element) { return {.type = ShapeType::kList, .element = {std::move(element)}}; }
Shape MapOf(Shape element) { return {.type = ShapeType::kMap, .element = {std::move(element)}}; }
Shape Sized(Shape shape, int64_t minimum, int64_t maximum) {
  shape.minimum = minimum;
  shape.maximum = maximum;
  return shape;
}
// Of what is looked at later.
Shape AnyMap() { return {.type = ShapeType::kStructure}; }

Shape TableName() {
  return {.type = ShapeType::kString,
          .required = true,
          .minimum = 1,
          .maximum = 1024,
          .pattern = &kTable};
}
Shape IndexName() {
  return {.type = ShapeType::kString, .minimum = 3, .maximum = 255, .pattern = &kResourceName};
}

std::vector<Field> Expressions(std::vector<Field> more) {
  std::vector<Field> fields{{"ExpressionAttributeNames", MapOf(Text())},
                            {"ExpressionAttributeValues", AnyMap()}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Shape CapacityWanted() { return OneOf({"INDEXES", "TOTAL", "NONE"}); }
Shape Returns() { return OneOf({"NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"}); }
Shape Tags() {
  return ListOf(Structure({{"Key", Required(Text(1, 128))}, {"Value", Required(Text(0, 256))}}));
}

Shape ThroughputShape() {
  return Structure({{"ReadCapacityUnits", Required(Whole(1, INT64_MAX))},
                    {"WriteCapacityUnits", Required(Whole(1, INT64_MAX))}});
}
Shape KeySchemaShape() {
  return Sized(ListOf(Structure({{"AttributeName", Required(Text(1, 255))},
                                 {"KeyType", Required(OneOf({"HASH", "RANGE"}))}})),
               1, 2);
}
Shape ProjectionShape() {
  return Structure({{"ProjectionType", OneOf({"ALL", "KEYS_ONLY", "INCLUDE"})},
                    {"NonKeyAttributes", Sized(ListOf(Text(1, 255)), 1, 20)}});
}
Shape IndexShape() {
  return Structure({{"IndexName", Required(IndexName())},
                    {"KeySchema", Required(KeySchemaShape())},
                    {"Projection", Required(ProjectionShape())},
                    {"ProvisionedThroughput", ThroughputShape()}});
}
Shape AttributeDefinitions() {
  return ListOf(Structure({{"AttributeName", Required(Text(1, 255))},
                           {"AttributeType", Required(OneOf({"S", "N", "B"}))}}));
}

std::vector<Field> TableSettings() {
  return {{"TableName", TableName()},
          {"AttributeDefinitions", AttributeDefinitions()},
          {"BillingMode", OneOf({"PROVISIONED", "PAY_PER_REQUEST"})},
          {"ProvisionedThroughput", ThroughputShape()},
          {"StreamSpecification", Structure({{"StreamEnabled", Required(Flag())}})},
          {"TableClass", OneOf({"STANDARD", "STANDARD_INFREQUENT_ACCESS"})},
          {"DeletionProtectionEnabled", Flag()}};
}

void AddTableOperations(ShapeMap* shapes) {
  std::vector<Field> create = TableSettings();
  create.push_back({"KeySchema", Required(KeySchemaShape())});
  create.push_back({"GlobalSecondaryIndexes", Sized(ListOf(IndexShape()), 1, INT64_MAX)});
  create.push_back({"LocalSecondaryIndexes", Sized(ListOf(IndexShape()), 1, INT64_MAX)});
  create.push_back({"Tags", Tags()});
  create[1].shape.required = true;
  (*shapes)["CreateTable"] = Structure(std::move(create));
  std::vector<Field> update = TableSettings();
  update.push_back(
      {"GlobalSecondaryIndexUpdates",
       ListOf(Structure({{"Create", IndexShape()},
                         {"Update", Structure({{"IndexName", Required(IndexName())},
                                               {"ProvisionedThroughput", ThroughputShape()}})},
                         {"Delete", Structure({{"IndexName", Required(IndexName())}})}}))});
  (*shapes)["UpdateTable"] = Structure(std::move(update));
  (*shapes)["DescribeTable"] = Structure({{"TableName", TableName()}});
  (*shapes)["DeleteTable"] = Structure({{"TableName", TableName()}});
  (*shapes)["ListTables"] =
      Structure({{"ExclusiveStartTableName", IndexName()}, {"Limit", Whole(1, 100)}});
  Shape arn = Required(Text(1, 1283));
  (*shapes)["TagResource"] = Structure({{"ResourceArn", arn}, {"Tags", Required(Tags())}});
  (*shapes)["UntagResource"] =
      Structure({{"ResourceArn", arn}, {"TagKeys", Required(ListOf(Text(1, 128)))}});
  (*shapes)["ListTagsOfResource"] = Structure({{"ResourceArn", arn}, {"NextToken", Text()}});
}

void AddItemOperations(ShapeMap* shapes) {
  auto writing = [](const char* item, std::vector<Field> more) {
    more.insert(more.end(), {{"TableName", TableName()},
                             {item, Required(AnyMap())},
                             {"Expected", AnyMap()},
                             {"ConditionalOperator", OneOf({"AND", "OR"})},
                             {"ConditionExpression", Text()},
                             {"ReturnValues", Returns()},
                             {"ReturnConsumedCapacity", CapacityWanted()},
                             {"ReturnItemCollectionMetrics", OneOf({"SIZE", "NONE"})},
                             {"ReturnValuesOnConditionCheckFailure", OneOf({"ALL_OLD", "NONE"})}});
    return Structure(Expressions(std::move(more)));
  };
  (*shapes)["PutItem"] = writing("Item", {});
  (*shapes)["DeleteItem"] = writing("Key", {});
  (*shapes)["UpdateItem"] =
      writing("Key", {{"AttributeUpdates", AnyMap()}, {"UpdateExpression", Text()}});
  (*shapes)["GetItem"] = Structure(Expressions({{"TableName", TableName()},
                                                {"Key", Required(AnyMap())},
                                                {"AttributesToGet", Sized(ListOf(Text()), 1, 255)},
                                                {"ProjectionExpression", Text()},
                                                {"ConsistentRead", Flag()},
                                                {"ReturnConsumedCapacity", CapacityWanted()}}));
}

void AddPageOperations(ShapeMap* shapes) {
  auto reading = [](std::vector<Field> more) {
    more.insert(more.end(), {{"TableName", TableName()},
                             {"IndexName", IndexName()},
                             {"Select", OneOf({"ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES",
                                               "SPECIFIC_ATTRIBUTES", "COUNT"})},
                             {"AttributesToGet", Sized(ListOf(Text()), 1, 255)},
                             {"Limit", Whole(1, INT32_MAX)},
                             {"ConsistentRead", Flag()},
                             {"ConditionalOperator", OneOf({"AND", "OR"})},
                             {"ExclusiveStartKey", AnyMap()},
                             {"ReturnConsumedCapacity", CapacityWanted()},
                             {"ProjectionExpression", Text()},
                             {"FilterExpression", Text()}});
    return Structure(Expressions(std::move(more)));
  };
  (*shapes)["Query"] = reading({{"KeyConditions", AnyMap()},
                                {"QueryFilter", AnyMap()},
                                {"KeyConditionExpression", Text()},
                                {"ScanIndexForward", Flag()}});
  (*shapes)["Scan"] = reading({{"ScanFilter", AnyMap()},
                               {"Segment", Whole(0, 999'999)},
                               {"TotalSegments", Whole(1, 1'000'000)}});
}

void AddBatchOperations(ShapeMap* shapes) {
  Shape keys = Structure(Expressions({{"Keys", Required(Sized(ListOf(AnyMap()), 1, 100))},
                                      {"AttributesToGet", Sized(ListOf(Text()), 1, 255)},
                                      {"ProjectionExpression", Text()},
                                      {"ConsistentRead", Flag()}}));
  (*shapes)["BatchGetItem"] = Structure({{"RequestItems", Required(Sized(MapOf(keys), 1, 100))},
                                         {"ReturnConsumedCapacity", CapacityWanted()}});
  Shape request = Structure({{"PutRequest", Structure({{"Item", Required(AnyMap())}})},
                             {"DeleteRequest", Structure({{"Key", Required(AnyMap())}})}});
  (*shapes)["BatchWriteItem"] =
      Structure({{"RequestItems", Required(Sized(MapOf(Sized(ListOf(request), 1, 25)), 1, 25))},
                 {"ReturnConsumedCapacity", CapacityWanted()},
                 {"ReturnItemCollectionMetrics", OneOf({"SIZE", "NONE"})}});
  auto part = [](const char* item, const char* expression) {
    std::vector<Field> fields{{"TableName", TableName()},
                              {item, Required(AnyMap())},
                              {"ConditionExpression", Text()},
                              {"ReturnValuesOnConditionCheckFailure", OneOf({"ALL_OLD", "NONE"})}};
    if (expression != nullptr) fields.push_back({expression, Required(Text())});
    return Structure(Expressions(std::move(fields)));
  };
  Shape write = Structure({{"ConditionCheck", part("Key", "ConditionExpression")},
                           {"Put", part("Item", nullptr)},
                           {"Delete", part("Key", nullptr)},
                           {"Update", part("Key", "UpdateExpression")}});
  (*shapes)["TransactWriteItems"] =
      Structure({{"TransactItems", Required(Sized(ListOf(write), 1, 100))},
                 {"ReturnConsumedCapacity", CapacityWanted()},
                 {"ReturnItemCollectionMetrics", OneOf({"SIZE", "NONE"})},
                 {"ClientRequestToken", Text(1, 36)}});
  Shape get =
      Structure({{"Get", Required(Structure(Expressions({{"TableName", TableName()},
                                                         {"Key", Required(AnyMap())},
                                                         {"ProjectionExpression", Text()}})))}});
  (*shapes)["TransactGetItems"] =
      Structure({{"TransactItems", Required(Sized(ListOf(get), 1, 100))},
                 {"ReturnConsumedCapacity", CapacityWanted()}});
}

}  // namespace

const Shape* FindShape(std::string_view operation) {
  static const ShapeMap shapes = [] {
    ShapeMap all;
    AddTableOperations(&all);
    AddItemOperations(&all);
    AddPageOperations(&all);
    AddBatchOperations(&all);
    return all;
  }();
  auto it = shapes.find(operation);
  return it == shapes.end() ? nullptr : &it->second;
}

}  // namespace mainstem::gateway::dynamodb
