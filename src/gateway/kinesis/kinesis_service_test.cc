// The door from request bytes to a log in memory and back, on virtual time: what lasts minutes.
#include "gateway/kinesis/kinesis_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/aws/testing/aws_door.h"
#include "gateway/kinesis/hash_key.h"
#include "storage/batch_builder.h"
#include "storage/bytes.h"
#include "storage/crc32c.h"

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
    options.find_owner = [](storage::TopicInfo topic) { return OwnerOf(std::move(topic)); };
    CO_ASSIGN_OR_RETURN(
        auto opened, co_await KinesisService::Open(env, &log, &budget, &metrics, Logger::Silent(),
                                                   std::move(options)));
    Serve(std::move(opened));
    co_return Status::OK();
  }
  static Task<std::string> OwnerOf(storage::TopicInfo topic) {
    co_return topic.name == "events.b" ? std::string("event bus b") : std::string();
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

// As the KPL packs: `count` empty records of one key.
std::string PackedData(int count) {
  std::string message = std::string("\x0a\x80\x02", 3) + std::string(256, 'k');
  for (int i = 0; i < count; ++i) message += std::string("\x1a\x04\x08\x00\x1a\x00", 6);
  std::string data = "\xF3\x89\x9A\xC2" + message;
  HashKey digest = HashKeyOf(message);
  for (int shift = 120; shift >= 0; shift -= 8) data.push_back(static_cast<char>(digest >> shift));
  std::string text;
  aws::AppendBase64(data, &text);
  return text;
}

Task<int64_t> RecordsIn(Door* door) {
  auto topic = door->log.FindTopic("s");
  storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_ASSIGN_OR_RETURN(storage::PartitionOffsets offsets, co_await door->log.Offsets(partition));
  co_return offsets.high_watermark.value();
}

// 10 KB of a request become 400 KB: of hundreds of them gigabytes.
Task<> PutWhatUnpacksToMuch(Door* door) {
  constexpr int kRecords = 1600;
  constexpr int kPacked = 100;
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", kCreate));
  std::string one = R"({"PartitionKey":"k","Data":")" + PackedData(kRecords) + "\"}";
  std::string body = R"({"StreamName":"s","Records":[)" + one;
  for (int i = 1; i < kPacked; ++i) body += "," + one;
  body += "]}";
  CO_ASSIGN_OR_RETURN(RawResponse put, co_await door->Call("PutRecords", body));
  EXPECT_EQ(put.status, 200);
  constexpr int kUnpacked = (32 << 20) / (kRecords * 256);
  CO_ASSIGN_OR_RETURN(int64_t count, co_await RecordsIn(door));
  EXPECT_EQ(count, kUnpacked * kRecords + kPacked - kUnpacked);
  // They are leased.
  EXPECT_EQ(door->budget.used_bytes(), 0);
  MemoryLease most = door->budget.TryLease(door->budget.shared_bytes() - (16 << 20));
  CO_ASSIGN_OR_RETURN(put, co_await door->Call("PutRecords", body));
  EXPECT_EQ(put.status, 503);
  CO_ASSIGN_OR_RETURN(int64_t after, co_await RecordsIn(door));
  EXPECT_EQ(after, count);
  co_return Status::OK();
}
TEST(KinesisServiceTest, PackedRecordsTakeOnlySoMuchMemory) { RunScenario(PutWhatUnpacksToMuch); }

// As a Kafka client may write it: compressed, and broken within.
Task<> ReadPastABrokenBatch(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", kCreate));
  CO_RETURN_IF_ERROR(co_await door->Call("PutRecord", kPut));
  storage::BatchBuilder builder({.codec = storage::Codec::kZstd});
  builder.Add(1, "k", "lost");
  CO_ASSIGN_OR_RETURN(std::vector<std::byte> broken, builder.Build());
  std::fill(broken.begin() + 61, broken.end(), std::byte{0xFF});
  storage::StoreBig(broken.data() + 17, storage::Crc32c(std::span(broken).subspan(21)));
  auto topic = door->log.FindTopic("s");
  storage::TopicPartition partition{.topic_id = topic->id, .partition = PartitionId(0)};
  CO_RETURN_IF_ERROR(co_await door->log.Append(partition, broken, {}));
  CO_RETURN_IF_ERROR(co_await door->Call("PutRecord", kPut));
  CO_ASSIGN_OR_RETURN(std::string iterator, co_await door->Iterator());
  CO_ASSIGN_OR_RETURN(RawResponse read, co_await door->Call("GetRecords", R"({"ShardIterator":")" +
                                                                              iterator + "\"}"));
  EXPECT_EQ(read.status, 200);
  size_t count = 0;
  for (size_t at = 0; (at = read.body.find("AAEC", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, 2u);
  co_return Status::OK();
}
TEST(KinesisServiceTest, ReadsOnBehindABatchThatCannotBeDecoded) {
  RunScenario(ReadPastABrokenBatch);
}

Task<> StartAtAnOpenTransaction(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", kCreate));
  CO_RETURN_IF_ERROR(co_await door->Call("PutRecord", kPut));
  door->log.stable_end = Offset(1);
  CO_RETURN_IF_ERROR(co_await door->Call("PutRecord", kPut));
  CO_ASSIGN_OR_RETURN(RawResponse latest,
                      co_await door->Call("GetShardIterator", R"({"StreamName":"s","ShardId":"0",)"
                                                              R"("ShardIteratorType":"LATEST"})"));
  std::string body = R"({"ShardIterator":")" + Door::Member(latest, "ShardIterator") + "\"}";
  CO_ASSIGN_OR_RETURN(RawResponse before, co_await door->Call("GetRecords", body));
  EXPECT_THAT(before.body, Not(HasSubstr("AAEC")));
  door->log.stable_end = Offset(INT64_MAX);  // it is committed
  CO_ASSIGN_OR_RETURN(RawResponse after, co_await door->Call("GetRecords", body));
  EXPECT_THAT(after.body, HasSubstr(R"("Data":"AAEC")"));
  co_return Status::OK();
}
TEST(KinesisServiceTest, LatestIsBeforeWhatAnOpenTransactionHasWritten) {
  RunScenario(StartAtAnOpenTransaction);
}

Task<> ChangeAnotherServicesTopic(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->log.CreateTopic("events.b", 1, {}, false));
  const std::pair<const char*, const char*> changes[] = {
      {"DeleteStream", R"({"StreamName":"events.b"})"},
      {"UpdateShardCount",
       R"({"StreamName":"events.b","TargetShardCount":2,"ScalingType":"UNIFORM_SCALING"})"},
      {"SplitShard", R"({"StreamName":"events.b","ShardToSplit":"0","NewStartingHashKey":"1000"})"},
      {"IncreaseStreamRetentionPeriod", R"({"StreamName":"events.b","RetentionPeriodHours":8000})"},
      {"UpdateMaxRecordSize", R"({"StreamName":"events.b","MaxRecordSizeInKiB":2048})"}};
  for (const auto& [operation, body] : changes) {
    CO_ASSIGN_OR_RETURN(RawResponse refused, co_await door->Call(operation, body));
    EXPECT_THAT(refused.body, HasSubstr("ResourceInUseException")) << operation;
    EXPECT_THAT(refused.body, HasSubstr("belongs to event bus b")) << operation;
  }
  EXPECT_EQ(door->log.FindTopic("events.b")->partition_count, 1);
  CO_ASSIGN_OR_RETURN(RawResponse listed,
                      co_await door->Call("ListShards", R"({"StreamName":"events.b"})"));
  EXPECT_EQ(listed.status, 200);
  co_return Status::OK();
}
TEST(KinesisServiceTest, TopicsOfOtherServicesAreNotChanged) {
  RunScenario(ChangeAnotherServicesTopic);
}

// What is asked for in a way that Amazon refuses, with what the answer says.
Task<> AskWrongly(Door* door) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", R"({"StreamName":"s","ShardCount":2})"));
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", R"({"StreamName":"t","ShardCount":1})"));
  CO_ASSIGN_OR_RETURN(RawResponse page,
                      co_await door->Call("ListShards", R"({"StreamName":"s","MaxResults":1})"));
  std::string token = R"({"NextToken":")" + Door::Member(page, "NextToken");
  std::string tags = R"("k0":"v")";
  for (int i = 1; i < 51; ++i) tags += ",\"k" + std::to_string(i) + R"(":"v")";
  std::string key(200, 'k');
  std::string data;
  aws::AppendBase64(std::string((1 << 20) - 199, 'd'), &data);
  struct Wrong {
    std::string operation;
    std::string body;
    std::string told;
  };
  const Wrong wrongs[] = {
      {"ListShards",
       R"({"StreamName":"s","ShardFilter":{"Type":"AFTER_SHARD_ID","ShardId":"foo"}})",
       "Could not find shard foo"},
      {"ListShards", R"({"StreamName":"s","ExclusiveStartShardId":"foo"})",
       "Could not find shard foo"},
      {"ListShards", token + R"(","ExclusiveStartShardId":"shardId-000000000000"})",
       "NextToken and ExclusiveStartShardId"},
      {"GetShardIterator",
       R"({"StreamName":"s","ShardId":"0","ShardIteratorType":"AT_TIMESTAMP","Timestamp":1,)"
       R"("StartingSequenceNumber":"5"})",
       "also a StartingSequenceNumber"},
      {"PutRecord",
       R"({"StreamName":"s","StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/t",)"
       R"("PartitionKey":"k","Data":""})",
       "names two streams"},
      {"PutRecord", R"({"StreamName":"s","PartitionKey":")" + key + R"(","Data":")" + data + "\"}",
       "together at most 1048576"},
      {"CreateStream", R"({"StreamName":"u","ShardCount":1,"Tags":{"a;":"b"}})",
       "invalid characters"},
      {"CreateStream", R"({"StreamName":"u","ShardCount":1,"Tags":{)" + tags + "}}",
       "more than 50 tags"},
      {"CreateStreem", "{}", "does not offer Kinesis_20131202.CreateStreem"}};
  for (const Wrong& wrong : wrongs) {
    std::string operation = wrong.operation;
    std::string body = wrong.body;
    CO_ASSIGN_OR_RETURN(RawResponse refused,
                        co_await door->Call(std::move(operation), std::move(body)));
    EXPECT_EQ(refused.status, 400) << wrong.told;
    EXPECT_THAT(refused.body, HasSubstr(wrong.told));
  }
  CO_ASSIGN_OR_RETURN(
      RawResponse after,
      co_await door->Call("ListShards", R"({"StreamName":"s","ShardFilter":{"Type":)"
                                        R"("AFTER_SHARD_ID","ShardId":"0"}})"));
  EXPECT_THAT(after.body, Not(HasSubstr(R"("ShardId":"shardId-000000000000")")));
  EXPECT_THAT(after.body, HasSubstr(R"("ShardId":"shardId-000000000001")"));
  co_return Status::OK();
}
TEST(KinesisServiceTest, WrongRequestsAreRefusedWithAReason) { RunScenario(AskWrongly); }

Task<> CallAnew(Door* door, std::string operation, std::string body) {
  auto [near, far] = net::MakeMemoryStreamPair(door->env->shard(0));
  door->server->Serve(std::move(far));
  RawClient client(std::move(near));
  RawClient::Request request{.method = "POST", .target = "/"};
  request.headers.emplace_back("Content-Type", "application/x-amz-json-1.1");
  request.headers.emplace_back("X-Amz-Target", "Kinesis_20131202." + operation);
  request.body = std::move(body);
  CO_ASSIGN_OR_RETURN(RawResponse response, co_await client.Call(std::move(request)));
  EXPECT_EQ(response.status, 200) << operation << response.body;
  co_return Status::OK();
}

// A slow write is waited for by a resharding, for which the others wait: each has found the stream
// before it was resharded.
Task<> ChangeAtOnce(Door* door, std::string operation, std::string body) {
  CO_RETURN_IF_ERROR(co_await door->Call("CreateStream", R"({"StreamName":"s","ShardCount":2})"));
  door->log.append_delay = 2s;
  TaskScope calls(door->env->shard(0), "calls",
                  [](const std::string& name, const Status& status) { FAIL() << name << status; });
  auto call = [&](std::string name, std::string input) {
    calls.Spawn(name, CallAnew(door, name, std::move(input)));
    return Sleep(100ms);
  };
  CO_RETURN_IF_ERROR(co_await call("PutRecord", kPut));
  for (const char* shard : {"0", "1"}) {
    HashKey key = EvenRanges(4)[*shard == '0' ? 1 : 3].first;
    CO_RETURN_IF_ERROR(co_await call(
        "SplitShard", R"({"StreamName":"s","ShardToSplit":")" + std::string(shard) +
                          R"(","NewStartingHashKey":")" + FormatHashKey(key) + "\"}"));
  }
  CO_RETURN_IF_ERROR(co_await call(operation, std::move(body)));
  co_return co_await calls.Join();
}

Task<> ReshardAndSetRetention(Door* door) {
  return ChangeAtOnce(door, "IncreaseStreamRetentionPeriod",
                      R"({"StreamName":"s","RetentionPeriodHours":48})");
}
TEST(KinesisServiceTest, RetentionIsSetWhileTheStreamIsResharded) {
  RunScenario(ReshardAndSetRetention);
}
Task<> ReshardAndDelete(Door* door) {
  return ChangeAtOnce(door, "DeleteStream", R"({"StreamName":"s"})");
}
TEST(KinesisServiceTest, AStreamIsDeletedWhileItIsResharded) { RunScenario(ReshardAndDelete); }

}  // namespace
}  // namespace mainstem::gateway::kinesis
