// The door as a client sees it, over real sockets and a log in memory.
#include "gateway/kafka/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/kafka/messages/cluster.h"
#include "gateway/kafka/messages/configs.h"
#include "gateway/kafka/messages/fetch.h"
#include "gateway/kafka/messages/group_admin.h"
#include "gateway/kafka/messages/group_membership.h"
#include "gateway/kafka/messages/group_offsets.h"
#include "gateway/kafka/messages/metadata.h"
#include "gateway/kafka/messages/offsets.h"
#include "gateway/kafka/messages/producers.h"
#include "gateway/kafka/messages/topics.h"
#include "gateway/kafka/testing/test_client.h"
#include "storage/batch_builder.h"
#include "storage/testing/memory_log.h"

namespace mainstem::gateway::kafka {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class KafkaServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    KafkaSettings settings;
    settings.port = 0;
    settings.cluster_id = "test-cluster";
    server_ = std::make_unique<KafkaServer>(env_.get(), &log_, &log_, &budget_, &metrics_,
                                            Logger::Silent(), settings);
    CHECK_OK(RunBlocking(env_->shard(0), server_->Start()));
  }
  void TearDown() override { Stop(); }
  void Stop() {
    if (server_ != nullptr) CHECK_OK(RunBlocking(env_->shard(0), server_->Stop()));
    server_.reset();
  }

  std::unique_ptr<TestClient> Connect() {
    return std::make_unique<TestClient>(env_.get(), server_->port());
  }
  storage::TopicInfo MakeTopic(const std::string& name, int32_t partition_count = 1) {
    auto client = Connect();
    CreateTopicsRequest request;
    request.topics.push_back(
        {.name = name, .partition_count = partition_count, .replication_factor = 1});
    CHECK_OK(client->Call<CreateTopicsResponse>(7, request));
    return *log_.FindTopic(name);
  }
  static ProduceRequest Produce(const std::string& topic, const std::vector<std::byte>& batch,
                                int16_t acks = -1) {
    ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 1000;
    request.topics.push_back({.name = topic});
    request.topics[0].partitions.push_back({.index = 0, .records = std::span(batch)});
    return request;
  }
  static FetchRequest Fetch(const std::string& topic, int64_t offset, int32_t max_wait_ms = 0) {
    FetchRequest request;
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = 1;
    request.topics.push_back({.name = topic});
    request.topics[0].partitions.push_back({.fetch_offset = offset, .max_bytes = 1 << 20});
    return request;
  }
  static std::vector<std::byte> Batch(const std::string& value, int count = 1) {
    storage::BatchBuilder builder;
    for (int i = 0; i < count; ++i) builder.Add(1, std::nullopt, value);
    return builder.Build().ValueOrDie();
  }

  std::unique_ptr<Env> env_ = MakeRealEnv({.shard_count = 2, .pool_thread_count = 1});
  storage::MemoryLog log_{env_.get()};
  MemoryBudget budget_{int64_t{64} << 20};
  Metrics metrics_;
  std::unique_ptr<KafkaServer> server_;
};

TEST_F(KafkaServerTest, AdvertisesOnlyWhatItServes) {
  ApiVersionsRequest request{.client_software_name = "test", .client_software_version = "1"};
  Result<ApiVersionsResponse> response = Connect()->Call<ApiVersionsResponse>(3, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->error_code, 0);
  std::map<int16_t, std::pair<int16_t, int16_t>> versions;
  for (const auto& api : response->api_keys) {
    versions[api.api_key] = {api.min_version, api.max_version};
  }
  using Versions = std::pair<int16_t, int16_t>;
  EXPECT_EQ(versions.at(0), Versions(0, 13));  // Produce
  EXPECT_EQ(versions.at(1), Versions(4, 18));  // Fetch
  EXPECT_EQ(versions.at(24), Versions(0, 5));  // AddPartitionsToTxn
  EXPECT_EQ(versions.count(68), 0u);           // ConsumerGroupHeartbeat
  ASSERT_EQ(response->finalized_features.size(), 1u);
  EXPECT_EQ(response->finalized_features[0].name, "transaction.version");
}

TEST_F(KafkaServerTest, RefusesATooNewApiVersionsInTheOldestFormat) {
  auto client = Connect();
  ApiVersionsRequest request;
  ASSERT_TRUE(client->Send(std::string("\0\0\0\x0a\0\x12\0\x63\0\0\0\x07\xff\xff", 14)).ok());
  Result<ApiVersionsResponse> response = client->Receive<ApiVersionsResponse>(0, 7);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->error_code, 35);
  ASSERT_EQ(response->api_keys.size(), 1u);
  EXPECT_EQ(response->api_keys[0].api_key, 18);
  EXPECT_EQ(response->api_keys[0].max_version, 4);
  // The connection goes on.
  EXPECT_TRUE(client->Call<ApiVersionsResponse>(0, request).ok());
}

TEST_F(KafkaServerTest, ClosesTheConnectionOfAClientItCannotUnderstand) {
  const std::string kCases[] = {
      std::string("\x7f\xff\xff\xf0", 4),  // frame too big
      std::string("\xff\xff\xff\xff", 4),  // negative size
      std::string("\0\0\0\x03"
                  "abc",
                  7),                                               // no header
      std::string("\0\0\0\x0a\x03\xe7\0\0\0\0\0\x01\xff\xff", 14),  // unknown API
      std::string("\0\0\0\x0a\0\x03\0\x63\0\0\0\x01\xff\xff", 14),  // unknown version
      std::string("\0\0\0\x0e\0\x03\0\x01\0\0\0\x01\xff\xff\x7f\xff\xff\xff", 18),  // array length
  };
  for (const std::string& bytes : kCases) {
    auto client = Connect();
    ASSERT_TRUE(client->Send(bytes).ok());
    EXPECT_TRUE(client->IsClosed()) << testing::PrintToString(bytes);
  }
}

TEST_F(KafkaServerTest, GivesBackWhatWasProduced) {
  MakeTopic("t");
  auto client = Connect();
  Result<ProduceResponse> produced = client->Call<ProduceResponse>(9, Produce("t", Batch("a", 3)));
  ASSERT_TRUE(produced.ok()) << produced.status();
  EXPECT_EQ(produced->topics[0].partitions[0].error_code, 0);
  EXPECT_EQ(produced->topics[0].partitions[0].base_offset, 0);
  Result<FetchResponse> fetched = client->Call<FetchResponse>(12, Fetch("t", 0));
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  const FetchResponse::Partition& partition = fetched->topics[0].partitions[0];
  EXPECT_EQ(partition.high_watermark, 3);
  EXPECT_FALSE(partition.aborted_transactions.has_value());
  ASSERT_EQ(partition.records.size(), 1u);
  EXPECT_EQ(storage::ReadBatchHeader(partition.records[0].bytes.data()).record_count, 3);
}

TEST_F(KafkaServerTest, AnswersPipelinedRequestsInTheirOrder) {
  MakeTopic("t");
  auto client = Connect();
  std::vector<std::byte> batch = Batch("x");
  for (int32_t id = 1; id <= 200; ++id) {
    ASSERT_TRUE(client->SendRequest(9, id, Produce("t", batch)).ok());
  }
  ASSERT_TRUE(client->SendRequest(12, 201, Fetch("t", 199)).ok());
  for (int32_t id = 1; id <= 200; ++id) {
    Result<ProduceResponse> produced = client->Receive<ProduceResponse>(9, id);
    ASSERT_TRUE(produced.ok()) << produced.status();
    EXPECT_EQ(produced->topics[0].partitions[0].base_offset, id - 1);
  }
  Result<FetchResponse> fetched = client->Receive<FetchResponse>(12, 201);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->topics[0].partitions[0].high_watermark, 200);
}

TEST_F(KafkaServerTest, AppendsInTheOrderOfTheRequestsHoweverManyPartitionsTheyName) {
  MakeTopic("t", 2);
  auto client = Connect();
  std::vector<std::byte> batch = Batch("x");
  for (int32_t id = 1; id <= 200; ++id) {
    ProduceRequest request = Produce("t", batch);
    if (id % 2 == 1) {
      request.topics[0].partitions.push_back({.index = 1, .records = std::span(batch)});
    }
    ASSERT_TRUE(client->SendRequest(9, id, request).ok());
  }
  for (int32_t id = 1; id <= 200; ++id) {
    Result<ProduceResponse> produced = client->Receive<ProduceResponse>(9, id);
    ASSERT_TRUE(produced.ok()) << produced.status();
    EXPECT_EQ(produced->topics[0].partitions[0].base_offset, id - 1);
  }
}

TEST_F(KafkaServerTest, LongPollEndsWhenARecordComesOverAnotherConnection) {
  MakeTopic("t");
  auto consumer = Connect();
  auto producer = Connect();
  ASSERT_TRUE(consumer->SendRequest(12, 1, Fetch("t", 0, 60'000)).ok());
  ASSERT_TRUE(producer->Call<ProduceResponse>(9, Produce("t", Batch("a"))).ok());
  Result<FetchResponse> fetched = consumer->Receive<FetchResponse>(12, 1);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->topics[0].partitions[0].records.size(), 1u);
}

// More than the log waits for in one call.
TEST_F(KafkaServerTest, AFetchOfVeryManyPartitionsHearsOfAllOfThem) {
  constexpr int32_t kCount = storage::kWaitedPartitionsMax + 1;
  MakeTopic("t", kCount);
  FetchRequest request = Fetch("t", 0, 60'000);
  for (int32_t i = 1; i < kCount; ++i) {
    request.topics[0].partitions.push_back({.index = i, .max_bytes = 1});
  }
  auto consumer = Connect();
  ASSERT_TRUE(consumer->SendRequest(12, 1, request).ok());
  std::vector<std::byte> batch = Batch("a");
  ProduceRequest last = Produce("t", batch);
  last.topics[0].partitions[0].index = kCount - 1;
  ASSERT_TRUE(Connect()->Call<ProduceResponse>(9, last).ok());
  Result<FetchResponse> fetched = consumer->Receive<FetchResponse>(12, 1);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->topics[0].partitions.back().records.size(), 1u);
}

TEST_F(KafkaServerTest, FirstBatchGoesOutHoweverSmallTheLimits) {
  MakeTopic("t", 2);
  auto client = Connect();
  for (int32_t partition = 0; partition < 2; ++partition) {
    std::vector<std::byte> batch = Batch(std::string(500, 'x'));
    ProduceRequest request = Produce("t", batch);
    request.topics[0].partitions[0].index = partition;
    ASSERT_TRUE(client->Call<ProduceResponse>(9, request).ok());
  }
  FetchRequest request = Fetch("t", 0);
  request.max_bytes = 1;
  request.topics[0].partitions[0].max_bytes = 1;
  request.topics[0].partitions.push_back({.index = 1, .max_bytes = 1});
  Result<FetchResponse> fetched = client->Call<FetchResponse>(12, request);
  ASSERT_TRUE(fetched.ok());
  EXPECT_GT(fetched->topics[0].partitions[0].records[0].bytes.size(), 500u);
  EXPECT_EQ(fetched->topics[0].partitions[1].records[0].bytes.size(), 0u);
}

TEST_F(KafkaServerTest, FetchAnswersErrorsPerPartition) {
  MakeTopic("t");
  FetchRequest request = Fetch("t", 7);
  request.isolation_level = 1;
  request.topics.push_back({.name = "nope"});
  request.topics[1].partitions.push_back({.index = 0});
  Result<FetchResponse> fetched = Connect()->Call<FetchResponse>(12, request);
  ASSERT_TRUE(fetched.ok());
  EXPECT_EQ(fetched->topics[0].partitions[0].error_code, 1);
  EXPECT_EQ(fetched->topics[0].partitions[0].high_watermark, -1);
  EXPECT_TRUE(fetched->topics[0].partitions[0].aborted_transactions->empty());
  EXPECT_EQ(fetched->topics[1].partitions[0].error_code, 3);

  FetchRequest with_session = Fetch("t", 0);
  with_session.session_id = 5;
  with_session.session_epoch = 1;
  EXPECT_EQ(Connect()->Call<FetchResponse>(12, with_session)->error_code, 70);
}

TEST_F(KafkaServerTest, ASessionTellsOnlyNewsAndEndsWithItsConnection) {
  MakeTopic("t");
  auto client = Connect();
  FetchRequest first = Fetch("t", 0);
  first.session_epoch = 0;
  Result<FetchResponse> fetched = client->Call<FetchResponse>(12, first);
  ASSERT_TRUE(fetched.ok());
  ASSERT_GT(fetched->session_id, 0);
  EXPECT_EQ(fetched->topics.size(), 1u);
  FetchRequest next;
  next.session_id = fetched->session_id;
  next.session_epoch = 1;
  fetched = client->Call<FetchResponse>(12, next);
  ASSERT_TRUE(fetched.ok());
  EXPECT_EQ(fetched->session_id, next.session_id);
  EXPECT_TRUE(fetched->topics.empty());
  EXPECT_EQ(client->Call<FetchResponse>(12, next)->error_code, 71);
  next.session_epoch = 2;
  EXPECT_EQ(Connect()->Call<FetchResponse>(12, next)->error_code, 70);
  std::vector<std::byte> batch = Batch("v");
  ASSERT_TRUE(client->Call<ProduceResponse>(9, Produce("t", batch)).ok());
  fetched = client->Call<FetchResponse>(12, next);
  ASSERT_TRUE(fetched.ok());
  ASSERT_EQ(fetched->topics.size(), 1u);
  EXPECT_EQ(fetched->topics[0].name, "t");
  EXPECT_FALSE(fetched->topics[0].partitions[0].records.empty());
}

TEST_F(KafkaServerTest, DoesNotAnswerAcksZeroAndClosesOnItsError) {
  MakeTopic("t");
  auto client = Connect();
  ASSERT_TRUE(client->SendRequest(9, 1, Produce("t", Batch("a"), 0)).ok());
  // The next answer on the connection is that of the next request.
  EXPECT_TRUE(client->Call<FetchResponse>(12, Fetch("t", 0)).ok());
  ASSERT_TRUE(client->SendRequest(9, 1, Produce("nope", Batch("a"), 0)).ok());
  EXPECT_TRUE(client->IsClosed());
}

TEST_F(KafkaServerTest, StoresWhatWasSentBeforeTheClientLeft) {
  MakeTopic("t");
  auto consumer = Connect();
  ASSERT_TRUE(consumer->SendRequest(12, 1, Fetch("t", 49, 60'000)).ok());
  {
    auto producer = Connect();
    std::string all;
    std::vector<std::byte> batch = Batch("a");
    ProduceRequest request = Produce("t", batch, 0);
    for (int i = 0; i < 50; ++i) {
      RequestHeader header{.api_key = ApiKey::kProduce, .api_version = 9, .client_id = "x"};
      all += EncodeRequest(header, ProduceRequest::kSchema, &request).Flatten();
    }
    ASSERT_TRUE(producer->Send(all).ok());
  }
  // MemoryLog has no offset 49 yet: the fetch is refused at once or waits; ask until it is there.
  Result<FetchResponse> fetched = consumer->Receive<FetchResponse>(12, 1);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  while (fetched.ok() && fetched->topics[0].partitions[0].error_code == 1) {
    fetched = consumer->Call<FetchResponse>(12, Fetch("t", 49, 60'000));
  }
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->topics[0].partitions[0].high_watermark, 50);
}

TEST_F(KafkaServerTest, RefusesProduceRequestsPerPartition) {
  MakeTopic("t");
  auto client = Connect();
  auto error_of = [&](const ProduceRequest& request, int16_t version) {
    Result<ProduceResponse> response = client->Call<ProduceResponse>(version, request);
    EXPECT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->topics[0].partitions[0].base_offset, -1);
    return response->topics[0].partitions[0].error_code;
  };
  std::vector<std::byte> one = Batch("a");
  std::vector<std::byte> two = one;
  two.insert(two.end(), one.begin(), one.end());
  std::vector<std::byte> none;
  EXPECT_EQ(error_of(Produce("nope", one), 9), 3);
  EXPECT_EQ(error_of(Produce("t", one, 2), 9), 21);
  EXPECT_EQ(error_of(Produce("t", two), 9), 87);
  EXPECT_EQ(error_of(Produce("t", none), 9), 87);
  ProduceRequest by_id = Produce("", one);
  by_id.topics[0].topic_id[0] = 1;
  EXPECT_EQ(error_of(by_id, 13), 100);
}

TEST_F(KafkaServerTest, CountsRequestsByApiAndOutcome) {
  MakeTopic("t");
  std::vector<std::byte> batch = Batch("a");
  auto client = Connect();
  ASSERT_TRUE(client->Call<ProduceResponse>(9, Produce("t", batch)).ok());
  ASSERT_TRUE(client->Call<ProduceResponse>(9, Produce("nope", batch)).ok());
  ASSERT_TRUE(client->Call<FetchResponse>(12, Fetch("t", 0)).ok());
  std::string text = metrics_.Text();
  const std::string requests = "mainstem_kafka_requests_total";
  EXPECT_THAT(text, HasSubstr(requests + "{api=\"Produce\",outcome=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(requests + "{api=\"Produce\",outcome=\"error\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(requests + "{api=\"Fetch\",outcome=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("mainstem_kafka_request_seconds_count{api=\"Produce\"} 2\n"));
  std::string fetched = fmt::format("mainstem_kafka_fetched_bytes_total {}\n", batch.size());
  EXPECT_THAT(text, HasSubstr(fetched));
  EXPECT_EQ(server_->fetched_bytes(), static_cast<int64_t>(batch.size()));
}

TEST_F(KafkaServerTest, AFetchWaitsForMemoryAndGivesItBack) {
  MakeTopic("t");
  std::vector<std::byte> batch = Batch("a");
  auto client = Connect();
  ASSERT_TRUE(client->Call<ProduceResponse>(9, Produce("t", batch)).ok());
  // Half of the budget is for what comes in: with that half gone there is nothing for answers.
  MemoryLease others = budget_.TryLease(budget_.shared_bytes() / 2);
  ASSERT_TRUE(client->SendRequest(12, 77, Fetch("t", 0)).ok());
  while (budget_.refused_count() == 0) std::this_thread::yield();
  others.Release();
  Result<FetchResponse> fetched = client->Receive<FetchResponse>(12, 77);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(fetched->topics[0].partitions[0].high_watermark, 1);
  ASSERT_TRUE(client->Call<FetchResponse>(12, Fetch("t", 1)).ok());
  while (budget_.used_bytes() > 0) std::this_thread::yield();
}

TEST_F(KafkaServerTest, TakesLargeFrames) {
  MakeTopic("t");
  auto client = Connect();
  std::vector<std::byte> batch = Batch(std::string(9 << 20, 'x'));
  Result<ProduceResponse> produced = client->Call<ProduceResponse>(9, Produce("t", batch));
  ASSERT_TRUE(produced.ok()) << produced.status();
  EXPECT_EQ(produced->topics[0].partitions[0].error_code, 0);
  FetchRequest request = Fetch("t", 0);
  request.topics[0].partitions[0].max_bytes = 20 << 20;
  Result<FetchResponse> fetched = client->Call<FetchResponse>(12, request);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_GT(fetched->topics[0].partitions[0].records[0].bytes.size(), size_t{9} << 20);
}

TEST_F(KafkaServerTest, CreatesTopicsThatMetadataAsksForUnlessTold) {
  auto client = Connect();
  MetadataRequest request;
  request.topics.emplace().push_back({.name = "auto"});
  request.allow_auto_topic_creation = false;
  Result<MetadataResponse> response = client->Call<MetadataResponse>(12, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->topics[0].error_code, 3);
  request.allow_auto_topic_creation = true;
  response = client->Call<MetadataResponse>(12, request);
  EXPECT_EQ(response->topics[0].error_code, 0);
  EXPECT_EQ(response->topics[0].partitions.size(), 1u);
  EXPECT_EQ(response->brokers[0].port, server_->port());
  EXPECT_EQ(response->brokers[0].host, "127.0.0.1");
  EXPECT_EQ(response->cluster_id, "test-cluster");
  request.topics->at(0).name = "bad name!";
  EXPECT_EQ(client->Call<MetadataResponse>(12, request)->topics[0].error_code, 17);
}

TEST_F(KafkaServerTest, ListsOffsetsByTheKindsThatTheVersionKnows) {
  MakeTopic("t");
  auto client = Connect();
  ASSERT_TRUE(client->Call<ProduceResponse>(9, Produce("t", Batch("a", 4))).ok());
  auto list = [&](int64_t timestamp, int16_t version) {
    ListOffsetsRequest request;
    request.topics.push_back({.name = "t"});
    request.topics[0].partitions.push_back({.timestamp = timestamp});
    auto partition = client->Call<ListOffsetsResponse>(version, request)->topics[0].partitions[0];
    return std::pair(partition.error_code, partition.offset);
  };
  using Answer = std::pair<int16_t, int64_t>;
  EXPECT_EQ(list(-1, 5), Answer(0, 4));
  EXPECT_EQ(list(-2, 5), Answer(0, 0));
  EXPECT_EQ(list(-3, 6), Answer(35, -1));
  EXPECT_EQ(list(-3, 7), Answer(0, 0));
  EXPECT_EQ(list(-5, 9), Answer(0, -1));
  EXPECT_EQ(list(-9, 11), Answer(35, -1));
}

TEST_F(KafkaServerTest, HandsOutProducerIds) {
  auto client = Connect();
  InitProducerIdRequest request;
  Result<InitProducerIdResponse> first = client->Call<InitProducerIdResponse>(4, request);
  Result<InitProducerIdResponse> second = client->Call<InitProducerIdResponse>(4, request);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->producer_id, second->producer_id);
  request.transactional_id = "x";
  request.transaction_timeout_ms = 60'000;
  Result<InitProducerIdResponse> mine = client->Call<InitProducerIdResponse>(4, request);
  ASSERT_TRUE(mine.ok());
  EXPECT_EQ(mine->error_code, 0);
  EXPECT_EQ(mine->producer_epoch, 0);
  Result<InitProducerIdResponse> again = client->Call<InitProducerIdResponse>(4, request);
  EXPECT_EQ(again->producer_id, mine->producer_id);
  EXPECT_EQ(again->producer_epoch, 1);
  request.transaction_timeout_ms = 1'000'000;
  EXPECT_EQ(client->Call<InitProducerIdResponse>(4, request)->error_code, 50);
  FindCoordinatorRequest find{.key_type = 1, .coordinator_keys = {"x"}};
  Result<FindCoordinatorResponse> found = client->Call<FindCoordinatorResponse>(4, find);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->coordinators[0].error_code, 0);
}

TEST_F(KafkaServerTest, TwoMembersShareAGroup) {
  auto first = Connect();
  auto second = Connect();
  JoinGroupRequest join;
  join.group_id = "g";
  join.session_timeout_ms = 10'000;
  join.rebalance_timeout_ms = 10'000;
  join.protocol_type = "consumer";
  join.protocols.push_back({.name = "range"});
  Result<JoinGroupResponse> alone = first->Call<JoinGroupResponse>(3, join);
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->error_code, 0);

  ASSERT_TRUE(second->SendRequest(3, 1, join).ok());
  HeartbeatRequest heartbeat{.group_id = "g", .generation_id = 1, .member_id = alone->member_id};
  while (first->Call<HeartbeatResponse>(3, heartbeat)->error_code == 0) {
  }
  join.member_id = alone->member_id;
  Result<JoinGroupResponse> leader = first->Call<JoinGroupResponse>(3, join);
  Result<JoinGroupResponse> follower = second->Receive<JoinGroupResponse>(3, 1);
  ASSERT_TRUE(leader.ok() && follower.ok());
  EXPECT_EQ(leader->members.size(), 2u);
  EXPECT_EQ(follower->generation_id, 2);

  SyncGroupRequest sync{.group_id = "g", .generation_id = 2, .member_id = follower->member_id};
  ASSERT_TRUE(second->SendRequest(3, 2, sync).ok());
  sync.member_id = leader->member_id;
  sync.assignments.push_back({follower->member_id, {"yours"}});
  ASSERT_TRUE(first->Call<SyncGroupResponse>(3, sync).ok());
  EXPECT_EQ(second->Receive<SyncGroupResponse>(3, 2)->assignment.data, "yours");

  DescribeGroupsRequest describe{.groups = {"g"}};
  Result<DescribeGroupsResponse> described = first->Call<DescribeGroupsResponse>(5, describe);
  EXPECT_EQ(described->groups[0].state, "Stable");
  EXPECT_EQ(described->groups[0].members.size(), 2u);
}

TEST_F(KafkaServerTest, KeepsCommittedOffsetsOverARestart) {
  MakeTopic("t");
  OffsetCommitRequest commit;
  commit.group_id = "g";
  commit.topics.push_back({.name = "t"});
  commit.topics[0].partitions.push_back({.committed_offset = 42, .committed_metadata = "m"});
  commit.topics[0].partitions.push_back({.index = 9, .committed_offset = 1});
  Result<OffsetCommitResponse> committed = Connect()->Call<OffsetCommitResponse>(8, commit);
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(committed->topics[0].partitions[0].error_code, 0);
  EXPECT_EQ(committed->topics[0].partitions[1].error_code, 3);
  Stop();
  SetUp();
  OffsetFetchRequest fetch;
  fetch.groups.push_back({.group_id = "g"});
  Result<OffsetFetchResponse> fetched = Connect()->Call<OffsetFetchResponse>(8, fetch);
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  ASSERT_EQ(fetched->groups[0].topics.size(), 1u);
  EXPECT_EQ(fetched->groups[0].topics[0].partitions[0].committed_offset, 42);
  EXPECT_EQ(fetched->groups[0].topics[0].partitions[0].metadata, "m");
}

TEST_F(KafkaServerTest, DeletedTopicTakesItsGroupOffsetsAlong) {
  MakeTopic("t");
  auto client = Connect();
  OffsetCommitRequest commit;
  commit.group_id = "g";
  commit.topics.push_back({.name = "t"});
  commit.topics[0].partitions.push_back({.committed_offset = 42});
  ASSERT_TRUE(client->Call<OffsetCommitResponse>(8, commit).ok());
  DeleteTopicsRequest remove{.topic_names = {"t", "nope"}};
  Result<DeleteTopicsResponse> removed = client->Call<DeleteTopicsResponse>(5, remove);
  EXPECT_EQ(removed->topics[0].error_code, 0);
  EXPECT_EQ(removed->topics[1].error_code, 3);
  MakeTopic("t");
  OffsetFetchRequest fetch{.group_id = "g"};
  fetch.topics.emplace().push_back({.name = "t", .partition_indexes = {0}});
  EXPECT_EQ(client->Call<OffsetFetchResponse>(7, fetch)->topics[0].partitions[0].committed_offset,
            -1);
}

TEST_F(KafkaServerTest, CreateTopicsExplainsItsRefusals) {
  MakeTopic("exists");
  MakeTopic("with.dot");
  auto client = Connect();
  auto error_of = [&](CreateTopicsRequest::Topic topic) {
    CreateTopicsRequest request;
    request.topics.push_back(std::move(topic));
    auto answer = client->Call<CreateTopicsResponse>(7, request)->topics[0];
    EXPECT_TRUE(answer.error_code == 0 || answer.error_message.has_value());
    return answer.error_code;
  };
  EXPECT_EQ(error_of({.name = "..", .partition_count = 1, .replication_factor = 1}), 17);
  EXPECT_EQ(error_of({.name = "with_dot", .partition_count = 1, .replication_factor = 1}), 17);
  EXPECT_EQ(error_of({.name = "exists", .partition_count = 1, .replication_factor = 1}), 36);
  EXPECT_EQ(error_of({.name = "a", .partition_count = 1, .replication_factor = 3}), 38);
  EXPECT_EQ(error_of({.name = "a", .partition_count = 0, .replication_factor = 1}), 37);
  EXPECT_EQ(error_of({.name = "a", .partition_count = -1, .replication_factor = -1}), 0);
  CreateTopicsRequest::Topic assigned{.name = "b", .partition_count = -1, .replication_factor = -1};
  assigned.assignments = {{0, {1}}, {1, {1}}};
  EXPECT_EQ(error_of(assigned), 0);
  EXPECT_EQ(log_.FindTopic("b")->partition_count, 2);
  assigned.name = "c";
  assigned.assignments = {{0, {2}}};
  EXPECT_EQ(error_of(assigned), 39);
}

TEST_F(KafkaServerTest, ChangesSingleSettingsOfATopic) {
  MakeTopic("t");
  auto client = Connect();
  auto alter = [&](IncrementalAlterConfigsRequest::Config change) {
    IncrementalAlterConfigsRequest request;
    request.resources.push_back({.resource_type = 2, .resource_name = "t"});
    request.resources[0].configs.push_back(std::move(change));
    return client->Call<IncrementalAlterConfigsResponse>(1, request)->resources[0].error_code;
  };
  EXPECT_EQ(alter({"retention.ms", 0, "5000"}), 0);
  EXPECT_EQ(alter({"cleanup.policy", 2, "compact"}), 0);
  EXPECT_EQ(log_.FindTopic("t")->config.at("retention.ms"), "5000");
  EXPECT_EQ(log_.FindTopic("t")->config.at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(alter({"cleanup.policy", 3, "delete"}), 0);
  EXPECT_EQ(log_.FindTopic("t")->config.at("cleanup.policy"), "compact");
  EXPECT_EQ(alter({"retention.ms", 2, "1"}), 40);
  EXPECT_EQ(alter({"retention.ms", 1, std::nullopt}), 0);
  EXPECT_EQ(log_.FindTopic("t")->config.count("retention.ms"), 0u);
}

TEST_F(KafkaServerTest, ANameThatCollidesIsNotCreatedByMetadata) {
  MakeTopic("with.dot");
  MetadataRequest request;
  request.topics.emplace().push_back({.name = "with_dot"});
  request.allow_auto_topic_creation = true;
  EXPECT_EQ(Connect()->Call<MetadataResponse>(12, request)->topics[0].error_code, 17);
  EXPECT_FALSE(log_.FindTopic("with_dot").has_value());
}

TEST_F(KafkaServerTest, ATrialOfMorePartitionsKnowsTheMost) {
  MakeTopic("t");
  auto client = Connect();
  for (int32_t count : {1, 1'000'000}) {
    CreatePartitionsRequest request{.validate_only = true};
    request.topics.push_back({.name = "t", .count = count});
    auto answer = client->Call<CreatePartitionsResponse>(1, request)->topics[0];
    EXPECT_EQ(answer.error_code, 37);
    EXPECT_THAT(answer.error_message.value_or(""), HasSubstr(count == 1 ? "already" : "at most"));
  }
}

TEST_F(KafkaServerTest, ATopicIsDeletedByItsNameOrItsId) {
  storage::TopicInfo info = MakeTopic("t");
  DeleteTopicsRequest request;
  request.topics.push_back({.name = "t", .topic_id = info.id});
  EXPECT_EQ(Connect()->Call<DeleteTopicsResponse>(6, request)->topics[0].error_code, 42);
  EXPECT_TRUE(log_.FindTopic("t").has_value());
}

// A byte of a request can stand for hundreds of its answer.
TEST_F(KafkaServerTest, ARequestWhoseAnswerCouldNeverBeHeldIsRefused) {
  FindCoordinatorRequest request;
  request.coordinator_keys.resize(200'000);
  auto client = Connect();
  ASSERT_TRUE(client->SendRequest(4, 1, request).ok());
  EXPECT_TRUE(client->IsClosed());
  request.coordinator_keys.resize(10'000);
  EXPECT_EQ(Connect()->Call<FindCoordinatorResponse>(4, request)->coordinators.size(), 10'000u);
  while (budget_.used_bytes() > 0) std::this_thread::yield();
}

TEST_F(KafkaServerTest, DescribesTopicPartitionsInPages) {
  MakeTopic("a", 3);
  MakeTopic("b", 2);
  auto client = Connect();
  DescribeTopicPartitionsRequest request{.response_partition_limit = 4};
  auto page = client->Call<DescribeTopicPartitionsResponse>(0, request);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->topics.size(), 2u);
  EXPECT_EQ(page->topics[1].partitions.size(), 1u);
  ASSERT_TRUE(page->next_cursor.has_value());
  request.cursor.emplace(DescribeTopicPartitionsRequest::Cursor{
      page->next_cursor->topic_name, page->next_cursor->partition_index});
  page = client->Call<DescribeTopicPartitionsResponse>(0, request);
  ASSERT_EQ(page->topics.size(), 1u);
  EXPECT_EQ(page->topics[0].name, "b");
  EXPECT_EQ(page->topics[0].partitions[0].index, 1);
  EXPECT_FALSE(page->next_cursor.has_value());
}

TEST_F(KafkaServerTest, StopEndsWaitingFetchesAndJoins) {
  MakeTopic("t");
  auto fetching = Connect();
  ASSERT_TRUE(fetching->SendRequest(12, 1, Fetch("t", 0, 60'000)).ok());
  auto joining = Connect();
  JoinGroupRequest join{
      .group_id = "g", .session_timeout_ms = 10'000, .rebalance_timeout_ms = 60'000};
  join.protocol_type = "consumer";
  join.protocols.push_back({.name = "range"});
  ASSERT_TRUE(joining->Call<JoinGroupResponse>(3, join).ok());
  auto waiting = Connect();
  ASSERT_TRUE(waiting->SendRequest(3, 1, join).ok());
  TimePoint begin = env_->Now();
  Stop();
  EXPECT_LT(env_->Now() - begin, std::chrono::seconds(1));
  EXPECT_TRUE(fetching->IsClosed());
  EXPECT_TRUE(waiting->IsClosed());
}

TEST_F(KafkaServerTest, SecondServerOnThePortIsRefused) {
  KafkaSettings settings;
  settings.port = server_->port();
  KafkaServer second(env_.get(), &log_, &log_, &budget_, &metrics_, Logger::Silent(), settings);
  EXPECT_TRUE(Is(RunBlocking(env_->shard(0), second.Start()), ErrorCode::kAddressInUse));
}

}  // namespace
}  // namespace mainstem::gateway::kafka
