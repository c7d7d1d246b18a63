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
    CO_ASSIGN_OR_RETURN(auto opened,
                        co_await DynamoService::Open(env, &log, &budget, DynamoOptions()));
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

Task<> FillMemory(TableDoor* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateTable", kCreateTable));
  int written = 0;
  for (; written < 100; ++written) {
    std::string body = R"({"TableName":"leases","Item":{"k":{"S":")" + std::to_string(written) +
                       R"("},"v":{"S":")" + std::string(50'000, 'v') + "\"}}}";
    CO_ASSIGN_OR_RETURN(RawResponse put, co_await door->Call("PutItem", std::move(body)));
    if (put.status != 200) {
      EXPECT_EQ(put.status, 503);
      EXPECT_THAT(put.body, HasSubstr("no memory"));
      break;
    }
  }
  EXPECT_GT(written, 5);
  EXPECT_LT(written, 25);
  for (int i = 0; i < written; ++i) {
    std::string key = R"({"TableName":"leases","Key":{"k":{"S":")" + std::to_string(i) + "\"}}}";
    CO_RETURN_IF_ERROR(co_await door->Call("DeleteItem", std::move(key)));
  }
  EXPECT_EQ(door->budget.used_bytes(), 0);
  co_return Status::OK();
}
TEST(DynamoServiceTest, TablesLeaseTheirMemory) { RunTables(FillMemory, 2 << 20); }

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
