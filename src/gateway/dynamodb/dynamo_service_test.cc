// The door from request bytes to tables and back, over a log in memory: what a restart keeps,
// memory, transactions, and how records lie in the log.
#include "gateway/dynamodb/dynamo_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/aws/testing/aws_door.h"
#include "gateway/dynamodb/stored_record_format.h"
#include "storage/batch_builder.h"

namespace mainstem::gateway::dynamodb {
namespace {

using namespace std::chrono_literals;
using net::RawClient;
using net::RawResponse;
using testing::HasSubstr;
using testing::Not;

struct TableDoor : aws::AwsDoor<DynamoService> {
  TableDoor(Env* env, int64_t memory_bytes)
      : AwsDoor(env, memory_bytes, {"application/x-amz-json-1.0", "DynamoDB_20120810."}) {}
  Task<> Open() {
    CO_ASSIGN_OR_RETURN(auto opened, co_await DynamoService::Open(
                                         env, &log, &budget, Logger::Silent(), DynamoOptions()));
    Serve(std::move(opened));
    co_return Status::OK();
  }
  // As another process over the same log.
  Task<> Restart() {
    CO_RETURN_IF_ERROR(co_await server->Stop());
    server.reset();
    service.reset();
    co_return co_await Open();
  }
};

void RunTables(aws::DoorScenario<TableDoor> scenario, int64_t memory_bytes = 64 << 20) {
  aws::RunAtDoor(scenario, memory_bytes);
}

const char* const kCreateTable = R"({"TableName":"leases","BillingMode":"PAY_PER_REQUEST",
  "AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],
  "KeySchema":[{"AttributeName":"k","KeyType":"HASH"}]})";
const char* const kPutOne = R"({"TableName":"leases","Item":{"k":{"S":"a"},"n":{"N":"1"}}})";
const char* const kGetOne = R"({"TableName":"leases","Key":{"k":{"S":"a"}},"ConsistentRead":true})";

Task<> KeepThroughRestarts(TableDoor* door) {
  CO_ASSIGN_OR_RETURN(RawResponse made, co_await door->Call("CreateTable", kCreateTable));
  EXPECT_THAT(made.body, HasSubstr("\"TableStatus\":\"ACTIVE\""));
  EXPECT_THAT(made.head, HasSubstr("Content-Type: application/x-amz-json-1.0\r\n"));
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", kPutOne));
  CO_RETURN_IF_ERROR(co_await door->Restart());
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.body, R"({"Item":{"k":{"S":"a"},"n":{"N":"1"}}})");
  CO_RETURN_IF_ERROR(
      co_await door->Call("DeleteItem", R"({"TableName":"leases","Key":{"k":{"S":"a"}}})"));
  CO_RETURN_IF_ERROR(co_await door->Restart());
  CO_ASSIGN_OR_RETURN(got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.body, "{}");
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", kPutOne));
  CO_ASSIGN_OR_RETURN(RawResponse gone,
                      co_await door->Call("DeleteTable", R"({"TableName":"leases"})"));
  EXPECT_THAT(gone.body, HasSubstr("\"TableStatus\":\"DELETING\""));
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  CO_RETURN_IF_ERROR(co_await door->Restart());
  CO_ASSIGN_OR_RETURN(got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.body, "{}");  // another table
  co_return Status::OK();
}
TEST(DynamoServiceTest, KeepsTablesAndItemsThroughRestarts) { RunTables(KeepThroughRestarts); }

// Of more members than a request may have, and still below 400 KB.
Task<> KeepALongList(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  std::string list = R"({"N":"1"})";
  for (int i = 1; i < 45'000; ++i) list += R"(,{"N":"1"})";
  std::string put = R"({"TableName":"leases","Item":{"k":{"S":"a"},"l":{"L":[)" + list + "]}}}";
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", std::move(put)));
  std::string update = R"j({"TableName":"leases","Key":{"k":{"S":"a"}},)j"
                       R"j("UpdateExpression":"SET l = list_append(l, l)"})j";
  CO_ASSIGN_OR_RETURN(RawResponse doubled, co_await door->Call("UpdateItem", std::move(update)));
  EXPECT_EQ(doubled.body, "{}");
  CO_RETURN_IF_ERROR(co_await door->Restart());
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.body, R"({"Item":{"k":{"S":"a"},"l":{"L":[)" + list + "," + list + "]}}}");
  co_return Status::OK();
}
TEST(DynamoServiceTest, KeepsItemsOfMoreMembersThanARequestMayHave) { RunTables(KeepALongList); }

// As compaction leaves it: the table's only record behind its items'.
Task<> StartBehindCompaction(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->log.CreateTopic(std::string(kStoreTopic), 1, {}, false));
  TableDefinition table{.name = "leases", .id = "01234567-89ab-4cde-8f01-23456789abcd"};
  table.keys = {.hash = {.name = "k", .type = ValueType::kString}};
  Item item{{"k", AttributeValue::OfString("a")}};
  storage::BatchBuilder builder;
  for (std::string_view id :
       {std::string_view(table.id), std::string_view("99999999-89ab-4cde-8f01-23456789abcd")}) {
    builder.Add(0, ItemRecordKey(id, MakeItemKey("a", "")), ItemRecordValue(item));
  }
  builder.Add(0, TableRecordKey("leases"), TableRecordValue(table));
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  auto topic = door->log.FindTopic(std::string(kStoreTopic));
  storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_RETURN_IF_ERROR(co_await door->log.Append(partition, batch, {}));
  CO_RETURN_IF_ERROR(co_await door->Restart());
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.body, R"({"Item":{"k":{"S":"a"}}})");
  // The other item belonged to a table that is gone: its deletion was ended.
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await door->log.Offsets(partition));
  EXPECT_EQ(offsets.high_watermark, Offset(4));
  co_return Status::OK();
}
TEST(DynamoServiceTest, StartsBehindCompaction) { RunTables(StartBehindCompaction); }

Task<> WriteTogether(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", kPutOne));
  std::string both = R"({"ClientRequestToken":"t1","TransactItems":[
    {"Update":{"TableName":"leases","Key":{"k":{"S":"a"}},"UpdateExpression":"ADD n :one",
     "ConditionExpression":"n < :three","ReturnValuesOnConditionCheckFailure":"ALL_OLD",
     "ExpressionAttributeValues":{":one":{"N":"1"},":three":{"N":"3"}}}},
    {"Put":{"TableName":"leases","Item":{"k":{"S":"b"}}}}]})";
  for (int i = 0; i < 2; ++i) {  // the second time it is known
    CO_ASSIGN_OR_RETURN(RawResponse answer, co_await door->Call("TransactWriteItems", both));
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_THAT(got.body, HasSubstr(R"("n":{"N":"2"})"));
  auto renamed = [&](const char* token, const char* item) {
    std::string text = both;
    text.replace(text.find("t1"), 2, token);
    text.replace(text.find(R"({"S":"b"})"), 9, item);
    return text;
  };
  CO_ASSIGN_OR_RETURN(RawResponse other,
                      co_await door->Call("TransactWriteItems", renamed("t1", R"({"S":"x"})")));
  EXPECT_THAT(other.body, HasSubstr("IdempotentParameterMismatchException"));
  CO_RETURN_IF_ERROR(co_await door->Call("TransactWriteItems", renamed("t2", R"({"S":"b"})")));
  CO_ASSIGN_OR_RETURN(RawResponse failed,
                      co_await door->Call("TransactWriteItems", renamed("t3", R"({"S":"c"})")));
  EXPECT_EQ(failed.status, 400);
  EXPECT_THAT(failed.body, HasSubstr("[ConditionalCheckFailed, None]"));
  EXPECT_THAT(failed.body, HasSubstr(R"("Item":{"k":{"S":"a"},"n":{"N":"3"}})"));
  CO_ASSIGN_OR_RETURN(
      RawResponse none,
      co_await door->Call("GetItem", R"({"TableName":"leases","Key":{"k":{"S":"c"}}})"));
  EXPECT_EQ(none.body, "{}");
  co_return Status::OK();
}
TEST(DynamoServiceTest, WritesAllOfATransactionOrNothing) { RunTables(WriteTogether); }

Task<> CallBeside(TableDoor* door, std::string operation, std::string body, RawResponse* answer) {
  auto [near, far] = net::MakeMemoryStreamPair(door->env->shard(0));
  door->server->Serve(std::move(far));
  RawClient client(std::move(near));
  RawClient::Request request{.method = "POST", .target = "/"};
  request.headers.emplace_back("Content-Type", "application/x-amz-json-1.0");
  request.headers.emplace_back("X-Amz-Target", "DynamoDB_20120810." + operation);
  request.body = std::move(body);
  CO_ASSIGN_OR_RETURN(*answer, co_await client.Call(std::move(request)));
  co_return Status::OK();
}

// They come while the first is being written, the third for another item, so without its locks.
Task<> SendATokenTwice(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  std::string add = R"({"ClientRequestToken":"t1","ReturnConsumedCapacity":"TOTAL","TransactItems":[
    {"Update":{"TableName":"leases","Key":{"k":{"S":"a"}},"UpdateExpression":"ADD n :one",
     "ExpressionAttributeValues":{":one":{"N":"1"}}}}]})";
  std::string other = add;
  other.replace(other.find(R"({"S":"a"})"), 9, R"({"S":"b"})");
  door->log.append_delay = 2s;
  TaskScope calls(door->env->shard(0), "calls",
                  [](const std::string& name, const Status& status) { FAIL() << name << status; });
  RawResponse first;
  RawResponse second;
  RawResponse third;
  calls.Spawn("first", CallBeside(door, "TransactWriteItems", add, &first));
  CO_RETURN_IF_ERROR(co_await Sleep(100ms));
  calls.Spawn("second", CallBeside(door, "TransactWriteItems", add, &second));
  calls.Spawn("third", CallBeside(door, "TransactWriteItems", other, &third));
  CO_RETURN_IF_ERROR(co_await calls.Join());
  EXPECT_THAT(first.body, HasSubstr(R"("CapacityUnits":2)"));
  EXPECT_THAT(second.body, HasSubstr("TransactionInProgressException"));
  EXPECT_THAT(third.body, HasSubstr("IdempotentParameterMismatchException"));
  CO_ASSIGN_OR_RETURN(RawResponse again, co_await door->Call("TransactWriteItems", add));
  EXPECT_THAT(again.body, HasSubstr(R"({"TableName":"leases","CapacityUnits":2)"));  // to read it
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_THAT(got.body, HasSubstr(R"("n":{"N":"1"})"));
  CO_ASSIGN_OR_RETURN(
      got, co_await door->Call("GetItem", R"({"TableName":"leases","Key":{"k":{"S":"b"}}})"));
  EXPECT_EQ(got.body, "{}");
  // One that was not written may come again.
  door->log.append_errors[PartitionId(0)] = MakeError(ErrorCode::kStorageError, "broken");
  std::string later = other;
  later.replace(later.find("t1"), 2, "t2");
  CO_ASSIGN_OR_RETURN(RawResponse failed, co_await door->Call("TransactWriteItems", later));
  EXPECT_EQ(failed.status, 503);
  door->log.append_errors.clear();
  CO_ASSIGN_OR_RETURN(RawResponse written, co_await door->Call("TransactWriteItems", later));
  EXPECT_EQ(written.status, 200) << written.body;
  co_return Status::OK();
}
TEST(DynamoServiceTest, TwoTransactionsOfOneTokenAreWrittenOnce) { RunTables(SendATokenTwice); }

const char* const kCreateEvents = R"({"TableName":"events","BillingMode":"PAY_PER_REQUEST",
  "AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"},
    {"AttributeName":"at","AttributeType":"N"},{"AttributeName":"o","AttributeType":"S"}],
  "KeySchema":[{"AttributeName":"k","KeyType":"HASH"},{"AttributeName":"at","KeyType":"RANGE"}],
  "GlobalSecondaryIndexes":[{"IndexName":"by-o","Projection":{"ProjectionType":"KEYS_ONLY"},
    "KeySchema":[{"AttributeName":"o","KeyType":"HASH"},
      {"AttributeName":"k","KeyType":"RANGE"}]}]})";

Task<> PutEvents(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateEvents));
  for (int at : {-20, -3, 0, 4, 4000}) {
    std::string number = std::to_string(at);
    CO_RETURN_IF_ERROR(co_await door->Call(
        "PutItem", R"({"TableName":"events","Item":{"k":{"S":"a"},"at":{"N":")" + number +
                       R"("},"o":{"S":"x)" + number + R"("},"v":{"S":"1"}}})"));
  }
  co_return Status::OK();
}

// Numbers at which a Query finds items.
Task<> ExpectFound(TableDoor* door, std::string range, std::vector<int> numbers) {
  for (bool forward : {true, false}) {
    std::string body = R"({"TableName":"events","KeyConditionExpression":"k = :k AND )" + range +
                       R"(","ProjectionExpression":"#at","ExpressionAttributeNames":{"#at":"at"},)"
                       R"("ScanIndexForward":)" +
                       (forward ? "true" : "false") +
                       R"(,"ExpressionAttributeValues":{":k":{"S":"a"},":a":{"N":"-3"})";
    if (range.find(":b") != std::string::npos) body += R"(,":b":{"N":"4.0"})";
    body += "}}";
    std::string items;
    for (int number : numbers) {
      items += (items.empty() ? "" : ",") + (R"({"at":{"N":")" + std::to_string(number) + "\"}}");
    }
    CO_ASSIGN_OR_RETURN(RawResponse found, co_await door->Call("Query", std::move(body)));
    EXPECT_THAT(found.body, HasSubstr("\"Items\":[" + items + "]")) << range;
    EXPECT_THAT(found.body, HasSubstr("\"ScannedCount\":" + std::to_string(numbers.size())));
    std::reverse(numbers.begin(), numbers.end());
  }
  co_return Status::OK();
}

Task<> QueryRanges(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await PutEvents(door));
  using Found = std::pair<const char*, std::vector<int>>;
  const std::vector<Found> ranges = {{"#at = :a", {-3}},
                                     {"#at < :a", {-20}},
                                     {"#at <= :a", {-20, -3}},
                                     {"#at > :a", {0, 4, 4000}},
                                     {"#at >= :a", {-3, 0, 4, 4000}},
                                     {"#at BETWEEN :a AND :b", {-3, 0, 4}}};
  for (const Found& found : ranges) {
    std::string range = found.first;
    std::vector<int> numbers = found.second;
    CO_RETURN_IF_ERROR(co_await ExpectFound(door, std::move(range), std::move(numbers)));
  }
  co_return Status::OK();
}
TEST(DynamoServiceTest, QueriesFindTheRangeOfAPartition) { RunTables(QueryRanges); }

// Of an index with keys only.
Task<> LookThroughAnIndex(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await PutEvents(door));
  std::string scan = R"({"TableName":"events","IndexName":"by-o","FilterExpression":"v = :v",
    "ExpressionAttributeValues":{":v":{"S":"1"}}})";
  CO_ASSIGN_OR_RETURN(RawResponse found, co_await door->Call("Scan", scan));
  EXPECT_THAT(found.body, HasSubstr("\"Count\":0,\"ScannedCount\":5"));
  scan.replace(scan.find("v = :v"), 6, "v <> :v");
  CO_ASSIGN_OR_RETURN(found, co_await door->Call("Scan", scan));
  EXPECT_THAT(found.body, HasSubstr("\"Count\":5,\"ScannedCount\":5"));
  EXPECT_THAT(found.body, Not(HasSubstr("\"v\"")));
  // What it does not have costs nothing to read.
  CO_RETURN_IF_ERROR(co_await door->Call(
      "PutItem", R"({"TableName":"events","Item":{"k":{"S":"a"},"at":{"N":"0"},"o":{"S":"x0"},)"
                 R"("v":{"S":")" +
                     std::string(100'000, 'v') + "\"}}}"));
  CO_ASSIGN_OR_RETURN(found,
                      co_await door->Call("Scan", R"({"TableName":"events","IndexName":"by-o",)"
                                                  R"("ReturnConsumedCapacity":"TOTAL"})"));
  EXPECT_THAT(found.body, HasSubstr(R"("CapacityUnits":0.5)"));
  co_return Status::OK();
}
TEST(DynamoServiceTest, AnIndexShowsWhatIsProjected) { RunTables(LookThroughAnIndex); }

// What is asked for in a way that Amazon refuses, with what the answer says.
Task<> AskTablesWrongly(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await PutEvents(door));
  std::string query = R"({"TableName":"events","ExpressionAttributeNames":{"#at":"at"},)"
                      R"("KeyConditionExpression":"k = :k AND #at > :a",)"
                      R"("ExpressionAttributeValues":{":k":{"S":"a"},":a":{"N":"0"}},)"
                      R"("ExclusiveStartKey":)";
  std::string scan = R"({"TableName":"events","Segment":0,"TotalSegments":1000000,)"
                     R"("ExclusiveStartKey":{"k":{"S":"a"},"at":{"N":"0"}}})";
  std::string by_owner = R"({"TableName":"events","IndexName":"by-o","ExclusiveStartKey":)"
                         R"({"k":{"S":"a"},"at":{"N":"0"},"o":{"S":"x"},"v":{"S":"1"}}})";
  auto expected = [](const char* of_n) {
    return R"({"TableName":"events","Item":{"k":{"S":"a"},"at":{"N":"0"}},"Expected":{"n":)" +
           std::string(of_n) + "}}";
  };
  std::string tags = R"({"Key":"k0","Value":"v"})";
  for (int i = 1; i < 51; ++i) tags += R"(,{"Key":"k)" + std::to_string(i) + R"(","Value":"v"})";
  std::string create = kCreateTable;
  create.insert(1, R"("Tags":[)" + tags + "],");
  struct Wrong {
    const char* operation;
    std::string body;
    const char* told;
  };
  const Wrong wrongs[] = {
      {"Query", query + R"({"k":{"S":"b"},"at":{"N":"1"}}})", "outside query boundaries"},
      {"Query", query + R"({"k":{"S":"a"},"at":{"N":"0"}}})", "range key predicate"},
      {"Query", query + R"({"k":{"S":"a"}}})", "starting key is invalid"},
      {"Scan", scan, "with correct Segment"},
      {"Scan", by_owner, "starting key is invalid"},
      {"PutItem", expected(R"({"ComparisonOperator":"LT","AttributeValueList":[{"SS":["a"]}]})"),
       "LT is not valid for SS"},
      {"PutItem",
       expected(R"({"ComparisonOperator":"BEGINS_WITH","AttributeValueList":[{"N":"1"}]})"),
       "BEGINS_WITH is not valid for N"},
      {"PutItem",
       expected(R"({"ComparisonOperator":"IN","AttributeValueList":[{"N":"1"},{"S":"1"}]})"),
       "must be of same type"},
      {"PutItem",
       expected(R"({"ComparisonOperator":"BETWEEN","AttributeValueList":[{"N":"2"},{"N":"1"}]})"),
       "lower bound is greater"},
      {"PutItem", expected(R"({"AttributeValueList":[{"N":"2"}]})"),
       "AttributeValueList can only be used with a ComparisonOperator"},
      {"PutItem", expected(R"({"ComparisonOperator":"NULL","Exists":false})"),
       "Exists and ComparisonOperator"},
      {"PutItem", expected(R"({"Exists":"false"})"), "Unexpected value type"},
      {"PutItem",
       R"({"TableName":"events","Item":{"k":{"S":"a"},"at":{"N":"0"}},"ConditionalOperator":"OR"})",
       "cannot be used without Filter or Expected"},
      {"CreateTable", create, "Too many tags"}};
  for (const Wrong& wrong : wrongs) {
    std::string operation = wrong.operation;
    std::string body = wrong.body;
    CO_ASSIGN_OR_RETURN(RawResponse refused,
                        co_await door->Call(std::move(operation), std::move(body)));
    EXPECT_EQ(refused.status, 400) << wrong.told;
    EXPECT_THAT(refused.body, HasSubstr(wrong.told));
  }
  CO_ASSIGN_OR_RETURN(
      RawResponse good,
      co_await door->Call("PutItem", expected(R"({"ComparisonOperator":"NE","Value":{"N":"7"}})")));
  EXPECT_EQ(good.status, 200) << good.body;
  co_return Status::OK();
}
TEST(DynamoServiceTest, WrongRequestsAreRefusedWithAReason) { RunTables(AskTablesWrongly); }

// Half of the tables must not be taken for all of them, and written over.
Task<> StartWhileTheLogGivesHalf(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", kPutOne));
  door->log.readable_end = Offset(1);
  auto opened = co_await DynamoService::Open(door->env, &door->log, &door->budget, Logger::Silent(),
                                             DynamoOptions());
  EXPECT_TRUE(Is(opened.status(), ErrorCode::kStorageError));
  co_return Status::OK();
}
TEST(DynamoServiceTest, DoesNotStartWithHalfOfItsRecords) { RunTables(StartWhileTheLogGivesHalf); }

Task<> WriteRecord(TableDoor* door, std::string key, std::string value) {
  storage::BatchBuilder builder;
  builder.Add(1, key, value);
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> batch, builder.Build());
  auto topic = door->log.FindTopic(std::string(kStoreTopic));
  storage::TopicPartition where{.topic_id = topic->id, .partition = PartitionId(0)};
  co_return (co_await door->log.Append(where, batch, {})).status();
}

Task<> StartWithUnreadableRecords(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", kPutOne));
  // An item of a table whose definition can't be read: it is not taken for what a deletion left.
  const std::string lost = ItemRecordKey(std::string(kTableIdBytes, 't'), MakeItemKey("a", ""));
  CO_RETURN_IF_ERROR(co_await WriteRecord(door, lost, ItemRecordValue({})));
  for (std::string key : {std::string("zz"), TableRecordKey("leases"), TableRecordKey("lost"),
                          ItemRecordKey(std::string(kTableIdBytes, 'u'), MakeItemKey("a", ""))}) {
    CO_RETURN_IF_ERROR(co_await WriteRecord(door, std::move(key), "garbage"));
  }
  auto topic = door->log.FindTopic(std::string(kStoreTopic));
  storage::TopicPartition where{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets before, co_await door->log.Offsets(where));
  CO_RETURN_IF_ERROR(co_await door->Restart());
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets after, co_await door->log.Offsets(where));
  EXPECT_EQ(after.high_watermark, before.high_watermark);
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.body, R"({"Item":{"k":{"S":"a"},"n":{"N":"1"}}})");
  CO_ASSIGN_OR_RETURN(RawResponse listed, co_await door->Call("ListTables", "{}"));
  EXPECT_EQ(listed.body, R"({"TableNames":["leases"]})");
  co_return Status::OK();
}
TEST(DynamoServiceTest, StartsWithoutTheRecordsThatItCannotRead) {
  RunTables(StartWithUnreadableRecords);
}

Task<> FailToWrite(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  door->log.append_errors[PartitionId(0)] = MakeError(ErrorCode::kStorageError, "broken");
  CO_ASSIGN_OR_RETURN(RawResponse put, co_await door->Call("PutItem", kPutOne));
  EXPECT_EQ(put.status, 503);
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.body, "{}");
  CO_ASSIGN_OR_RETURN(RawResponse gone,
                      co_await door->Call("DeleteTable", R"({"TableName":"leases"})"));
  EXPECT_EQ(gone.status, 503);
  door->log.append_errors.clear();
  CO_ASSIGN_OR_RETURN(put, co_await door->Call("PutItem", kPutOne));
  EXPECT_EQ(put.status, 200);
  co_return Status::OK();
}
TEST(DynamoServiceTest, WhatIsNotInTheLogWasNotWritten) { RunTables(FailToWrite); }

Task<RawResponse> PutText(TableDoor* door, int key, size_t bytes) {
  return door->Call("PutItem", R"({"TableName":"leases","Item":{"k":{"S":")" + std::to_string(key) +
                                   R"("},"v":{"S":")" + std::string(bytes, 'v') + "\"}}}");
}

Task<> FillMemory(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  int written = 0;
  for (; written < 100; ++written) {
    CO_ASSIGN_OR_RETURN(RawResponse put, co_await PutText(door, written, 50'000));
    if (put.status != 200) {
      EXPECT_EQ(put.status, 503);
      EXPECT_THAT(put.body, HasSubstr("no memory"));
      break;
    }
  }
  EXPECT_GT(written, 20);
  EXPECT_LT(written, 50);
  // The rest is for everybody else.
  EXPECT_LE(door->budget.used_bytes(), door->budget.shared_bytes() / 4);
  CO_ASSIGN_OR_RETURN(RawResponse same, co_await PutText(door, 3, 50'000));
  EXPECT_EQ(same.status, 200) << "an item of the same size";
  // While others have most of the rest, they can be made fewer all the same.
  MemoryLease taken = door->budget.TryLease(door->budget.shared_bytes() / 8 * 3);
  for (int i = 0; i < written; ++i) {
    std::string key = R"({"TableName":"leases","Key":{"k":{"S":")" + std::to_string(i) + "\"}}}";
    CO_RETURN_IF_ERROR(co_await door->Call("DeleteItem", std::move(key)));
  }
  EXPECT_EQ(door->budget.used_bytes(), taken.bytes());
  co_return Status::OK();
}
TEST(DynamoServiceTest, TablesLeaseAPartOfTheMemory) { RunTables(FillMemory, 8 << 20); }

// 20,000 values of a byte each, as Amazon counts; objects here.
Task<> FillWithSmallValues(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  std::string list = R"({"NULL":true})";
  for (int i = 1; i < 20'000; ++i) list += R"(,{"NULL":true})";
  std::string put = R"({"TableName":"leases","Item":{"k":{"S":"a"},"l":{"L":[)" + list + "]}}}";
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", std::move(put)));
  EXPECT_GT(door->budget.used_bytes(), int64_t{20'000} * sizeof(AttributeValue));
  co_return Status::OK();
}
TEST(DynamoServiceTest, ValuesWithinValuesAreCounted) { RunTables(FillWithSmallValues); }

Task<> IndexLongKeys(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  std::string key(2'000, 'k');
  CO_RETURN_IF_ERROR(co_await door->Call("PutItem", R"({"TableName":"leases","Item":{"k":{"S":")" +
                                                        key + R"("},"o":{"S":")" + key + "\"}}}"));
  int64_t before = door->budget.used_bytes();
  std::string change = R"({"TableName":"leases","AttributeDefinitions":[{"AttributeName":"o",
    "AttributeType":"S"}],"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"by-o",
    "KeySchema":[{"AttributeName":"o","KeyType":"HASH"}],
    "Projection":{"ProjectionType":"ALL"}}}]})";
  CO_ASSIGN_OR_RETURN(RawResponse changed, co_await door->Call("UpdateTable", std::move(change)));
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_THAT(changed.body, HasSubstr("\"IndexSizeBytes\":4002"));
  int64_t with_index = door->budget.used_bytes();
  EXPECT_GT(with_index, before + 4'000);  // both keys lie in the index
  CO_RETURN_IF_ERROR(co_await door->Restart());
  EXPECT_EQ(door->budget.used_bytes(), with_index);
  CO_RETURN_IF_ERROR(co_await door->Call(
      "DeleteItem", R"({"TableName":"leases","Key":{"k":{"S":")" + key + "\"}}}"));
  EXPECT_EQ(door->budget.used_bytes(), 0);
  co_return Status::OK();
}
TEST(DynamoServiceTest, KeysWithinIndexesAreCounted) { RunTables(IndexLongKeys); }

Task<> StartWithLessMemory(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  for (int i = 0; i < 20; ++i) CO_RETURN_IF_ERROR(co_await PutText(door, i, 50'000));
  CO_RETURN_IF_ERROR(co_await door->server->Stop());
  door->server.reset();
  door->service.reset();
  MemoryBudget small(1 << 20);
  auto refusing = co_await DynamoService::Open(door->env, &door->log, &small, Logger::Silent(),
                                               DynamoOptions());
  CO_RETURN_IF_ERROR(refusing);
  EXPECT_EQ(small.used_bytes(), 0);
  door->Serve(*std::move(refusing));
  CO_ASSIGN_OR_RETURN(RawResponse got, co_await door->Call("GetItem", kGetOne));
  EXPECT_EQ(got.status, 503);
  EXPECT_THAT(got.body, HasSubstr("tables do not fit into memory"));
  CO_RETURN_IF_ERROR(co_await door->Restart());
  CO_ASSIGN_OR_RETURN(got, co_await door->Call("DescribeTable", R"({"TableName":"leases"})"));
  EXPECT_THAT(got.body, HasSubstr("\"ItemCount\":20"));
  co_return Status::OK();
}
TEST(DynamoServiceTest, TablesThatDoNotFitAreRefusedAndTheNodeStarts) {
  RunTables(StartWithLessMemory);
}

TEST(DynamoServiceTest, RecordsLieInTheLogAsTheFormatSays) {
  std::string id = "01234567-89ab-4cde-8f01-23456789abcd";
  ItemKey key = MakeItemKey("part", "sort");
  EXPECT_EQ(ItemRecordKey(id, key), "I" + id + std::string("\0\0\0\x04partsort", 12));
  EXPECT_EQ(TableRecordKey("leases"), "Tleases");
  Item item{{"k", AttributeValue::OfString("a")}};
  EXPECT_EQ(ItemRecordValue(item), "\x01{\"k\":{\"S\":\"a\"}}");
  TableDefinition table{.name = "leases", .id = id, .created_ms = 7};
  table.keys = {.hash = {.name = "k", .type = ValueType::kString}};
  table.attributes["k"] = ValueType::kString;
  table.indexes.push_back({.name = "i",
                           .keys = {.hash = {.name = "o"}, .range = KeyAttribute{.name = "k"}},
                           .projection = "INCLUDE",
                           .included = {"x"}});
  table.tags["a"] = "b";
  EXPECT_EQ(
      TableRecordValue(table),
      "\x01{\"name\":\"leases\",\"id\":\"" + id +
          R"(","created_ms":7,"hash":["k","S"],"attributes":{"k":"S"},"on_demand":false,"read":0,)"
          R"("write":0,"indexes":[{"name":"i","hash":["o","S"],"range":["k","S"],"global":true,)"
          R"("projection":"INCLUDE","included":["x"],"read":0,"write":0}],"tags":{"a":"b"},)"
          R"("deletion_protection":false,"table_class":""})");
  EXPECT_EQ(*ParseTableRecord(TableRecordValue(table)), table);
  EXPECT_EQ(ParseRecordKey(ItemRecordKey(id, key))->item, key);
  EXPECT_EQ(*ParseItemRecord(ItemRecordValue(item)), item);
  for (std::string_view broken : {"", "T", "I", "Iabc", "X1"}) {
    EXPECT_FALSE(ParseRecordKey(broken).ok()) << broken;
  }
  EXPECT_FALSE(ParseItemRecord("\x02{}").ok());
  EXPECT_FALSE(ParseTableRecord("\x01[]").ok());
}

Task<> AskWhoAmI(TableDoor* door) {
  RawClient::Request request{.method = "POST", .target = "/"};
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = "Action=GetCallerIdentity&Version=2011-06-15";
  CO_ASSIGN_OR_RETURN(RawResponse answer, co_await door->client->Call(request));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("<Account>000000000000</Account>"));
  request.body = "Action=AssumeRole&Version=2011-06-15";
  CO_ASSIGN_OR_RETURN(answer, co_await door->client->Call(request));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("<Code>InvalidAction</Code>"));
  request.body = "%zz";
  CO_ASSIGN_OR_RETURN(answer, co_await door->client->Call(request));
  EXPECT_EQ(answer.status, 400);
  co_return Status::OK();
}
TEST(DynamoServiceTest, TellsTheCallerWhoItIs) { RunTables(AskWhoAmI); }

}  // namespace
}  // namespace mainstem::gateway::dynamodb
