// The door from request bytes to a log in memory and back, on virtual time: what lasts minutes.
#include "gateway/kinesis/kinesis_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/aws/testing/aws_door.h"

namespace mainstem::gateway::kinesis {
namespace {

using namespace std::chrono_literals;
using net::RawClient;
using net::RawResponse;
using testing::HasSubstr;
using testing::Not;

struct Door : aws::AwsDoor<KinesisService> {
  Door(Env* env, int64_t memory_bytes)
      : AwsDoor(env, memory_bytes, {"application/x-amz-json-1.1", "Kinesis_20131202."}) {}
  Task<> Open() {
    KinesisOptions options;
    CO_ASSIGN_OR_RETURN(
        auto opened, co_await KinesisService::Open(env, &log, &budget, &metrics, Logger::Silent(),
                                                   std::move(options)));
    Serve(std::move(opened));
    co_return Status::OK();
  }
  // A member of the answer, a text.
  static std::string Member(const RawResponse& response, const std::string& name) {
    std::string before = "\"" + name + "\":\"";
    size_t begin = response.body.find(before);
    if (begin == std::string::npos) return {};
    begin += before.size();
    return response.body.substr(begin, response.body.find('"', begin) - begin);
  }
  Task<std::string> Iterator() {
    CO_ASSIGN_OR_RETURN(
        RawResponse response,
        co_await Call("GetShardIterator", R"({"StreamName":"s","ShardId":"0",)"
                                          R"("ShardIteratorType":"TRIM_HORIZON"})"));
    co_return Member(response, "ShardIterator");
  }
};

void RunScenario(aws::DoorScenario<Door> scenario, int64_t memory_bytes = 64 << 20) {
  aws::RunAtDoor(scenario, memory_bytes);
}

const char* const kCreate = R"({"StreamName":"s","ShardCount":1})";
const char* const kPut = R"({"StreamName":"s","PartitionKey":"k","Data":"AAEC"})";

Task<> LetAnIteratorAge(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", kCreate));
  CO_RETURN_IF_ERROR(co_await door->Call("PutRecord", kPut));
  CO_ASSIGN_OR_RETURN(std::string iterator, co_await door->Iterator());
  std::string body = R"({"ShardIterator":")" + iterator + "\"}";
  CO_RETURN_IF_ERROR(co_await Sleep(299s));
  door->Connect();  // connections do not idle that long
  CO_ASSIGN_OR_RETURN(RawResponse young, co_await door->Call("GetRecords", body));
  EXPECT_EQ(young.status, 200);
  EXPECT_THAT(young.body, HasSubstr(R"("Data":"AAEC")"));
  CO_RETURN_IF_ERROR(co_await Sleep(2s));
  CO_ASSIGN_OR_RETURN(RawResponse old, co_await door->Call("GetRecords", body));
  EXPECT_EQ(old.status, 400);
  EXPECT_THAT(old.body, HasSubstr("ExpiredIteratorException"));
  EXPECT_THAT(old.body, HasSubstr("created at time Thu Jan 01 01:00:00 UTC 2026 while right now it "
                                  "is Thu Jan 01 01:05:01 UTC 2026"));
  // The next iterator of the young answer is younger.
  std::string next = R"({"ShardIterator":")" + Door::Member(young, "NextShardIterator") + "\"}";
  CO_ASSIGN_OR_RETURN(RawResponse fresh, co_await door->Call("GetRecords", next));
  EXPECT_EQ(fresh.status, 200);
  co_return Status::OK();
}

TEST(KinesisServiceTest, AnIteratorLivesFiveMinutes) { RunScenario(LetAnIteratorAge); }

Task<> LetATokenAge(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", R"({"StreamName":"s","ShardCount":2})"));
  CO_ASSIGN_OR_RETURN(RawResponse page,
                      co_await door->Call("ListShards", R"({"StreamName":"s","MaxResults":1})"));
  std::string body = R"({"NextToken":")" + Door::Member(page, "NextToken") + "\"}";
  CO_ASSIGN_OR_RETURN(RawResponse second, co_await door->Call("ListShards", body));
  EXPECT_THAT(second.body, HasSubstr("shardId-000000000001"));
  CO_RETURN_IF_ERROR(co_await Sleep(301s));
  door->Connect();
  CO_ASSIGN_OR_RETURN(RawResponse expired, co_await door->Call("ListShards", body));
  EXPECT_THAT(expired.body, HasSubstr("ExpiredNextTokenException"));
  co_return Status::OK();
}

TEST(KinesisServiceTest, ATokenOfAListingLivesFiveMinutes) { RunScenario(LetATokenAge); }

Task<> SplitAndForgetTheParent(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", kCreate));
  CO_ASSIGN_OR_RETURN(RawResponse split,
                      co_await door->Call("SplitShard", R"({"StreamName":"s","ShardToSplit":"0",)"
                                                        R"("NewStartingHashKey":"1000"})"));
  EXPECT_EQ(split.status, 200) << split.body;
  CO_ASSIGN_OR_RETURN(RawResponse listed,
                      co_await door->Call("ListShards", R"({"StreamName":"s"})"));
  EXPECT_THAT(listed.body, HasSubstr(R"("ShardId":"shardId-000000000000")"));
  CO_RETURN_IF_ERROR(co_await Sleep(25h));
  door->Connect();
  CO_ASSIGN_OR_RETURN(listed, co_await door->Call("ListShards", R"({"StreamName":"s"})"));
  EXPECT_THAT(listed.body, Not(HasSubstr(R"("ShardId":"shardId-000000000000")")));
  EXPECT_THAT(listed.body, HasSubstr(R"("ParentShardId":"shardId-000000000000")"));
  co_return Status::OK();
}

TEST(KinesisServiceTest, AClosedShardIsListedUntilItsDataHasExpired) {
  SimDisk disk(1);
  SimEnv env(&disk, {});
  Status status = env.Run(aws::PlayAtDoor<Door>(&env, SplitAndForgetTheParent, 64 << 20), 48h);
  EXPECT_TRUE(status.ok()) << status.ToString();
}

Task<> ReadWithoutMemory(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", kCreate));
  CO_RETURN_IF_ERROR(co_await door->Call("PutRecord", kPut));
  CO_ASSIGN_OR_RETURN(std::string iterator, co_await door->Iterator());
  MemoryLease all = door->budget.TryLease(door->budget.shared_bytes() - 150);
  CO_ASSIGN_OR_RETURN(RawResponse read, co_await door->Call("GetRecords", R"({"ShardIterator":")" +
                                                                              iterator + "\"}"));
  EXPECT_EQ(read.status, 400);
  EXPECT_THAT(read.body, HasSubstr("ProvisionedThroughputExceededException"));
  CO_ASSIGN_OR_RETURN(RawResponse put,
                      co_await door->Call("PutRecord", R"({"StreamName":"s","PartitionKey":"k",)"
                                                       R"("Data":")" +
                                                           std::string(400, 'A') + "\"}"));
  EXPECT_EQ(put.status, 503);
  EXPECT_THAT(put.body, HasSubstr("ServiceUnavailable"));
  all.Release();
  door->Connect();
  CO_ASSIGN_OR_RETURN(
      read, co_await door->Call("GetRecords", R"({"ShardIterator":")" + iterator + "\"}"));
  EXPECT_EQ(read.status, 200);
  co_return Status::OK();
}

TEST(KinesisServiceTest, WithoutMemoryItSaysWhatSdksTryAgain) { RunScenario(ReadWithoutMemory); }

}  // namespace
}  // namespace mainstem::gateway::kinesis
